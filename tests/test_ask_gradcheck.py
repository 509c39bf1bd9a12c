import pytest
import torch

from scripts.ask_gradcheck import ask_gradcheck
from scripts.lib.files import read_json
from scripts.lib.tensors import write_tensors
from tests.stages import write_inputs

FORWARD = "def forward(x, W):\n    return 0.5 * ((x @ W.T) ** 2).sum()\n"
BACKWARD = "def backward(x, W):\n    y = x @ W.T\n    return {'x': y @ W, 'W': y.T @ x}\n"


def run(folder, forward=FORWARD, backward=BACKWARD, x=(3, 40), W=(50, 40)):
    given = write_inputs(folder, forward=forward, backward=backward)
    generator = torch.Generator().manual_seed(0)
    drawn = {
        "trial/x": torch.randn((1, *x), generator=generator),
        "trial/W": torch.randn((1, *W), generator=generator),
    }
    write_tensors(given["draws"], drawn)
    opinion = folder / "gradcheck.json"
    inputs = [given[name] for name in ("forward", "backward", "draws", "cotangents")]
    ask_gradcheck(*inputs, ["x", "W"], 10, opinion)
    return read_json(opinion)


def test_it_is_asked_on_axes_cut_short_that_stay_different(tmp_path):
    told = run(tmp_path)
    assert told["shapes"] == {"x": [3, 4], "W": [5, 4]}
    assert (told["fast"], told["objection"], told["refused"]) == (False, None, None)


@pytest.mark.parametrize("fast", [False, True])
def test_it_objects_to_a_wrong_gradient(tmp_path, fast):
    forward = FORWARD.replace("x @ W.T", "x @ W.view(50, 40).T") if fast else FORWARD
    told = run(tmp_path, forward, BACKWARD.replace("y @ W", "y @ W * 1.01"))
    assert told["fast"] == fast
    assert told["objection"].startswith("Jacobian mismatch for output 0 with respect to input x")


def test_of_sizes_that_are_fixed_it_is_asked_in_its_fast_mode(tmp_path):
    told = run(tmp_path, FORWARD.replace("x @ W.T", "x @ W.view(50, 40).T"))
    assert (told["shapes"], told["fast"]) == ({"x": [3, 40], "W": [50, 40]}, True)
    assert (told["objection"], told["refused"]) == (None, None)


def test_a_backward_that_fails_is_told(tmp_path):
    told = run(tmp_path, backward="def backward(x, W):\n    raise ValueError('no')\n")
    assert told["refused"] == f"{tmp_path}/backward.py:2: ValueError: no."
    assert told["objection"] is None
