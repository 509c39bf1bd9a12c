import numpy as np
import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from reorder_sums import reorder_sums
from tests.stages import BACKWARD, NEEDED, write_inputs


def run(folder, backward=BACKWARD):
    given = write_inputs(folder, backward=backward)
    made = {"gradients": folder / "reordered.safetensors", "handed_over": folder / "handed.json"}
    inputs = {name: given[name] for name in ("backward", "draws", "cotangents")}
    reorder_sums("float32", **inputs, needed=NEEDED, time_limit=10, **made)
    values = {name: value.tolist() for name, value in read_arrays(made["gradients"]).items()}
    return values, read_json(made["handed_over"])


def test_a_formula_without_sums_is_the_authors_own(tmp_path):
    assert run(tmp_path) == ({"trial/dx": [18.0], "trial/dW": [12.0]}, {})


def test_a_gradient_that_is_refused_is_no_number_and_leaves_the_other(tmp_path):
    values, _ = run(tmp_path, "def backward(x, W):\n    return {'x': x * W * W, 'W': W[None]}\n")
    assert values["trial/dx"] == [18.0]
    assert np.isnan(values["trial/dW"]).tolist() == [True]


def test_each_sum_is_counted_as_numpys(tmp_path):
    sums = "def backward(x, W):\n    y = (x * W).sum()\n    return {'x': y * W, 'W': y * x}\n"
    assert run(tmp_path, sums) == ({"trial/dx": [18.0], "trial/dW": [12.0]}, {"sum": 1})


def test_a_backward_that_fails_with_numpys_sums_alone_has_none(tmp_path):
    watchful = """\
from torch.utils._python_dispatch import _get_current_dispatch_mode


def backward(x, W):
    if _get_current_dispatch_mode() is not None:
        raise ValueError("observed")
    return {'x': x * W * W, 'W': x * x * W}
"""
    with pytest.raises(UserError, match=r"backward\.py:6: ValueError: observed"):
        run(tmp_path, watchful)


def test_a_backward_that_fails_anyway_is_no_number_here(tmp_path):
    values, _ = run(tmp_path, "def backward(x, W):\n    raise ValueError\n")
    assert np.isnan([values["trial/dx"], values["trial/dW"]]).all()
