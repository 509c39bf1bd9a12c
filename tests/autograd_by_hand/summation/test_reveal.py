"""The orders that are revealed: against a plain reference of the idea, and by torch's own bits."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import summable
from autograd_by_hand.floats.rounding import accumulator
from autograd_by_hand.summation.add import add_in_order, product_in_order, sum_in_order
from autograd_by_hand.summation.adder import Axis, NoOrder
from autograd_by_hand.summation.equal_positions import HASHES, REPEATED
from autograd_by_hand.summation.kernels import Layout, adder, adds
from autograd_by_hand.summation.reveal import reveal
from autograd_by_hand.summation.tree import ADD, Order, chain, in_turn, leaf, pairwise, summands
from tests.conftest import thoroughly

aten = torch.ops.aten
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def revealed(function, *args, **kwargs):
    laid_out = tuple(Layout.of(arg) if isinstance(arg, Tensor) else arg for arg in args)
    assert adds(function, laid_out, kwargs)
    kernel = adder(function, laid_out, kwargs)
    return kernel, reveal(kernel, str(function))


def same(replayed, tensor):
    """Whether numbers of the accumulator's format, rounded once, are a tensor's bits."""
    rounded = torch.from_numpy(np.array(replayed)).to(tensor.dtype)
    return torch.equal(rounded, tensor)


def one_run(tensor):
    """A tensor's numbers as those of a single run."""
    return summable(tensor)[..., None]


def amplified(tensor, other):
    """`tensor` with its second half along the last axis the negative of the first, `other` alike."""
    half = tensor.shape[-1] // 2
    tensor, other = tensor.clone(), other.clone()
    tensor[..., half : 2 * half] = -tensor[..., :half]
    other[half : 2 * half] = other[:half]
    return tensor * 64, other * 64


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("batch", [1, 8, *thoroughly([2, 5, 7, 64, 129])])
@pytest.mark.parametrize(("terms", "width"), [(64, 600), (515, 227), (1, 50)])
def test_a_linear_layer_is_replayed_bit_for_bit(dtype, batch, terms, width):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(batch, terms, generator=generator).to(dtype)
    weight = torch.randn(width, terms, generator=generator).to(dtype)
    bias = torch.randn(width, generator=generator).to(dtype)
    dy = torch.randn(batch, width, generator=generator).to(dtype)
    for first, second, onto in ((x, weight.t(), bias), (dy, weight, None), (dy.t(), x, None)):
        function = aten.mm.default if onto is None else aten.addmm.default
        args = (first, second) if onto is None else (onto, first, second)
        _, found = revealed(function, *args)
        for left, right in ((first, second), amplified(first, second)):
            args = (left, right) if onto is None else (onto, left, right)
            result = function(*args)
            bits = [one_run(one) for one in (left, right, *([] if onto is None else [onto]))]
            replayed = product_in_order(found, *bits)[..., 0]
            assert same(replayed, result)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((1200,), None),
        ((7, 600), [0]),
        ((7, 600), [1]),
        ((2, 5, 9), [0, 1]),
        ((5, 9), [0]),
        ((5, 6, 70), [0, 2]),
        ((3,), None),
    ],
)
@pytest.mark.parametrize("name", ["sum", "mean"])
def test_a_sum_is_replayed_bit_for_bit(dtype, shape, dims, name):
    value = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    packet = getattr(aten, name)
    function = (
        packet.default
        if dims is None
        else getattr(packet, {"sum": "dim_IntList", "mean": "dim"}[name])
    )
    args = (value,) if dims is None else (value, dims, False)
    kernel, found = revealed(function, *args)
    replayed = sum_in_order(found, one_run(value), dims)[..., 0]
    expected = function(*args)
    divisor = replayed.dtype.type(kernel.terms if name == "mean" else 1)
    assert same((replayed / divisor).reshape(expected.shape), expected)


class Written:
    """A kernel that adds in an order of ours, so that what is revealed can be compared with it."""

    bias, format, result = False, "float32", "float32"
    axes: tuple[Axis, ...] = ("columns",)

    def __init__(self, tree, slots=4, fused=None, function=None):
        self.terms = len(summands(tree))
        self.multiplies = fused is not None
        self.shape = (1, 1, slots)
        fused = np.zeros(self.terms, bool) if fused is None else fused
        self.order = Order(tree, fused)
        self.calls = 0
        self.function = function

    def add(self, axis, own, shared, bias):  # noqa: ARG002
        if self.function is not None:
            return np.asarray(self.function(own)).reshape(self.shape)
        self.calls += 1
        factor = np.full_like(own.T, shared) if self.multiplies else None
        return add_in_order(self.order, own.T, factor).reshape(self.shape)

    def example(self, generator, cancelling):
        raise NotImplementedError


