import pytest

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.storage.safetensors_torch import read_tensors
from run_autograd import run_autograd
from tests.stages import FORWARD, NEEDED, write_inputs


def run(folder, dtype="float32", forward=FORWARD):
    given = write_inputs(folder, forward=forward)
    inputs = {name: given[name] for name in ("forward", "draws", "cotangents")}
    made = folder / "autograd.safetensors"
    run_autograd(dtype, **inputs, needed=NEEDED, time_limit=10, gradients=made)
    return read_tensors(made)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_result_and_its_gradients_are_in_the_format(tmp_path, dtype):
    values = run(tmp_path, dtype)
    assert {name: value.tolist() for name, value in values.items()} == {
        "trial/result": [18.0],
        "trial/dx": [18.0],
        "trial/dW": [12.0],
    }
    assert {value.dtype for value in values.values()} == {torch_dtype(dtype)}


def test_a_tensor_that_forward_does_not_use_is_refused(tmp_path):
    with pytest.raises(UserError, match="does not depend on 'W'"):
        run(tmp_path, forward="def forward(x, W):\n    return x * x\n")
    assert not (tmp_path / "autograd.safetensors").exists()
