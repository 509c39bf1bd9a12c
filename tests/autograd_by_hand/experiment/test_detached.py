"""Where a function stops derivatives, and the same function with all that it detaches held fixed."""

import pytest
import torch

from autograd_by_hand.experiment.detached import detached_fixed, finding_stops, functions_behind
from autograd_by_hand.experiment.gradient_stops import Stop, described
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.user_code import load_function

FORWARD = """\
import torch

class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, dout):
        return dout

def forward(x):
    BODY
"""
BODY = FORWARD.count("\n")  # the line on which the body stands


def load(folder, body):
    path = folder / "forward.py"
    path.write_text(FORWARD.replace("BODY", body.replace("\n", "\n    ")))
    return path, load_function(path, "forward", Given(("x",), {}), 10)


def stops_in(folder, body):
    path, forward = load(folder, body)
    with finding_stops(path) as stops:
        result = forward(torch.tensor([0.25, 1.5], requires_grad=True))
    return [
        (one["kind"], one["operation"], one["line"])
        for one in stops + functions_behind([result], path)
    ]


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True")
def test_what_detaches_is_found_with_its_line(tmp_path):
    for body, operation in [
        ("return x + (x.round() - x).detach()", "detach"),
        ("return x * torch.detach(x)", "detach"),
        ("return x * x.data", "data"),
        ("return x * x[0].item()", "item"),
        ("return x * float(x[0])", "__float__"),
        ("return x * torch.from_numpy(x.detach().numpy())", "detach"),
    ]:
        found = [one for one in stops_in(tmp_path, body) if one[0] == "detach"]
        assert found == [("detach", operation, BODY)], body


def test_what_is_computed_under_no_grad_is_found(tmp_path):
    body = "with torch.no_grad():\n    hard = x > 0.5\nreturn x * hard"
    assert stops_in(tmp_path, body) == [("detach", "torch.no_grad", BODY + 1)]


def test_steps_are_found_with_their_lines(tmp_path):
    found = stops_in(tmp_path, "y = torch.round(x)\nreturn x * y * x.sign()")
    assert found == [("step", "round", BODY), ("step", "sign", BODY + 1)]


def test_a_function_with_a_backward_of_its_own_is_found_where_it_is_defined(tmp_path):
    found = [one for one in stops_in(tmp_path, "return Own.apply(x)") if one[0] != "step"]
    assert found == [("function", "Own", 4)]


def test_what_stops_nothing_is_not_found(tmp_path):
    constant = "return x * torch.ones(2).detach() * torch.ones(2).round()"
    assert stops_in(tmp_path, constant) == []
    assert stops_in(tmp_path, "return (x * x).sum()") == []


def test_what_is_detached_is_held_at_its_first_value(tmp_path):
    for body in (
        "return x * x.detach()",
        "return x * x.data",
        "with torch.no_grad():\n    hard = x * 1\nreturn x * hard",
        "with torch.no_grad():\n    hard = torch.zeros(2)\n    hard += x\nreturn x * hard",
    ):
        fixed = detached_fixed(load(tmp_path, body)[1])
        assert fixed(x=torch.tensor([2.0, 3.0])).tolist() == [4.0, 9.0]
        assert fixed(x=torch.tensor([4.0, 5.0])).tolist() == [8.0, 15.0], body
    fixed = detached_fixed(load(tmp_path, "return x * x[0].item()")[1])
    assert fixed(x=torch.tensor([2.0, 3.0])).tolist() == [4.0, 6.0]
    assert fixed(x=torch.tensor([4.0, 5.0])).tolist() == [8.0, 10.0]


def test_all_else_follows_the_inputs_also_where_gradients_are_disabled(tmp_path):
    fixed = detached_fixed(load(tmp_path, "return Own.apply(x) + x * 2")[1])
    with torch.no_grad():
        assert fixed(x=torch.tensor([2.0])).tolist() == [6.0]
        assert fixed(x=torch.tensor([4.0])).tolist() == [12.0]


def test_a_function_that_goes_another_way_is_called_as_it_is(tmp_path):
    fixed = detached_fixed(load(tmp_path, "return x.detach() if x[0] < 3 else x * float(x[0])")[1])
    assert fixed(x=torch.tensor([2.0])).tolist() == [2.0]
    assert fixed(x=torch.tensor([4.0])).tolist() == [16.0]


def test_stops_are_named_with_their_places():
    stops = [
        Stop(kind="detach", operation="detach", line=7),
        Stop(kind="function", operation="Own", line=None),
    ]
    assert described(stops, "forward.py") == "detach (forward.py:7), Own"