def fprev(kernel):
    """The plain idea, one pair a call: the set of sets of summands that are added up somewhere."""
    scale = np.float32(2.0**120)

    def under(i, j):
        own = np.ones((kernel.shape[2], kernel.terms), np.float32)
        own[:, i], own[:, j] = scale, -scale
        return kernel.terms - int(kernel.add(kernel.axes[0], own, 1.0, 0.0).ravel()[0])

    everything = range(kernel.terms)
    counts = {(i, j): under(i, j) for i in everything for j in range(i)}
    joined = {
        (i, j): counts[max(i, j), min(i, j)] for i in everything for j in everything if i != j
    }
    return {
        frozenset([i, *(other for other in everything if other != i and joined[i, other] <= size)])
        for (i, _), size in joined.items()
    }


def subtrees(tree):
    """The same set of sets, of a tree."""
    stack: list[frozenset[int]] = []
    found = set()
    for step in tree.tolist():
        if step == ADD:
            stack.append(stack.pop() | stack.pop())
            found.add(stack[-1])
        else:
            stack.append(frozenset([step]))
    return found


def random_tree(seed):
    generator = np.random.default_rng(seed)
    parts = [leaf(number) for number in generator.permutation(int(generator.integers(2, 40)))]
    while len(parts) > 1:
        first, second = (parts.pop(int(generator.integers(len(parts)))) for _ in range(2))
        parts.append(chain([first, second]))
    return parts[0]


@pytest.mark.parametrize("seed", range(50))
def test_any_tree_is_revealed(seed):
    tree = random_tree(seed)
    found = reveal(Written(tree, slots=1 + seed % 5), "a tree")
    assert [subtrees(order.tree) for order in found.orders] == [subtrees(tree)]


@pytest.mark.parametrize(
    "tree", [in_turn(range(40)), in_turn(range(39, -1, -1)), pairwise(37)], ids=str
)
def test_the_reference_of_the_idea_finds_the_same_tree(tree):
    assert fprev(Written(tree)) == subtrees(tree)


@pytest.mark.parametrize("batch", [1, 2, 5, 8])
@pytest.mark.parametrize("terms", [3, 17, 64])
def test_the_reference_of_the_idea_finds_torchs_trees(batch, terms):
    kernel, found = revealed(aten.mm.default, torch.randn(batch, terms), torch.randn(terms, 24))
    first = found.orders[found.which.ravel()[0]]
    assert fprev(kernel) == subtrees(first.tree)


@pytest.mark.parametrize("seed", range(20))
def test_fused_products_are_found(seed):
    tree = random_tree(seed)
    count = len(summands(tree))
    fused = np.random.default_rng(seed).random(count) < 0.5
    kernel = Written(tree, fused=fused)
    (order,) = reveal(kernel, "a tree").orders
    generator = np.random.default_rng(seed)
    left, right = generator.standard_normal((2, count, 4096)).astype(np.float32)
    assert np.array_equal(add_in_order(order, left, right), add_in_order(kernel.order, left, right))


@pytest.mark.parametrize("from_zero", [True, False])
def test_whether_a_sum_starts_from_zero_is_found(from_zero):
    kernel = Written(in_turn(range(20)))
    kernel.order = replace(kernel.order, from_zero=from_zero)
    (order,) = reveal(kernel, "a sum").orders
    assert order.from_zero == from_zero


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [1, 3, 40])
def test_a_sum_of_negative_zeros_has_the_sign_that_torch_gives_it(dtype, count):
    zeros = torch.full((5, count), -0.0, dtype=dtype)
    ones = torch.ones(count, 3, dtype=dtype)
    _, product = revealed(aten.mm.default, zeros, ones)
    replayed = product_in_order(product, one_run(zeros), one_run(ones))[..., 0]
    assert np.signbit(replayed).tolist() == (zeros @ ones).signbit().tolist()
    _, total = revealed(aten.sum.dim_IntList, zeros, [1])
    replayed = sum_in_order(total, one_run(zeros), [1])[..., 0]
    assert np.signbit(replayed).tolist() == zeros.sum(1).signbit().tolist()


def refused(function, terms=20):
    kernel = Written(in_turn(range(terms)), function=function)
    with pytest.raises(NoOrder) as error:
        reveal(kernel, "a sum")
    return str(error.value)


def test_a_sum_that_changes_from_call_to_call_is_refused():
    generator = np.random.default_rng(0)
    message = refused(lambda own: own[:, generator.permutation(own.shape[1])].cumsum(1)[:, -1], 400)
    assert "other bits" in message


