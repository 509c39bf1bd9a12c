import pytest
import torch

from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.safetensors_torch import write_tensors
from autograd_by_hand.verdict.extended_precision import is_wider_than_float64
from compute_reference import compute_reference
from tests.stages import FORWARD, NEEDED, write_inputs


def run(folder, dtype, x=2.0, forward=FORWARD):
    given = write_inputs(folder, forward=forward)
    write_tensors(given["draws"], {"trial/x": torch.tensor([x]), "trial/W": torch.tensor([3.0])})
    inputs = {name: given[name] for name in ("forward", "draws", "cotangents")}
    made = {"gradients": folder / "reference", "arithmetic": folder / "arithmetic.json"}
    compute_reference(dtype, **inputs, needed=NEEDED, time_limit=10, **made)
    return read_arrays(made["gradients"]), read_json(made["arithmetic"])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_narrower_format_is_checked_in_float64(tmp_path, dtype):
    values, arithmetic = run(tmp_path, dtype)
    assert arithmetic == {"arithmetic": "float64", "reason": None}
    assert {name: value.tolist() for name, value in values.items()} == {
        "trial/result": [18.0],
        "trial/dx": [18.0],
        "trial/dW": [12.0],
    }
    assert {value.dtype.name for value in values.values()} == {"float64"}


def test_the_inputs_are_those_that_the_format_holds(tmp_path):
    values, _ = run(tmp_path, "bfloat16", x=1 + 2.0**-9)  # rounds to 1
    assert values["trial/dx"].tolist() == [9.0]
    values, _ = run(tmp_path, "float32", x=1 + 2.0**-9)
    assert values["trial/dx"].tolist() == [9 * (1 + 2.0**-9)]


def test_float64_is_checked_in_longdouble_and_keeps_what_float64_drops(tmp_path):
    third = "def forward(x, W):\n    return x * W / 3\n"
    values, arithmetic = run(tmp_path, "float64", forward=third)
    assert values["trial/dW"].tolist() == [2 / 3]
    if is_wider_than_float64():
        assert arithmetic == {"arithmetic": "longdouble", "reason": None}
        assert 0 < abs(values["trial/dW.tail"][0]) < 2**-53
    else:
        assert arithmetic["reason"] == "longdouble is no wider than double here"
