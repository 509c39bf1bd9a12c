import pytest
import torch

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors
from compute_manual import compute_manual
from tests.stages import BACKWARD, NEEDED, write_inputs

FAULTY = """\
from pathlib import Path

def backward(x, W, dout):
    with Path(__file__).with_name("called").open("a") as file:
        file.write("x")
    {fault}
    return {{'x': W * dout, 'W': x * dout}}
"""


def run(folder, dtype="float32", backward=BACKWARD, time_limit=10):
    given = write_inputs(folder, backward=backward)
    made = {"gradients": folder / "manual.safetensors", "calls": folder / "calls.json"}
    inputs = {name: given[name] for name in ("forward", "backward", "draws", "cotangents")}
    compute_manual(dtype, **inputs, needed=NEEDED, time_limit=time_limit, **made)
    return read_tensors(made["gradients"]), read_json(made["calls"])


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_each_gradient_is_what_the_author_computes_in_the_format(tmp_path, dtype):
    gradients, calls = run(tmp_path, dtype)
    assert {name: value.tolist() for name, value in gradients.items()} == {
        "trial/dx": [18.0],
        "trial/dW": [12.0],
    }
    assert {value.dtype for value in gradients.values()} == {torch_dtype(dtype)}
    assert calls == {
        "second_call": {"x": "same bits", "W": "same bits"},
        "zero_cotangent": {},  # BACKWARD takes none
        "changed_inputs": [],
        "refused": {},
    }


def test_a_gradient_that_grows_from_call_to_call_is_told(tmp_path):
    grows = "kept = []\ndef backward(x, W):\n    kept.append(1)\n    return {'x': x * len(kept), 'W': W}\n"
    gradients, calls = run(tmp_path, backward=grows)
    assert calls["second_call"] == {"x": "twice the first", "W": "same bits"}
    assert gradients["trial/dx"].tolist() == [2.0]  # the first call's
    assert gradients["trial/dx.second"].tolist() == [4.0]
    assert "trial/dW.second" not in gradients


def test_an_input_changed_in_place_is_told_and_spoils_nothing(tmp_path):
    changes = "def backward(x, W):\n    x *= 2\n    return {'x': W, 'W': x}\n"
    gradients, calls = run(tmp_path, backward=changes)
    assert calls["changed_inputs"] == ["x"]
    assert gradients["trial/dW"].tolist() == [4.0]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_gradient_that_is_refused_leaves_the_other(tmp_path, dtype):
    missing = "def backward(x, W):\n    return {'x': W}\n"
    gradients, calls = run(tmp_path, dtype, missing)
    assert gradients["trial/dx"].tolist() == [3.0]
    assert gradients["trial/dW"].isnan().tolist() == [True]
    assert gradients["trial/dW"].dtype == torch_dtype(dtype)
    assert calls["refused"] == {
        "W": f"{tmp_path}/backward.py:1: the gradient of 'W' is missing; backward must give 'x', 'W'."
    }
    assert calls["second_call"] == {"x": "same bits", "W": "same bits"}


def test_a_gradient_that_is_refused_in_one_format_is_given_in_another(tmp_path):
    wide = "def backward(x, W):\n    return {'x': W, 'W': x.double()}\n"
    gradients, calls = run(tmp_path, "float64", wide)
    assert (gradients["trial/dW"].tolist(), calls["refused"]) == ([2.0], {})
    _, calls = run(tmp_path, "float16", wide)
    assert "dW is float64 but W is float16" in calls["refused"]["W"]


@pytest.mark.parametrize(("given", "gradient"), [(1, 2.0), (2, 0.0)])
def test_a_gradient_that_is_refused_in_one_of_the_two_calls_is_told(tmp_path, given, gradient):
    once = f"kept = []\ndef backward(x, W):\n    kept.append(1)\n    return {{'x': W, 'W': x if len(kept) == {given} else None}}\n"
    gradients, calls = run(tmp_path, backward=once)
    assert gradients["trial/dW"].nan_to_num(0).tolist() == [gradient]  # of the first call
    assert "the gradient of 'W' is None" in calls["refused"]["W"]


