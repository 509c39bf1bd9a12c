import numpy as np
import pytest

from autograd_by_hand.summation import add
from autograd_by_hand.summation.add import add_in_order, product_in_order, sum_in_order
from autograd_by_hand.summation.tree import ADD, Order, Orders, chain, in_turn, pairwise

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


def one_addition_at_a_time(tree, terms):
    stack: list[float] = []
    for step in tree.tolist():
        stack.append(terms[step] if step != ADD else stack.pop(-2) + stack.pop(-1))
    return stack.pop()


@pytest.mark.parametrize("tree", [in_turn(range(37)), in_turn(range(36, -1, -1)), pairwise(37)])
def test_each_addition_is_rounded_as_pythons_own_is(tree):
    terms = np.random.default_rng(0).standard_normal(37)
    assert add_in_order(order(tree), terms) == one_addition_at_a_time(tree, terms.tolist())


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


BIASED = [order(in_turn([9, *range(9)]), fused=range(9)), order(in_turn(range(10))), order(in_turn(range(9, -1, -1)))]  # fmt: skip


def several(shape, seed=0, orders=SEVERAL):
    which = np.random.default_rng(seed).integers(0, 3, shape)
    return Orders(which.astype(np.int32), orders)


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
    matrix, orders = draw(9, 7, 5), several((1, 1, 7))
    expected = one_by_one(orders, vector[None, None], matrix[None])[0, 0]
    assert np.array_equal(product_in_order(orders, vector, matrix), expected)


@pytest.mark.parametrize("shape", [(7,), (4, 7), (4, 1), ()])
def test_a_bias_is_spread_over_the_result(draw, shape):
    left, right, bias = draw(4, 9, 5), draw(9, 7, 5), draw(*shape, 5)
    orders = several((1, 4, 7), orders=BIASED)
    spread = np.broadcast_to(bias, (1, 4, 7, 5))
    found = product_in_order(orders, left, right, bias)
    assert np.array_equal(found, one_by_one(orders, left[None], right[None], spread)[0])


def test_a_bias_of_a_matrix_times_a_vector_has_a_number_per_row(draw):
    matrix, vector, bias = draw(4, 9, 5), draw(9, 5), draw(4, 5)
    orders = several((1, 4, 1), orders=BIASED)
    expected = one_by_one(orders, matrix[None], vector[None, :, None], bias[None, :, None])
    assert np.array_equal(product_in_order(orders, matrix, vector, bias), expected[0, :, 0])


def test_a_bias_of_a_batch_of_products_has_a_number_per_position(draw):
    left, right, bias = draw(2, 4, 9, 5), draw(2, 9, 7, 5), draw(2, 4, 7, 5)
    orders = several((2, 4, 7), orders=BIASED)
    expected = one_by_one(orders, left, right, bias)
    assert np.array_equal(product_in_order(orders, left, right, bias), expected)


def test_what_does_not_fit_the_cache_at_once_is_added_as_what_does(draw, monkeypatch):
    left, right = draw(2, 4, 9, 5), draw(2, 9, 7, 5)
    orders = Orders(np.zeros((2, 4, 7), np.int32), SEVERAL[:1])
    expected = product_in_order(orders, left, right)
    monkeypatch.setattr(add, "AT_ONCE", 2 * 7 * 5 * 3)  # three rows, then the fourth
    assert np.array_equal(product_in_order(orders, left, right), expected)


def test_a_factor_of_one_run_is_the_same_in_every_run(draw):
    left, right, orders = draw(4, 9, 5), draw(9, 7, 1), several((1, 4, 7))
    repeated = product_in_order(orders, left, np.repeat(right, 5, axis=-1))
    assert np.array_equal(product_in_order(orders, left, right), repeated)


def test_runs_side_by_side_are_what_each_is_alone(draw):
    left, right, orders = draw(4, 9, 5), draw(9, 7, 5), several((1, 4, 7))
    together = product_in_order(orders, left, right)
    for run in range(5):
        alone = product_in_order(orders, left[..., run : run + 1], right[..., run : run + 1])
        assert np.array_equal(together[..., run], alone[..., 0])


@pytest.mark.parametrize(
    ("dim", "keepdim", "reduced"),
    [
        (None, False, (0, 1, 2)),
        ([0], False, (0,)),
        ([0], True, (0,)),
        (-1, False, (2,)),
        ([2, 0], False, (0, 2)),
        ([0, 2], True, (0, 2)),
    ],
    ids=str,
)
def test_each_position_of_a_sum_is_added_in_its_own_order(draw, dim, keepdim, reduced):
    value = draw(4, 3, 5, 2)
    kept = [axis for axis in range(3) if axis not in reduced]
    terms = value.transpose(*reduced, *kept, 3).reshape(
        np.prod([value.shape[axis] for axis in reduced]), -1, 2
    )
    count, positions, _ = terms.shape
    own = [order(in_turn(range(count))), order(in_turn(range(count - 1, -1, -1))), order(pairwise(count))]  # fmt: skip
    orders = several((1, 1, positions), orders=own)
    expected = np.stack(
        [add_in_order(own[number], terms[:, at]) for at, number in enumerate(orders.which.ravel())]
    )
    found = sum_in_order(orders, value, dim, keepdim)
    sizes = [1 if axis in reduced else n for axis, n in enumerate((4, 3, 5))]
    assert list(found.shape) == [*(sizes if keepdim else [sizes[axis] for axis in kept]), 2]
    assert np.array_equal(found.ravel(), expected.ravel())


def test_runs_of_a_sum_side_by_side_are_what_each_is_alone(draw):
    value, orders = draw(9, 7, 5), several((1, 1, 7))
    together = sum_in_order(orders, value, [0])
    for run in range(5):
        alone = sum_in_order(orders, value[..., run : run + 1], [0])
        assert np.array_equal(together[..., run], alone[..., 0])
