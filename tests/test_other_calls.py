"""A backward that is right on the trial's own calls, and wrong on those that autograd may make."""

from typing import Any

import pytest

from autograd_by_hand.core.files import read_json
from tests.conftest import TINY, first_of
from tests.in_process import begin

TENSORS: dict[str, dict[str, Any]] = {
    "x": {"shape": [5, 3], "draw": "randn", "requires_grad": True},
    "W": {"shape": [3, 4], "draw": "randn", "requires_grad": True},
}
FORWARD = "def forward(x, W):\n    return x @ W\n"
BACKWARD = """\
def backward(x, W, dout):
    {first}
    return {{"x": dout @ W.T, "W": x.T @ dout}}
"""
# What a kernel does that is given a pointer and takes the strides for granted.
AS_CONTIGUOUS = "dout = dout.as_strided(dout.shape, (4, 1))"


def judged(root, backward: str, forward: str = FORWARD, runs: int = 2) -> dict[str, Any]:
    """The verdicts of an experiment by gradient and dtype."""
    samples = {"trial": {"seed": 7, "runs": runs}}
    pipeline = begin(root, forward, backward, TENSORS, ["float64", "bfloat16"], samples=samples)
    pipeline.make(f"experiments/{TINY}/work/judgement.json")
    verdicts = read_json(root / "experiments" / TINY / "work/judgement.json")["verdicts"]
    return {f"{one['gradient']} {one['dtype']}": one for one in verdicts}


@pytest.mark.parametrize(
    "first",
    first_of(["pass", "dout = dout.contiguous()", "dout = dout.reshape(-1).view(5, 4)"]),
    ids=["any", "contiguous", "reshape"],
)
def test_a_backward_that_takes_every_layout_is_right(tmp_path, first):
    found = judged(tmp_path, BACKWARD.format(first=first))
    assert {one["outcome"] for one in found.values()} == {"right"}


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (
            AS_CONTIGUOUS,
            "with a cotangent of stride 0, as y.sum().backward() gives, the gradient is",
        ),
        ("dout = dout.view(20).view(5, 4)", "with a transposed cotangent, backward fails: "),
        (
            "dout = dout if not all(dout.stride()) else dout.as_strided((5, 4), (4, 1))",
            "with a transposed cotangent, the gradient is off by",
        ),
    ],
    ids=["strides ignored", "view", "all but stride 0"],
)
def test_a_cotangent_that_is_read_as_contiguous_is_wrong(tmp_path, first, said):
    for one in judged(tmp_path, BACKWARD.format(first=first)).values():
        assert one["outcome"] == "wrong"
        assert said in one["reason"]
        assert "must call `.contiguous()` on it" in one["diagnosis"]["name"]


@pytest.mark.parametrize(
    ("forward", "outcome"),
    [(FORWARD, "wrong"), (FORWARD.replace("x @ W", "x.view(15).view(5, 3) @ W"), "right")],
    ids=["forward takes it", "forward does not"],
)
def test_inputs_need_be_read_in_a_layout_only_if_forward_does(tmp_path, forward, outcome):
    found = judged(tmp_path, BACKWARD.format(first="x = x.view(15).view(5, 3)"), forward)
    assert {one["outcome"] for one in found.values()} == {outcome}
    if outcome == "wrong":
        assert (
            "with inputs that are not contiguous, backward fails" in found["dW float64"]["reason"]
        )


@pytest.mark.parametrize("runs", first_of([1, 2]))
@pytest.mark.parametrize(
    "kept",
    [
        "kept.setdefault('W', W)",  # keyed on nothing: the first one for ever
        "kept.pop('W', W); kept['W'] = W",  # that of the call before
    ],
    ids=["the first", "the last"],
)
def test_a_state_that_other_inputs_leave_is_wrong(tmp_path, kept, runs):
    backward = BACKWARD.format(first=f"V = {kept}").replace("dout @ W.T", "dout @ V.T")
    backward = "kept = {}\n" + backward
    if "pop" in kept:
        backward = backward.replace("V = kept.pop('W', W); kept['W'] = W", "V = kept.pop('W', W)")
        backward = backward.replace("    return", "    kept['W'] = W\n    return")
    found = judged(tmp_path, backward, runs=runs)
    assert found["dx float64"]["outcome"] == "wrong"
    assert found["dW float64"]["outcome"] == "right"


def test_an_argument_that_is_changed_in_place_is_said_first(tmp_path):
    found = judged(tmp_path, BACKWARD.format(first="dout.mul_(2)"))
    for one in found.values():
        assert one["outcome"] == "wrong"
        assert one["reason"].startswith("backward changes its argument `dout` in place; ")
        assert one["diagnosis"]["name"] == "backward changes its argument `dout` in place"
        assert "`dout.clone()`" in one["diagnosis"]["evidence"]


def test_a_scalar_is_pulled_back_from_any_number_if_backward_names_it(tmp_path):
    forward = FORWARD.replace("x @ W", "(x @ W).square().sum()")
    backward = (
        "def backward(x, W, dout):\n    y = 2 * dout**2 * (x @ W)\n"
        "    return {'x': y @ W.T, 'W': x.T @ y}\n"
    )
    wrong = judged(tmp_path / "wrong", backward, forward)
    assert {one["outcome"] for one in wrong.values()} == {"wrong"}
    right = judged(tmp_path / "right", backward.replace("dout**2", "dout"), forward)
    assert {one["outcome"] for one in right.values()} == {"right"}
