"""What a kernel does is proved on data that it was not probed with, or refused by name."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from autograd_by_hand.floats.bits import same_bits
from autograd_by_hand.floats.rounding import accumulator, rounded
from autograd_by_hand.summation import equal_positions
from autograd_by_hand.summation.add import add_in_order, product_in_order
from autograd_by_hand.summation.adder import Axis
from autograd_by_hand.summation.confirm import AT_LEAST, prove
from autograd_by_hand.summation.kernels import Layout, adder, adds
from autograd_by_hand.summation.tree import Order, Orders, in_turn, summands

aten = torch.ops.aten
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def kernel_of(function, *args, **kwargs):
    laid_out = tuple(Layout.of(arg) if isinstance(arg, Tensor) else arg for arg in args)
    assert adds(function, laid_out, kwargs)
    return adder(function, laid_out, kwargs)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_torchs_kernels_are_proved(dtype):
    x, weight, bias = (torch.empty(shape, dtype=dtype) for shape in ((3, 50), (70, 50), (70,)))
    for function, *args in (
        (aten.addmm.default, bias, x, weight.t()),
        (aten.mm.default, x.t(), x),
        (aten.mv.default, weight, bias[:50]),
        (aten.sum.dim_IntList, x, [1]),
        (aten.sum.default, x),
        (aten.bmm.default, x[None].expand(2, 3, 50).clone(), weight.t()[None].expand(2, 50, 70)),
    ):
        found = prove(kernel_of(function, *args), str(function))
        assert found.refused is None
        assert set(found.compared) == {"random", "amplified"}
        assert all(
            AT_LEAST <= one["elements"] == one["identical"] for one in found.compared.values()
        )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("function", "shapes"),
    [(aten.sum.default, [(600,)]), (aten.mm.default, [(3, 50), (50, 5)])],
    ids=str,
)
def test_the_data_that_is_compared_tells_the_kernels_order_from_the_reverse(
    function, shapes, dtype
):
    kernel = kernel_of(function, *(torch.empty(shape, dtype=dtype) for shape in shapes))
    backwards = Order(in_turn(range(kernel.terms - 1, -1, -1)), np.zeros(kernel.terms, bool))
    orders = Orders(np.zeros(kernel.shape, np.int32), [backwards])
    generator, alike = np.random.default_rng(0), []
    for _ in range(AT_LEAST):
        result, left, right, _ = kernel.example(generator, cancelling=True)
        replayed = product_in_order(orders, left[..., None], right.swapaxes(1, 2)[..., None])
        alike.append(same_bits(rounded(replayed[..., 0], kernel.result), result))
    assert not np.all(alike)


@pytest.mark.parametrize(
    ("source", "into"),
    [(torch.float32, torch.float64), (torch.bfloat16, torch.float64), (torch.float64, torch.float32)],
    ids=str,
)  # fmt: skip
def test_two_summands_that_are_added_in_another_format_are_no_error(source, into):
    args = (Layout.of(torch.empty(2, 3, dtype=source)), [0])
    assert not adds(aten.sum.dim_IntList, args, {"dtype": into})
    found = prove(adder(aten.sum.dim_IntList, args, {"dtype": into}), "a sum")
    assert found.orders is None
    assert found.refused is not None


class Kernel:
    """A sum over 40 terms at six positions, added as `function` says."""

    shape, terms, bias, multiplies = (1, 1, 6), 40, False, False
    axes: tuple[Axis, ...] = ("columns",)

    def __init__(self, function, dtype="float32"):
        self.function, self.format, self.result = function, dtype, dtype
        self.asked: list[bool] = []

    def add(self, axis, own, shared, bias):  # noqa: ARG002
        with np.errstate(all="ignore"):
            totals = np.asarray(self.function(own), accumulator(self.format))
            return rounded(totals, self.result).reshape(self.shape)

    def example(self, generator, cancelling):
        self.asked.append(cancelling)
        terms = generator.standard_normal((6, 40)).astype(accumulator(self.format))
        terms = rounded(terms, self.format)
        if cancelling:
            terms[:, 20:] = -terms[:, :20]
        return self.add("columns", terms, 1, 0), np.ones((1, 1, 40), terms.dtype), terms[None], None


LOOP = Order(in_turn(range(40)), np.zeros(40, bool))


def in_turn_of_our_own(own):
    return add_in_order(LOOP, own.T)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_a_fixed_order_is_proved(dtype):
    kernel = Kernel(in_turn_of_our_own, dtype)
    found = prove(kernel, "a sum")
    assert found.refused is None
    assert found.orders is not None
    assert kernel.asked == [False] * 3 + [True] * 3
    assert [summands(one.tree).tolist() for one in found.orders.orders] == [list(range(40))]


GENERATOR = np.random.default_rng(0)


def wavering(own):
    return in_turn_of_our_own(own[:, GENERATOR.permutation(40)])


def smallest_first(own):
    return in_turn_of_our_own(np.take_along_axis(own, np.argsort(np.abs(own), axis=1), axis=1))


def negative_last(own):
    return np.where(own > 0, own, 0).cumsum(1)[:, -1] + np.where(own < 0, own, 0).cumsum(1)[:, -1]


def three_at_once(own):
    totals = own[:, :1]
    for at in range(1, 40, 3):
        rows = np.concatenate([totals, own[:, at : at + 3]], axis=1).tolist()
        totals = np.array([[math.fsum(row)] for row in rows], np.float32)
    return totals


def in_float64(own):
    return own.astype(np.float64).cumsum(axis=1)[:, -1]


def in_bfloat16(own):
    total = own[:, 0]
    for at in range(1, 40):
        total = rounded(total + own[:, at], "bfloat16")
    return total


def in_tensor_floats(own):
    return in_turn_of_our_own((own.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32))


def kahan(own):
    total, lost = own[:, 0], np.zeros_like(own[:, 0])
    for at in range(1, 40):
        term = own[:, at] - lost
        wider = total + term
        lost = (wider - total) - term
        total = wider
    return total


def all_but_the_last(own):
    return own[:, :-1].cumsum(axis=1)[:, -1]


def all_twice(own):
    return in_turn_of_our_own(own) * 2


def nothing(own):
    return own[:, 0] * 0


WAVERS = "a second call on the same inputs gives other bits"
AT_ONCE = "more than two summands are added at once, or not by a tree"
WIDER = "it adds in more than the 24 bits of float32"
NARROWER = "it adds in less than the 24 bits of float32"
ROUNDS = "it rounds its operands to fewer bits than float32 has"
VALUES = "depends on the values"


@pytest.mark.parametrize(
    ("function", "dtype", "words"),
    [
        (wavering, "float32", WAVERS),
        (smallest_first, "float32", VALUES),
        (negative_last, "float32", VALUES),
        (three_at_once, "float32", AT_ONCE),
        (in_float64, "float32", WIDER),
        (in_float64, "bfloat16", WIDER),
        (in_bfloat16, "bfloat16", NARROWER),
        (in_tensor_floats, "float32", ROUNDS),
        (kahan, "float32", WIDER),
    ],
)
def test_what_has_no_order_is_refused_by_name(function, dtype, words):
    found = prove(Kernel(function, dtype), "a sum")
    assert found.orders is None
    assert found.refused is not None
    assert words in found.refused


@pytest.mark.parametrize("function", [all_but_the_last, all_twice, nothing])
def test_what_is_no_sum_is_refused(function):
    found = prove(Kernel(function), "a sum")
    assert found.orders is None
    assert found.refused is not None


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("function", [smallest_first, negative_last])
def test_an_order_that_depends_on_the_values_is_refused_in_every_format(function, dtype):
    found = prove(Kernel(function, dtype), "a sum")
    assert found.orders is None
    assert found.refused is not None


def one_ulp_off_at_the_fourth(own, where):
    result = np.array(in_turn_of_our_own(own))
    if where:
        result[3] = np.nextafter(result[3], np.float32(np.inf))
    return result


def test_one_element_that_is_one_ulp_off_where_no_probe_looks_is_found():
    def off(own):
        noisy = len(np.unique(np.abs(own))) > 25  # random data, not masks, units or their negatives
        return one_ulp_off_at_the_fourth(own, noisy)

    found = prove(Kernel(off), "a sum")
    assert found.orders is None
    assert found.refused is not None
    assert found.refused.startswith("the order that was revealed misses 6 of 36 elements")
    missed = {kind: one["elements"] - one["identical"] for kind, one in found.compared.items()}
    assert missed == {"random": 3, "amplified": 3}


def test_one_element_that_is_always_one_ulp_off_is_found():
    found = prove(Kernel(lambda own: one_ulp_off_at_the_fourth(own, where=True)), "a sum")
    assert found.orders is None
    assert found.refused is not None


class Edge(Kernel):
    """A product over 70 terms at 80 positions, fused everywhere but in the last."""

    shape, terms, multiplies = (1, 1, 80), 70, True

    def __init__(self):
        super().__init__(None)
        flags = [np.full(70, fused) for fused in (True, False)]
        self.rest, self.edge = (Order(in_turn(range(70)), fused) for fused in flags)

    def added(self, left, right):
        result = add_in_order(self.rest, left.T, right.T)
        result[-1] = add_in_order(self.edge, left.T, right.T)[-1]
        return result.reshape(self.shape)

    def add(self, axis, own, shared, bias):  # noqa: ARG002
        return self.added(own, np.full_like(own, shared))

    def example(self, generator, cancelling):
        left = generator.standard_normal((1, 70), np.float32)
        right = generator.standard_normal((80, 70), np.float32)
        if cancelling:
            left[:, 35:], right[:, 35:] = -left[:, :35], right[:, :35]
        return self.added(np.broadcast_to(left, (80, 70)), right), left[None], right[None], None


def test_an_edge_that_no_call_told_apart_is_revealed_apart_after_it_missed(monkeypatch):
    nothing_to_tell = np.zeros(70, np.float32), 1.0, 0.0
    monkeypatch.setattr(equal_positions, "cancelling", lambda *_: nothing_to_tell)
    found = prove(Edge(), "a product")
    assert found.refused is None
    assert found.orders is not None
    rest, edge = (found.orders.orders[found.orders.which[0, 0, at]] for at in (0, -1))
    assert rest.fused[1:].all()
    assert not edge.fused.any()
    assert all(one["identical"] == one["elements"] for one in found.compared.values())
