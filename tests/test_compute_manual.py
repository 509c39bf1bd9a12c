import pytest

from scripts.compute_manual import compute_manual
from scripts.lib.author import torch_dtype
from scripts.lib.files import read_json
from scripts.lib.refusal import Refusal
from scripts.lib.tensors import read_tensors
from tests.stages import BACKWARD, NEEDED, write_inputs


def run(folder, dtype="float32", backward=BACKWARD):
    given = write_inputs(folder, backward=backward)
    made = {"gradients": folder / "manual.safetensors", "calls": folder / "calls.json"}
    inputs = {name: given[name] for name in ("backward", "draws", "cotangents")}
    compute_manual(dtype, **inputs, needed=NEEDED, time_limit=10, **made)
    return read_tensors(made["gradients"]), read_json(made["calls"])


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_each_gradient_is_what_the_author_computes_in_the_format(tmp_path, dtype):
    gradients, calls = run(tmp_path, dtype)
    assert {name: value.tolist() for name, value in gradients.items()} == {
        "trial/dx": [18.0],
        "trial/dW": [12.0],
    }
    assert {value.dtype for value in gradients.values()} == {torch_dtype(dtype)}
    assert calls == {"second_call": {"x": "same bits", "W": "same bits"}, "changed_inputs": []}


def test_a_gradient_that_grows_from_call_to_call_is_told(tmp_path):
    grows = "kept = []\ndef backward(x, W):\n    kept.append(1)\n    return {'x': x * len(kept), 'W': W}\n"
    gradients, calls = run(tmp_path, backward=grows)
    assert calls["second_call"]["x"] != "same bits"
    assert calls["second_call"]["W"] == "same bits"
    assert gradients["trial/dx"].tolist() == [2.0]  # the first call's


def test_an_input_changed_in_place_is_told_and_spoils_nothing(tmp_path):
    changes = "def backward(x, W):\n    x *= 2\n    return {'x': W, 'W': x}\n"
    gradients, calls = run(tmp_path, backward=changes)
    assert calls["changed_inputs"] == ["x"]
    assert gradients["trial/dW"].tolist() == [4.0]


def test_a_missing_gradient_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(Refusal, match="the gradient of 'W' is missing"):
        run(tmp_path, backward="def backward(x, W):\n    return {'x': x}\n")
    assert not (tmp_path / "manual.safetensors").exists()
