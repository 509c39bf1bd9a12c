import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors
from measure_noise import AT_LEAST, DRAWS, measure_noise
from tests.stages import FORWARD, NEEDED, write_inputs

PRODUCT = "def forward(x, W):\n    return x * W\n"
X, W = 1 + 2.0**-5, 1 + 2.0**-6  # whose product is half way between two numbers of float16
DOUT = 1 + 2.0**-5


def run(folder, dtype="float16", forward=PRODUCT, needed=NEEDED, **tensors):
    """The noise and the overflows, on x = X, W = W and dout = DOUT in the trial's only run."""
    given = write_inputs(folder, forward)
    del given["backward"]
    plain = {name: torch.tensor([[one]]) for name, one in (("x", X), ("W", W), ("dout", DOUT))}
    tensors = plain | tensors
    cotangents = {"trial/dout": tensors.pop("dout")}
    write_tensors(given["draws"], {f"trial/{name}": value for name, value in tensors.items()})
    write_tensors(given["cotangents"], cotangents)
    made = {"noise": folder / "noise.safetensors", "overflows": folder / "overflows.json"}
    measure_noise(dtype, **given, needed=needed, time_limit=10, **made)
    return read_tensors(made["noise"]), read_json(made["overflows"])


def test_a_product_half_way_between_two_numbers_is_off_by_half_an_ulp(tmp_path):
    noise, _ = run(tmp_path)
    assert noise["trial/dx"].tolist() == [[2.0**-11]]  # dx = dout W
    assert noise["trial/dx"].dtype == torch.float64


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_an_exact_gradient_has_no_noise_in_any_format(tmp_path, dtype):
    numbers = {"x": torch.tensor([[2.0]]), "W": torch.tensor([[3.0]]), "dout": torch.ones(1, 1)}
    noise, overflows = run(tmp_path, dtype, FORWARD, **numbers)
    assert {name: value.tolist() for name, value in noise.items()} == {
        "trial/dx": [[0.0]],
        "trial/dW": [[0.0]],
    }
    assert overflows["overflows"] == {}


def test_the_inputs_are_rounded_to_the_format_first(tmp_path):
    tail = 2.0**-20  # is lost in float16: what is left is exact
    numbers = {"x": torch.tensor([[1 + tail]]), "W": torch.tensor([[3 + 4 * tail]])}
    noise, _ = run(tmp_path, dout=torch.tensor([[1 + tail]]), **numbers)
    assert noise["trial/dx"].tolist() == [[0]]


def test_float64s_noise_is_less_than_its_ulp(tmp_path):
    third = torch.full((1, 1), 1 / 3)  # whose square needs 48 bits
    noise, _ = run(tmp_path, "float64", x=third, dout=third)
    assert 0 < noise["trial/dW"].item() < 2.0**-56


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_noise_is_of_the_size_of_the_formats_rounding(tmp_path, dtype):
    drawn = {"x": torch.tensor([1.1]), "W": torch.tensor([1.3])}  # 1.43, rounded and multiplied
    noise, _ = run(tmp_path, dtype, FORWARD, **drawn, dout=torch.ones(1))
    for value in noise.values():
        assert 0.1 * eps(dtype) < value.item() < 2 * eps(dtype)


def test_each_element_of_each_run_has_a_noise(tmp_path):
    many = {name: torch.ones(3, 2, 4) for name in ("x", "W", "dout")}
    noise, _ = run(tmp_path, **many)
    assert noise["trial/dx"].shape == noise["trial/dW"].shape == (3, 2, 4)


def test_only_what_needs_a_gradient_has_noise(tmp_path):
    noise, _ = run(tmp_path, needed=["W"])
    assert list(noise) == ["trial/dW"]


def test_only_the_trial_is_measured(tmp_path):
    given = write_inputs(tmp_path)
    del given["backward"]
    for name, tensors in (("draws", "xW"), ("cotangents", ["dout"])):
        both = {
            f"{sample}/{one}": torch.ones(1) for sample in ("again", "trial") for one in tensors
        }
        write_tensors(given[name], both)
    made = {"noise": tmp_path / "noise.safetensors", "overflows": tmp_path / "overflows.json"}
    measure_noise("float16", **given, needed=NEEDED, time_limit=10, **made)
    assert sorted(read_tensors(made["noise"])) == ["trial/dW", "trial/dx"]
    assert read_json(made["overflows"])["draws"] == DRAWS


@pytest.mark.parametrize(("runs", "draws"), [(1, DRAWS), (DRAWS // 2, AT_LEAST * DRAWS // 2)])
def test_the_draws_are_shared_by_the_runs_but_each_has_a_few(tmp_path, runs, draws):
    many = {name: torch.ones(runs) for name in ("x", "W", "dout")}
    assert run(tmp_path, **many)[1]["draws"] == draws


def test_what_overflows_is_told_in_draws(tmp_path):
    noise, overflows = run(tmp_path, x=torch.tensor([[300.0]]), W=torch.tensor([[300.0]]))
    assert overflows == {"draws": DRAWS, "overflows": {"mul": DRAWS}}
    assert noise["trial/dx"].isfinite().all()  # the product is no part of its own gradient


def test_a_gradient_that_overflows_has_no_finite_noise(tmp_path):
    large = {name: torch.tensor([[300.0]]) for name in ("x", "W", "dout")}
    noise, _ = run(tmp_path, **large)
    assert noise["trial/dx"].tolist() == [[float("inf")]]


def test_the_same_inputs_give_the_same_noise(tmp_path):
    third = {name: torch.full((1, 1), 1 / 3) for name in ("x", "W", "dout")}
    first, second = (run(tmp_path, **third)[0] for _ in range(2))
    assert torch.equal(first["trial/dx"], second["trial/dx"])
    assert first["trial/dx"].item() > 0


def test_a_forward_that_fails_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(UserError, match=r"forward.py:2: ZeroDivisionError"):
        run(tmp_path, forward="def forward(x, W):\n    return x * (1 // 0)\n")
    assert not (tmp_path / "noise.safetensors").exists()