def test_a_wider_accumulator_is_refused():
    message = refused(lambda own: own.astype(np.float64).cumsum(1)[:, -1].astype(np.float32))
    assert "more than the 24 bits" in message


def test_rounded_operands_are_refused():
    def tf32(own):
        return (own.view(np.uint32) & 0xFFFFE000).view(np.float32).cumsum(1)[:, -1]

    assert "fewer bits than float32" in refused(tf32)


def test_an_adder_of_four_at_once_is_refused():
    def fours(own):
        wide = own.astype(np.float64).reshape(len(own), -1, 4)
        parts = np.array([[float(sum(map(int, four))) for four in row] for row in wide])
        return parts.astype(np.float32).cumsum(1)[:, -1]

    assert "more than two summands" in refused(fours)


@pytest.mark.thorough
def test_a_sum_that_would_take_too_long_to_tell_is_refused():
    kernel = adder(aten.sum.default, (Layout.of(torch.empty(100_000, 9)[:, :1]),), {})
    with pytest.raises(NoOrder, match=r"adds 100000 summands .* would take 100000 calls"):
        reveal(kernel, "a sum")


class Corner(Written):
    """All positions add alike but for the last, which adds as `corner` says."""

    def __init__(self, rest, corner, slots):
        super().__init__(rest.tree, slots, rest.fused)
        self.corner = corner

    def add(self, axis, own, shared, bias):
        result = super().add(axis, own, shared, bias)
        factor = np.full_like(own.T, shared)
        result[..., -1] = add_in_order(self.corner, own.T, factor)[-1]
        return result


def all_of(tree, fused):
    return Order(tree, np.full(len(summands(tree)), fused))


def calls_without_a_corner(rest, slots):
    plain = Written(rest.tree, slots, rest.fused)
    reveal(plain, "a product")
    return plain.calls


@pytest.mark.parametrize("fused", [True, False])
def test_a_corner_that_has_the_tree_of_the_rest_is_known_without_being_probed(fused):
    tree = in_turn(range(300))
    rest, corner = all_of(tree, fused), all_of(tree, not fused)
    kernel = Corner(rest, corner, slots=31)
    found = reveal(kernel, "a product")
    assert np.bincount(found.which.ravel()).tolist() in ([30, 1], [1, 30])
    last = found.orders[found.which[0, 0, -1]]
    assert last.tree.tolist() == tree.tolist()
    assert set(last.fused[1:].tolist()) == {not fused}
    assert kernel.calls == calls_without_a_corner(rest, slots=30)


def test_a_corner_that_has_another_tree_is_probed():
    loop, backwards = in_turn(range(40)), in_turn(range(39, -1, -1))
    rest, corner = all_of(loop, fused=True), all_of(backwards, fused=True)
    kernel = Corner(rest, corner, slots=31)
    found = reveal(kernel, "a product")
    first, last = (found.orders[found.which[0, 0, at]] for at in (0, -1))
    assert subtrees(first.tree) == subtrees(loop)
    assert subtrees(last.tree) == subtrees(backwards)
    assert kernel.calls > calls_without_a_corner(rest, slots=30)


def test_positions_that_are_said_to_add_otherwise_are_a_class_of_their_own():
    kernel = Written(in_turn(range(20)), slots=4)
    apart = np.array([[[False, True, False, True]]])
    found = reveal(kernel, "a sum", apart=apart)
    assert len(found.orders) == 2
    assert (found.which == found.which[0, 0, 1]).tolist() == apart.tolist()


def test_what_is_set_apart_is_probed_though_it_has_the_tree_of_the_rest():
    first, others, split = (Written(in_turn(range(20)), slots) for slots in (1, 3, 4))
    reveal(first, "a sum")
    reveal(others, "a sum")
    found = reveal(split, "a sum", apart=np.array([[[True, False, False, False]]]))
    to_tell_apart = HASHES + 64 // 20 + REPEATED
    assert split.calls == first.calls + others.calls - to_tell_apart
    assert [subtrees(one.tree) for one in found.orders] == [subtrees(in_turn(range(20)))] * 2


def test_what_adds_otherwise_is_told_from_the_rest_of_what_is_set_apart():
    corner = Corner(all_of(in_turn(range(20)), False), all_of(in_turn(range(19, -1, -1)), False), 4)
    apart = np.array([[[False, True, True, True]]])
    found = reveal(corner, "a product", apart=apart)
    first, second, third, last = found.which.ravel().tolist()
    assert second == third
    assert len({first, second, last}) == 3


def test_half_formats_are_added_in_float32():
    assert [accumulator(name) for name in ("float64", "float32", "bfloat16", "float16")] == [
        "float64",
        "float32",
        "float32",
        "float32",
    ]
