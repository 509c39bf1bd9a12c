"""Gradients of whole programs in ball arithmetic: against autograd in longdouble, and by hand."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812

from autograd_by_hand.enclosure.differentiate import ACCURACY, enclose, enclose_at
from autograd_by_hand.enclosure.failures import NoEnclosure, TooLarge, Undecided, Undefined
from autograd_by_hand.verdict.extended_precision import is_wider_than_float64, split, widen

FLOAT64 = torch.float64
ONE = torch.ones((), dtype=FLOAT64)


def tensor(values):
    return torch.tensor(values, dtype=FLOAT64)


def gradient(function, *values, name="x"):
    """The enclosure of d function / d x at x = values."""
    found = enclose(lambda t: function(t["x"]), {"x": tensor(list(values))}, ["x"], ONE)
    return found.gradients[name]


def linear(t):
    return 0.5 * ((F.linear(t["x"], t["W"], t["b"]) - t["target"]) ** 2).sum()


def classifier(t):
    return F.cross_entropy(torch.tanh(t["x"] @ t["W"].t() + t["b"]), torch.tensor([1, 0, 2]))


def normalised(t):
    h = t["x"] @ t["W"].t()
    centred = h - h.mean(1, keepdim=True)
    return (centred / (centred.pow(2).mean(1, keepdim=True) + 1e-5).sqrt() * t["b"]).exp().sum()


@pytest.mark.skipif(not is_wider_than_float64(), reason="longdouble is a double here")
@pytest.mark.parametrize("program", [linear, classifier, normalised])
def test_autograd_in_longdouble_lies_near_the_ball(program):
    torch.manual_seed(0)
    shapes = {"x": (3, 4), "W": (5, 4), "b": (5,), "target": (3, 5)}
    tensors = {name: torch.randn(shape, dtype=FLOAT64) for name, shape in shapes.items()}
    found = enclose(program, tensors, ["x", "W", "b"], ONE)
    leaves = {name: widen(value) for name, value in tensors.items()}
    for name in found.gradients:
        leaves[name].requires_grad_()
    program(leaves).backward()
    for name, bounds in found.gradients.items():
        wide = leaves[name].grad
        assert wide is not None
        head, tail = (part.numpy() for part in split(wide))
        off = np.abs((head - bounds.head) + (tail - bounds.tail))
        size = np.abs(bounds.head).max()
        assert off.max() < 1e-17 * size  # a thousandth of float64's unit roundoff
        assert bounds.radius.max() <= ACCURACY * size
    assert found.bits == 128
    assert not found.kinks


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_a_polynomials_derivative_is_exact(x, y):
    found = enclose(
        lambda t: (t["x"] ** 3 * t["y"] + 0.1 * t["x"]).sum(),
        {"x": tensor([float(x)]), "y": tensor([float(y)])},
        ["x", "y"],
        ONE,
    )
    exact = {"x": 3 * x * x * y + Fraction(0.1), "y": Fraction(x**3)}
    for name, truth in exact.items():
        bounds = found.gradients[name]
        off = abs(Fraction(bounds.head[0]) + Fraction(bounds.tail[0]) - truth)
        assert off <= Fraction(bounds.radius[0])


def test_the_derivative_of_digamma_is_right_where_autograds_is_not():
    bounds = gradient(lambda x: torch.special.digamma(x).sum(), 1.5)
    truth = 0.9348022005446793094  # pi^2 / 2 - 4
    assert bounds.head[0] == pytest.approx(truth, abs=1e-16, rel=0)
    assert bounds.radius[0] < 1e-30


def test_what_cancels_in_float64_is_resolved():
    bounds = gradient(lambda x: ((x + 1e20) - 1e20).exp().sum(), 0.25)
    assert bounds.head[0] == pytest.approx(np.exp(0.25), rel=1e-15)


def test_more_bits_are_taken_if_need_be():
    tensors = {"x": tensor([0.5])}
    found = enclose(lambda t: ((t["x"] + 1e60) ** 2 - 2e60 * t["x"]).sum(), tensors, ["x"], ONE)
    assert found.bits == 256
    assert found.gradients["x"].head == 1
    assert found.is_narrow()


def test_views_and_writes_in_place_are_those_of_torch():
    def program(x):
        y = x * 1
        y.view(2, 3).t()[1].mul_(x[:2] + 2)
        out = torch.zeros(6, dtype=x.dtype)
        out[1::2] = y[::2]
        z = y.reshape(2, 3).t()
        flat = z.contiguous().view(-1)
        flat += 1
        return (out * y).sum() + (flat * z.reshape(-1)).sum() + (y + 0).clamp_(min=0.5).sum()

    values = torch.randn(6, generator=torch.Generator().manual_seed(3), dtype=FLOAT64)
    leaf = values.clone().requires_grad_()
    (known,) = torch.autograd.grad(program(leaf), leaf)
    bounds = gradient(program, *values.tolist())
    np.testing.assert_allclose(bounds.head, known, rtol=1e-13)


def test_a_vector_of_cotangents_is_pulled_back():
    tensors, dout = {"x": tensor([1.0, 2.0])}, tensor([3.0, -1.0])
    found = enclose(lambda t: t["x"] ** 2, tensors, ["x"], dout)
    assert found.gradients["x"].head.tolist() == [6.0, -4.0]
    assert found.outputs["result"].head.tolist() == [1.0, 4.0]


@pytest.mark.parametrize(
    ("function", "values", "low", "high", "operation"),
    [
        (lambda x: x.relu().sum(), [0.0], 0, 1, "relu"),
        (lambda x: x.abs().sum(), [0.0], -1, 1, "abs"),
        (torch.amax, [2.0, 2.0], 0, 1, "amax"),
        (lambda x: torch.maximum(x, x * 1).sum(), [2.0], 0, 2, "maximum"),
        (lambda x: x.clamp(0, 1).sum(), [1.0], 0, 1, "minimum"),
        (lambda x: F.max_pool1d(x.reshape(1, 1, 2), 2).sum(), [3.0, 3.0], 0, 1, "amax"),
    ],
)
def test_on_a_kink_both_derivatives_are_enclosed(function, values, low, high, operation):
    found = enclose(lambda t: function(t["x"]), {"x": tensor(values)}, ["x"], ONE)
    bounds = found.gradients["x"]
    assert bounds.head[0] - bounds.radius[0] == pytest.approx(low, abs=1e-6)
    assert bounds.head[0] + bounds.radius[0] == pytest.approx(high, abs=1e-6)
    assert found.kinks[operation] > 0
    assert not found.is_narrow()


def test_a_branch_at_equality_is_told_as_a_kink():
    tensors = {"x": tensor([0.0, 1.0])}
    program = lambda t: torch.where(t["x"] > 0, t["x"], 3 * t["x"]).sum()  # noqa: E731
    found = enclose(program, tensors, ["x"], ONE)
    assert found.kinks == {"gt": 1}
    assert found.gradients["x"].head.tolist() == [3.0, 1.0]


def test_an_element_off_the_kink_is_narrow():
    bounds = gradient(lambda x: x.relu().sum(), 0.0, 1.0, -1.0)
    assert bounds.head[1:].tolist() == [1.0, 0.0]
    assert bounds.radius[1:].max() == 0


def test_what_is_not_used_may_be_undefined():
    bounds = gradient(lambda x: torch.where(x > 0, x.log(), -x).sum(), 2.0, -3.0)
    assert bounds.head.tolist() == [0.5, -1.0]


def test_a_mask_of_minus_infinity_is_no_obstacle():
    mask = torch.tensor([False, True, False])
    weights = tensor([1.0, 2.0, 3.0])

    def program(x):
        return (x.masked_fill(mask, -torch.inf).softmax(0) * weights).sum()

    leaf = tensor([0.1, 0.2, 0.3]).requires_grad_()
    (known,) = torch.autograd.grad(program(leaf), leaf)
    bounds = gradient(program, 0.1, 0.2, 0.3)
    np.testing.assert_allclose(bounds.head, known, rtol=1e-14)


@pytest.mark.parametrize(
    ("function", "values", "words"),
    [
        (lambda x: x.sqrt().sum(), [0.0], "the derivative of sqrt"),
        (lambda x: (1 / x).sum(), [0.0], "reciprocal"),
        (lambda x: (-x).log().sum(), [1.0], "log"),
        (lambda x: torch.linalg.inv(x.reshape(2, 2)).sum(), [1.0, 2.0, 2.0, 4.0], "singular"),
        (lambda x: torch.lgamma(x).sum(), [-1.0], "lgamma"),
        (torch.linalg.vector_norm, [0.0, 0.0], "the derivative of sqrt"),
    ],
)
def test_what_does_not_exist_is_said(function, values, words):
    with pytest.raises((Undefined, Undecided), match=words):
        gradient(function, *values)


def test_equal_numbers_without_a_proof_are_not_decided():
    def program(x):
        one, two = (x * 2).sqrt(), x.sqrt() * 2**0.5
        return torch.where(one == x.sqrt() * (x * 0 + 2).sqrt(), one, two).sum()

    with pytest.raises(Undecided, match="eq: it is not decided"):
        gradient(program, 3.0)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.float().double().sum(), "converts to float32"),
        (lambda x: (x * float(x.sum())).sum(), "reads a number"),
        (lambda x: torch.linalg.svdvals(x.reshape(1, 1)).sum(), "_linalg_svd"),
        (lambda x: F.dropout(x, 0.5).sum(), "draws at random"),
        (lambda x: (torch.arange(3) * x.sum()).sum(), "less than float64"),
    ],
)
def test_what_is_not_covered_is_refused_by_name(function, words):
    with pytest.raises(NoEnclosure, match=words):
        gradient(function, 0.3)


def test_there_is_a_limit_to_the_work():
    big = {"x": torch.ones(40, 40, dtype=FLOAT64)}
    with pytest.raises(TooLarge, match="10,000"):
        enclose(lambda t: (t["x"] @ t["x"]).sum(), big, ["x"], ONE, most_balls=1e4)


def test_a_determinant_of_a_singular_matrix_has_its_derivative():
    bounds = gradient(lambda x: torch.linalg.det(x.reshape(2, 2)), 1.0, 2.0, 2.0, 4.0)
    assert bounds.head.tolist() == [4.0, -2.0, -2.0, 1.0]


def test_a_result_that_does_not_depend_on_the_inputs_has_no_gradient():
    bounds = gradient(lambda x: (x != 0).double().sum(), 1.0, 2.0)
    assert bounds.head.tolist() == [0.0, 0.0]


def test_sizes_of_zero_are_no_mistake():
    found = enclose(lambda t: t["x"].exp().sum(), {"x": tensor([])}, ["x"], ONE)
    assert found.outputs["result"].head == 0
    assert found.gradients["x"].head.shape == (0,)


def test_fewer_bits_give_wider_balls_around_the_same_truth():
    program = lambda t: (t["x"].exp() / 3).sin().sum()  # noqa: E731
    tensors = {"x": tensor([1.0, -2.0])}
    coarse, fine = (enclose_at(program, tensors, ["x"], ONE, bits) for bits in (40, 200))
    wide, narrow = coarse.gradients["x"], fine.gradients["x"]
    assert (wide.radius > narrow.radius).all()
    assert (np.abs((wide.head - narrow.head) + (wide.tail - narrow.tail)) <= wide.radius).all()