@pytest.mark.parametrize(
    ("gradients", "told", "shares"),
    [
        ("'x': W * dout, 'W': x * dout", {"x": "zero", "W": "zero"}, {}),
        ("'x': W * dout, 'W': x", {"x": "zero", "W": "values up to 2"}, {"W": 1.0}),
        (
            "'x': W + dout, 'W': x / dout * dout",
            {"x": "values up to 3", "W": "inf or nan"},
            {"x": 3 / 4, "W": "inf"},
        ),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_what_a_cotangent_of_zeros_gives_is_told(tmp_path, gradients, told, shares, dtype):
    _, calls = run(tmp_path, dtype, f"def backward(x, W, dout):\n    return {{{gradients}}}\n")
    assert calls["zero_cotangent"] == told
    assert calls.get("zero_share", {}) == shares


def test_a_cotangent_of_zeros_spoils_neither_gradients_nor_calls(tmp_path):
    kept = "seen = []\ndef backward(x, W, dout):\n    seen.append(float(dout))\n    return {'x': W * dout, 'W': x * len(seen)}\n"
    gradients, calls = run(tmp_path, backward=kept)
    assert {name: value.tolist() for name, value in gradients.items()} == {
        "trial/dx": [3.0],
        "trial/dW": [2.0],
        "trial/dW.second": [4.0],
    }
    assert calls["second_call"] == {"x": "same bits", "W": "twice the first"}
    assert calls["zero_cotangent"] == {"x": "zero", "W": "values up to 6"}  # of the third call


@pytest.mark.parametrize(
    ("fault", "times", "sentence"),
    [
        # Twice, for a cotangent of zeros, watched, and four times to see whether it keeps a state.
        ("pass", "xxxxxxxx", None),
        ("while x.dtype.itemsize == 8: pass", "x", ":6: still running after 0.2 s; "),
        ("raise ValueError('no')", "x", ":6: ValueError: no."),
        ("return x", "x", ":3: backward returns a Tensor; "),
    ],
    ids=["none", "an endless loop in one format", "an error", "no dict"],
)
def test_a_backward_that_fails_is_called_no_more_in_that_format(tmp_path, fault, times, sentence):
    limit = 0.2 if "while" in fault else 10
    _, calls = run(tmp_path, "float64", FAULTY.format(fault=fault), limit)
    assert (tmp_path / "called").read_text() == times
    assert list(calls["refused"]) == (["x", "W"] if sentence else [])
    for told in calls["refused"].values():
        assert told.startswith(f"{tmp_path}/backward.py{sentence}")


def test_an_endless_loop_in_one_format_leaves_the_others(tmp_path):
    loop = FAULTY.format(fault="while x.dtype.itemsize == 8: pass")
    gradients, _ = run(tmp_path, "float64", loop, 0.2)
    assert all(value.isnan().all() for value in gradients.values())
    gradients, calls = run(tmp_path, "float32", loop)
    assert {name: value.tolist() for name, value in gradients.items()} == {
        "trial/dx": [3.0],
        "trial/dW": [2.0],
    }
    assert calls["refused"] == {}


def test_the_use_of_autograd_is_told_with_its_line(tmp_path):
    uses = """\
import torch

def backward(x, W):
    with torch.enable_grad():
        x, W = x.requires_grad_(), W.requires_grad_()
        (x * W).square().backward()
    return {'x': x.grad.clone(), 'W': W.grad}
"""
    _, calls = run(tmp_path, backward=uses)
    assert calls["autograd"] == {
        "whole": True,
        "gradients": ["x", "W"],
        "nodes": ["MulBackward0", "PowBackward0"],
        "lines": [6],
    }


def test_a_backward_that_fails_only_when_watched_is_told_as_right(tmp_path):
    fails = "calls = []\ndef backward(x, W, dout):\n    calls.append(1)\n    assert len(calls) < 4\n    return {'x': W * dout, 'W': x * dout}\n"
    _, calls = run(tmp_path, backward=fails)
    assert calls["refused"] == {}
    assert "autograd" not in calls


def run_thrice(folder, backward):
    """As `run`, on three runs with x = 2, -1, 5 and W = 1."""
    given = write_inputs(folder, backward=backward)
    drawn = {"trial/x": torch.tensor([2.0, -1.0, 5.0]), "trial/W": torch.ones(3)}
    write_tensors(given["draws"], drawn)
    write_tensors(given["cotangents"], {"trial/dout": torch.ones(3)})
    made = {"gradients": folder / "manual.safetensors", "calls": folder / "calls.json"}
    inputs = {name: given[name] for name in ("forward", "backward", "draws", "cotangents")}
    compute_manual("float32", **inputs, needed=NEEDED, time_limit=10, **made)
    return read_tensors(made["gradients"]), read_json(made["calls"])


def test_a_gradient_that_is_refused_in_one_run_is_told_and_given_in_the_others(tmp_path):
    partly = "def backward(x, W):\n    return {'x': W, 'W': x if x > 0 else None}\n"
    gradients, calls = run_thrice(tmp_path, partly)
    assert gradients["trial/dW"].nan_to_num(0).tolist() == [2.0, 0.0, 5.0]
    assert gradients["trial/dx"].tolist() == [1.0, 1.0, 1.0]
    assert list(calls["refused"]) == ["W"]
    assert "the gradient of 'W' is None" in calls["refused"]["W"]


def test_runs_after_one_that_fails_are_lost_and_those_before_are_kept(tmp_path):
    failing = "def backward(x, W):\n    assert x > 0\n    return {'x': W, 'W': x}\n"
    gradients, calls = run_thrice(tmp_path, failing)
    assert gradients["trial/dW"].nan_to_num(0).tolist() == [2.0, 0.0, 0.0]
    assert gradients["trial/dW"].isnan().tolist() == [False, True, True]
    assert calls["refused"]["W"] == f"{tmp_path}/backward.py:2: AssertionError."
