import pytest
import torch

from ask_gradcheck import ask_gradcheck
from autograd_by_hand.core.files import read_json
from autograd_by_hand.experiment import gradcheck
from autograd_by_hand.storage.safetensors_torch import write_tensors
from tests.stages import NEEDED, write_inputs

FORWARD = "def forward(x, W):\n    return 0.5 * ((x @ W.T) ** 2).sum()\n"
BACKWARD = """\
def backward(x, W):
    y = x @ W.T
    return {"x": y @ W, "W": y.T @ x}
"""
ROWS, COLUMNS, WIDTH = 2, 64, 10  # 769 elements with the result, more than are checked one by one


def run(folder, forward=FORWARD, backward=BACKWARD, time_limit=10.0, columns=COLUMNS):
    given = write_inputs(folder, forward, backward)
    generator = torch.Generator().manual_seed(0)
    x, W = (torch.randn(1, n, columns, generator=generator) for n in (ROWS, WIDTH))
    write_tensors(given["draws"], {"trial/x": x, "trial/W": W})
    opinion = folder / "opinion.json"
    ask_gradcheck(**given, needed=NEEDED, time_limit=time_limit, opinion=opinion)
    return read_json(opinion)


@pytest.mark.parametrize(("columns", "fast"), [(3, False), (COLUMNS, True)])
def test_a_right_gradient_has_no_objection(tmp_path, columns, fast):
    told = run(tmp_path, columns=columns)
    assert told == {"fast": fast, "objection": None, "refused": None}


@pytest.mark.parametrize(("columns", "fast"), [(3, False), (COLUMNS, True)])
@pytest.mark.parametrize("name", NEEDED)
def test_a_wrong_gradient_is_objected_to(tmp_path, columns, fast, name):
    wrong = BACKWARD.replace(f'"{name}": y', f'"{name}": 2 * y')
    told = run(tmp_path, backward=wrong, columns=columns)
    assert (told["fast"], told["refused"]) == (fast, None)
    assert f"with respect to input {name}" in told["objection"]


@pytest.mark.parametrize(("columns", "fast"), [(3, False), (COLUMNS, True)])
def test_nothing_is_called_with_shapes_that_were_not_declared(tmp_path, columns, fast):
    shapes = f"    assert (x.shape, W.shape) == (({ROWS}, {columns}), ({WIDTH}, {columns}))\n"
    forward, backward = (one.replace(":\n", f":\n{shapes}", 1) for one in (FORWARD, BACKWARD))
    told = run(tmp_path, forward, backward, columns=columns)
    assert told == {"fast": fast, "objection": None, "refused": None}


def test_a_function_too_slow_to_be_asked_about_every_element_is_asked_at_once(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(gradcheck, "PATIENCE", 0.2)
    slow = FORWARD.replace(":\n", ":\n    __import__('time').sleep(0.01)\n", 1)
    assert run(tmp_path, slow, columns=3) == {"fast": True, "objection": None, "refused": None}


def test_a_backward_that_fails_on_every_size_is_told_with_its_line(tmp_path):
    fails = "def backward(x, W):\n    raise ValueError('not done yet')\n"
    told = run(tmp_path, backward=fails)
    assert (told["fast"], told["objection"]) == (True, None)
    assert told["refused"] == f"{tmp_path}/backward.py:2: ValueError: not done yet."


def test_a_backward_that_does_not_end_is_told(tmp_path):
    told = run(
        tmp_path, backward="def backward(x, W):\n    while True:\n        pass\n", time_limit=0.1
    )
    assert told["objection"] is None
    assert "still running after 0.1 s" in told["refused"]


def test_gradchecks_patience_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(gradcheck, "PATIENCE", 0)
    told = run(tmp_path)
    assert (told["objection"], told["refused"]) == (None, "gradcheck is not done after 0 s.")


def test_a_backward_that_takes_the_cotangent_is_asked_with_it(tmp_path):
    forward = "def forward(x, W):\n    return x @ W.T\n"
    backward = "def backward(x, W, dout):\n    return {'x': dout @ W, 'W': dout.T @ x}\n"
    told = run(tmp_path, forward, backward)
    assert told == {"fast": True, "objection": None, "refused": None}


def test_only_the_trials_first_run_is_asked_about(tmp_path):
    forward = "def forward(x, W):\n    return (x * W).sum()\n"
    backward = "def backward(x, W):\n    return {'x': W.abs(), 'W': x}\n"  # right for 3
    told = {}
    for first, second in ((3.0, -3.0), (-3.0, 3.0)):
        given = write_inputs(tmp_path, forward, backward)
        W = torch.tensor([first, second])
        write_tensors(given["draws"], {"again/x": W, "again/W": W, "trial/x": W, "trial/W": W})
        write_tensors(given["cotangents"], {"again/dout": W, "trial/dout": W})
        opinion = tmp_path / "opinion.json"
        ask_gradcheck(**given, needed=NEEDED, time_limit=10, opinion=opinion)
        told[first] = read_json(opinion)["objection"]
    assert told[3.0] is None
    assert told[-3.0].endswith("with respect to input x")
