"""Inputs without a gradient, or without one that can be proven: it is said, and nothing enclosed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd_by_hand.enclosure.differentiate import enclose
from autograd_by_hand.enclosure.failures import NoEnclosure, NotEnclosed, Undefined
from autograd_by_hand.verdict.proven_reference import undetermined

FLOAT64 = torch.float64
ONE = torch.ones((), dtype=FLOAT64)
WHOLE = st.integers(-9, 9)


def enclosure(function, values, shape=None):
    x = torch.tensor(values, dtype=FLOAT64)
    x = x if shape is None else x.reshape(shape)
    return enclose(lambda t: function(t["x"]).sum(), {"x": x}, ["x"], ONE)


SOLVERS = {
    "inv": torch.linalg.inv,
    "solve": lambda x: torch.linalg.solve(x, torch.ones(len(x), 1, dtype=FLOAT64)),
    "pinv": torch.linalg.pinv,
    "lstsq": lambda x: torch.linalg.lstsq(x, x).solution,
    "qr": lambda x: torch.linalg.qr(x).Q,
    "cholesky": lambda x: torch.linalg.cholesky(x @ x.mT),
    "logdet": lambda x: torch.linalg.slogdet(x).logabsdet,
}


@pytest.mark.parametrize("name", SOLVERS)
@given(rows=st.lists(st.lists(WHOLE, min_size=2, max_size=2), min_size=3, max_size=3))
@settings(max_examples=8, deadline=None)
def test_a_singular_matrix_has_no_enclosure(name, rows):
    left = np.array(rows, float)
    singular = left @ np.array([[1, 2, -1], [0, 1, 3]])  # exact in float64, of rank 2 at most
    with pytest.raises(NotEnclosed):
        enclosure(SOLVERS[name], singular)


@given(st.lists(WHOLE, min_size=9, max_size=9), st.sampled_from(sorted(SOLVERS)))
@settings(max_examples=40, deadline=None)
def test_a_matrix_of_any_rank_is_enclosed_only_with_an_inverse(values, name):
    matrix = np.array(values, float).reshape(3, 3)
    try:
        found = enclosure(SOLVERS[name], matrix)
    except NotEnclosed:
        return
    assert round(np.linalg.det(matrix)) != 0
    assert np.isfinite(found.gradients["x"].head).all()


def test_a_matrix_that_only_rounding_makes_regular_is_not_taken_for_singular():
    nearly = [[1.0, 2.0], [2.0, 4.0 + 2**-50]]
    bounds = enclosure(torch.linalg.inv, nearly).gradients["x"]
    inverse = np.array([[4.0 + 2**-50, -2.0], [-2.0, 1.0]]) * 2.0**50
    known = -inverse.T @ np.ones((2, 2)) @ inverse.T
    np.testing.assert_allclose(bounds.head, known, rtol=1e-13)


def test_a_pseudoinverse_near_the_tolerance_is_refused():
    nearly = [[1.0, 0.0], [0.0, 1e-16], [0.0, 0.0]]
    with pytest.raises(NoEnclosure, match="rank"):
        enclosure(torch.linalg.pinv, nearly)
    assert enclosure(lambda x: torch.linalg.pinv(x, rtol=1e-20), nearly).is_narrow()


def test_two_pivots_of_one_size_have_no_derivative():
    with pytest.raises(Undefined, match="another pivot"):
        enclosure(lambda x: torch.linalg.lu(x).U, [[1.0, 2.0], [-1.0, 4.0]])


@given(st.floats(710, 1e6))
@settings(max_examples=20, deadline=None)
def test_what_is_too_large_for_float64_is_said(x):
    with pytest.raises(NoEnclosure, match=r"the (result|gradient of x) is too large"):
        enclosure(torch.exp, [x])


@given(st.floats(750, 1e6))
@settings(max_examples=20, deadline=None)
def test_what_is_too_small_for_float64_is_not_zero(x):
    bounds = enclosure(torch.exp, [-x]).gradients["x"]
    assert bounds.head == 0
    assert bounds.radius > 0
    assert not undetermined(bounds).any()


def test_a_gradient_that_cancels_to_zero_is_no_kink():
    bounds = enclosure(lambda x: x.softmax(0), [0.1, 0.2, 0.3]).gradients["x"]
    assert np.abs(bounds.head).max() < 1e-200
    assert not undetermined(bounds).any()


POLES = {
    "digamma": torch.digamma,
    "lgamma": torch.lgamma,
    "reciprocal": torch.reciprocal,
    "log": torch.log,
    "tan of a multiple": lambda x: torch.tan(x * 0) / x,
    "log1p": lambda x: torch.log1p(x - 1),
    "xlogy": lambda x: torch.xlogy(x + 1, x),
}


@pytest.mark.parametrize("name", POLES)
def test_at_a_pole_there_is_no_enclosure(name):
    with pytest.raises(Undefined):
        enclosure(POLES[name], [0.0, 0.5])


@given(st.floats(-1e3, 0, exclude_max=True), st.floats(-1e3, 1e3))
@settings(max_examples=20, deadline=None)
def test_atan2_has_no_enclosure_where_it_jumps(x, other):
    point = torch.tensor([0.0, other], dtype=FLOAT64)
    with pytest.raises(Undefined, match="atan2"):
        enclosure(lambda x: torch.atan2(point, x), [x, 1.0])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("function", [torch.exp, torch.sin, torch.sigmoid, torch.lgamma])
def test_what_is_no_number_gives_none(function, value):
    try:
        found = enclosure(function, [value, 1.0])
    except NotEnclosed:
        return
    leaf = torch.tensor([value, 1.0], dtype=FLOAT64, requires_grad=True)
    (known,) = torch.autograd.grad(function(leaf).sum(), leaf)
    np.testing.assert_allclose(found.gradients["x"].head, known, rtol=1e-12)


EMPTY = {
    "sum": (torch.sum, (0,)),
    "inv": (torch.linalg.inv, (0, 0)),
    "det": (torch.linalg.det, (2, 0, 0)),
    "pinv": (torch.linalg.pinv, (0, 3)),
    "qr": (lambda x: torch.linalg.qr(x).R, (3, 0)),
    "lu": (lambda x: torch.linalg.lu(x).U, (0, 3)),
    "cumsum": (lambda x: x.cumsum(0), (0, 2)),
    "matmul": (lambda x: x @ x.mT, (3, 0)),
    "embedding_bag": (
        lambda x: torch.nn.functional.embedding_bag(
            torch.zeros(0, dtype=torch.int64), x, torch.tensor([0, 0])
        ),
        (0, 2),
    ),
    "index_reduce": (
        lambda x: x.index_reduce(0, torch.zeros(0, dtype=torch.int64), x, "prod"),
        (0, 2),
    ),
}


@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("name", EMPTY)
def test_sizes_of_zero_have_their_gradient(name):
    function, shape = EMPTY[name]
    found = enclosure(function, [], shape)
    leaf = torch.zeros(shape, dtype=FLOAT64, requires_grad=True)
    known = function(leaf).sum()
    assert found.outputs["result"].head == known.detach()
    assert found.gradients["x"].head.shape == shape


@pytest.mark.parametrize("function", [torch.amax, torch.mean, torch.max])
def test_what_needs_a_number_refuses_none(function):
    with pytest.raises((NotEnclosed, IndexError, RuntimeError)):
        enclosure(function, [])
