"""A recorded backward reproduces its gradients, however it writes into its memory."""

import pytest
import torch

from autograd_by_hand.diagnosis.steps import Steps
from tests.autograd_by_hand.diagnosis.backwards import drawn, function_of, traced

TENSORS = drawn(x=(4, 3), dout=(4, 3))
X0 = TENSORS["x"]
BACKWARDS = {
    "plain": "def backward(x, dout):\n    return {'x': 2 * x * dout}\n",
    "in place": "def backward(x, dout):\n    dx = dout * x\n    dx += dx\n    return {'x': dx}\n",
    "zeros": (
        "def backward(x, dout):\n"
        "    dx = torch.zeros_like(x)\n"
        "    for i in range(4):\n"
        "        dx[i] += 2 * x[i] * dout[i]\n"
        "    return {'x': dx}\n"
    ),
    "views": (
        "def backward(x, dout):\n"
        "    both = torch.empty(2, 4, 3, dtype=x.dtype)\n"
        "    both[0], both[1] = x * dout, x\n"
        "    first = both[0]\n"
        "    first.add_(both[1] * dout)\n"
        "    return {'x': both[0].clone()}\n"
    ),
    "an input in place": "def backward(x, dout):\n    return {'x': dout.mul_(2).mul_(x)}\n",
    "autograd": (
        "def backward(x, dout):\n"
        "    with torch.enable_grad():\n"
        "        leaf = x.clone().requires_grad_()\n"
        "        (leaf * leaf).backward(dout)\n"
        "    return {'x': leaf.grad}\n"
    ),
    "several results": (
        "def backward(x, dout):\n"
        "    one, other = (x * dout).split(2)\n"
        "    return {'x': torch.cat([2 * one, other + other])}\n"
    ),
    "some results are none": (
        "def backward(x, dout):\n"
        "    mean, rstd = x.mean(1, keepdim=True), x.std(1, keepdim=True)\n"
        "    dx, _, db = torch.ops.aten.native_layer_norm_backward(\n"
        "        dout, x, [3], mean, rstd, None, torch.zeros_like(x[0]), [True, False, True]\n"
        "    )\n"
        "    return {'x': dx + db}\n"
    ),
    "numbers": (
        "def backward(x, dout):\n"
        "    scale = x.abs().max().item()\n"
        "    if (x > 0).any():\n"
        "        assert torch.allclose(x, x.clone())\n"
        "    return {'x': scale * dout}\n"
    ),
    "complex numbers": (
        "def backward(x, dout):\n"
        "    return {'x': torch.fft.irfft(torch.fft.rfft(dout).conj() * 2, n=3)}\n"
    ),
    "a function": (
        "def twice(y):\n    return 2 * y\n\n\n"
        "def backward(x, dout):\n    return {'x': twice(x) * dout}\n"
    ),
}
every = pytest.mark.parametrize("source", BACKWARDS.values(), ids=BACKWARDS)


@every
def test_again_gives_the_gradients_to_the_bit_as_often_as_it_is_asked(source):
    steps = traced(source, TENSORS)
    given = {name: value.clone() for name, value in TENSORS.items()}
    due = function_of(source)(**given)["x"]
    for _ in range(2):
        assert torch.equal(steps.again({})["x"], due)


@every
def test_no_change_to_a_step_writes_into_what_was_taken_down(source):
    steps = traced(source, TENSORS)
    before = [value.clone() for value in steps.steps.values]
    for number in steps.live:
        for place in range(len(before)):
            steps.again({number: lambda _, values, place=place: values[place]})
        kept = [place for place in range(len(before)) if place not in steps.moving]
        assert all(torch.equal(steps.steps.values[one], before[one]) for one in kept)


@every
def test_a_change_is_that_of_all_the_steps_made_again(source):
    steps = traced(source, TENSORS)

    def same(step, values):
        return Steps.do(step, values)

    for number in steps.live:
        again = steps.again({number: same})
        assert torch.equal(again["x"], steps.again({})["x"])


@every
def test_what_depends_on_the_first_step_is_the_gradient(source):
    steps = traced(source, TENSORS)
    first = [number for number in steps.live if steps.steps.steps[number].name != "empty"][:1]
    assert steps.gradients["x"].place in steps.below(first)


def test_what_does_not_depend_on_a_step_is_not_below_it():
    source = "def backward(x, y, dout):\n    return {'x': dout * y, 'y': dout * x}\n"
    steps = traced(source, drawn(x=(3,), y=(3,), dout=(3,)), ["x", "y"])
    (last,) = steps.steps.steps[-1].all_made()
    assert steps.below([0]) == {steps.gradients["x"].place}
    assert steps.below([1]) == {last.place} == {steps.gradients["y"].place}


def test_a_shape_that_is_taken_is_no_dependence():
    source = "def backward(x, dout):\n    y = 2 * x\n    return {'x': torch.ones_like(y) * dout}\n"
    steps = traced(source, TENSORS)
    assert steps.gradients["x"].place not in steps.below([0])


def test_many_changes_at_once_are_those_one_by_one():
    steps = traced(BACKWARDS["zeros"], TENSORS)
    number = next(one for one in steps.live if steps.steps.steps[one].name == "mul")
    several = torch.randn(5, 3, dtype=torch.float64)

    def gradient(value):
        return steps.made({number: lambda *_: value}, nothing=(0 * value).sum())["x"]

    made = torch.vmap(gradient)(several)
    for one, value in zip(made, several, strict=True):
        assert torch.equal(one, steps.again({number: lambda *_, value=value: value})["x"])


def test_what_cannot_be_made_is_none():
    steps = traced(BACKWARDS["plain"], TENSORS)
    assert steps.again({0: lambda *_: torch.zeros(7)}) is None


@pytest.mark.parametrize(
    "other",
    [None, [X0], X0.float(), X0 + 0j, AttributeError("no such thing")],
    ids=["none", "several", "another dtype", "complex", "an error of any kind"],
)
def test_a_result_that_is_no_such_tensor_is_none(other):
    def make(_step, _values):
        if isinstance(other, Exception):
            raise other
        return other

    steps = traced(BACKWARDS["plain"], TENSORS)
    assert steps.again({steps.live[-1]: make}) is None


def test_a_backward_with_a_sparse_matrix_is_not_traced():
    assert not traced(
        "def backward(x, dout):\n"
        "    graph = torch.eye(4, dtype=x.dtype).to_sparse()\n"
        "    return {'x': (graph @ x) * dout}\n",
        TENSORS,
    )


def test_a_backward_that_fails_cannot_be_traced():
    assert traced("def backward(x, dout):\n    raise ValueError\n", TENSORS) is None


def test_a_step_knows_its_line():
    steps = traced(BACKWARDS["in place"], TENSORS)
    assert [(step.name, step.site.line) for step in steps.steps.steps] == [("mul", 3), ("add", 4)]
