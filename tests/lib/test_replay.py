import numpy as np
import pytest

from scripts.lib.order import Order, Orders, chain, in_turn
from scripts.lib.replay import add_in_order, product_in_order, sum_in_order

BIG = 2.0**24  # its neighbour in float32 is 2 away: 1 is lost in it


def order(tree, fused=(), **rest):
    flags = np.zeros(len(tree) // 2 + 1, bool)
    flags[list(fused)] = True
    return Order(tree, flags, **rest)


def column(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("tree", "total"),
    [(in_turn([0, 1, 2]), BIG), (in_turn([1, 2, 0]), BIG + 2), (chain([in_turn([1, 2]), in_turn([0])]), BIG + 2)],
)  # fmt: skip
def test_the_order_decides_what_is_lost(tree, total):
    assert add_in_order(order(tree), column(BIG, 1, 1)) == total


def test_compensated_nothing_is_lost():
    terms = column(BIG, 1, 1, 1, -BIG)
    assert add_in_order(order(in_turn(range(5))), terms) == 0
    assert add_in_order(order(in_turn(range(5)), compensated=True), terms) == 3


def test_a_compensated_overflow_stays_one():
    terms = column(3e38, 3e38, -3e38)
    with np.errstate(all="ignore"):
        assert add_in_order(order(in_turn(range(3)), compensated=True), terms) == np.inf


def test_a_fused_product_keeps_its_last_bit():
    factor = np.float32(1 + 2.0**-12)  # its square is 1 + 2^-11 + 2^-24: 25 bits
    left, right = column(-1, factor), column(1 + 2.0**-11, factor)
    assert add_in_order(order(in_turn([0, 1])), left, right) == 0
    assert add_in_order(order(in_turn([0, 1]), fused=[1]), left, right) == 2.0**-24


def test_a_sum_that_starts_from_zero_is_never_minus_zero():
    zeros = column(-0.0, -0.0)
    assert np.signbit(add_in_order(order(in_turn([0, 1])), zeros))
    assert not np.signbit(add_in_order(order(in_turn([0, 1]), from_zero=True), zeros))


def test_the_bias_is_the_last_summand_wherever_it_is_added():
    terms, bias = column(1, 1), np.array(BIG, np.float32)
    last, first = in_turn([0, 1, 2]), in_turn([2, 0, 1])
    ones = np.ones_like(terms)
    assert add_in_order(order(last), terms, ones, bias) == BIG + 2
    assert add_in_order(order(first), terms, ones, bias) == BIG


SEVERAL = [order(in_turn(range(9))), order(in_turn(range(8, -1, -1)), fused=range(8)), order(in_turn([*range(0, 9, 2), *range(1, 9, 2)]))]  # fmt: skip


def several(shape, seed=0):
    which = np.random.default_rng(seed).integers(0, 3, shape)
    return Orders(which.astype(np.int32), SEVERAL)


def one_by_one(orders, left, right, bias=None):
    """The same, position by position: left (b, m, k, runs), right (b, k, n, runs)."""
    result = np.empty((*orders.which.shape, left.shape[-1]), left.dtype)
    for b, m, n in np.ndindex(orders.which.shape):
        own = None if bias is None else bias[b, m, n]
        one = orders.orders[orders.which[b, m, n]]
        result[b, m, n] = add_in_order(one, left[b, m], right[b, :, n], own)
    return result


@pytest.fixture
def draw():
    generator = np.random.default_rng(1)
    return lambda *shape: generator.standard_normal(shape, np.float32)


def test_each_position_of_a_batch_is_added_in_its_own_order(draw):
    left, right, orders = draw(2, 4, 9, 5), draw(2, 9, 7, 5), several((2, 4, 7))
    found = product_in_order(orders, left, right)
    assert np.array_equal(found, one_by_one(orders, left, right))


def test_a_product_of_matrices_has_no_batch(draw):
    left, right, orders = draw(4, 9, 5), draw(9, 7, 5), several((1, 4, 7))
    expected = one_by_one(orders, left[None], right[None])[0]
    assert np.array_equal(product_in_order(orders, left, right), expected)


def test_vectors_have_no_rows_or_no_columns(draw):
    matrix, vector = draw(4, 9, 5), draw(9, 5)
    orders = several((1, 4, 1))
    expected = one_by_one(orders, matrix[None], vector[None, :, None])[0, :, 0]
    assert np.array_equal(product_in_order(orders, matrix, vector), expected)
    orders = several((1, 1, 1))
    expected = one_by_one(orders, vector[None, None], vector[None, :, None])[0, 0, 0]
    assert np.array_equal(product_in_order(orders, vector, vector), expected)


@pytest.mark.parametrize("shape", [(7,), (4, 7), (4, 1), ()])
def test_a_bias_is_spread_over_the_result(draw, shape):
    left, right, bias = draw(4, 9, 5), draw(9, 7, 5), draw(*shape, 5)
    tree = in_turn([9, *range(9)])
    orders = Orders(np.zeros((1, 4, 7), np.int32), [order(tree)])
    spread = np.broadcast_to(bias, (1, 4, 7, 5))
    found = product_in_order(orders, left, right, bias)
    assert np.array_equal(found, one_by_one(orders, left[None], right[None], spread)[0])


def test_runs_side_by_side_are_what_each_is_alone(draw):
    left, right, orders = draw(4, 9, 5), draw(9, 7, 5), several((1, 4, 7))
    together = product_in_order(orders, left, right)
    for run in range(5):
        alone = product_in_order(orders, left[..., run : run + 1], right[..., run : run + 1])
        assert np.array_equal(together[..., run], alone[..., 0])


@pytest.mark.parametrize(
    ("dim", "keepdim", "shape"),
    [(None, False, (2,)), ([0], False, (3, 2)), ([0], True, (1, 3, 2)), (-1, False, (9, 2))],
)
def test_a_sum_reduces_the_axes_that_torch_names(draw, dim, keepdim, shape):
    value = draw(9, 3, 2)
    axes = (0, 1) if dim is None else (1,) if dim == -1 else (0,)
    terms = int(np.prod([value.shape[axis] for axis in axes]))
    positions = 27 // terms
    orders = Orders(np.zeros((1, 1, positions), np.int32), [order(in_turn(range(terms)))])
    found = sum_in_order(orders, value, dim, keepdim)
    assert found.shape == shape
    expected = value.astype(np.float64).sum(axis=axes, keepdims=keepdim)
    assert np.allclose(found, expected, atol=1e-5)
