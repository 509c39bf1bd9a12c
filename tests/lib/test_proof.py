"""What a kernel does is proved on data that it was not probed with, or refused by name."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from scripts.lib.adders import Layout, adder
from scripts.lib.order import Order, in_turn
from scripts.lib.proof import AT_LEAST, prove
from scripts.lib.replay import add_in_order
from scripts.lib.reveal import Axis

aten = torch.ops.aten
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def proved(function, *args):
    laid_out = tuple(Layout.of(arg) if isinstance(arg, Tensor) else arg for arg in args)
    return prove(adder(function, laid_out, {}), str(function))


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
        found = proved(function, *args)
        assert found.refused is None
        assert set(found.compared) == {"random", "amplified"}
        assert all(AT_LEAST <= one.elements == one.identical for one in found.compared.values())


class Kernel:
    """A sum over 40 terms at six positions, added as `function` says."""

    shape, terms, bias, multiplies = (1, 1, 6), 40, False, False
    axes: tuple[Axis, ...] = ("columns",)
    format = result = "float32"

    def __init__(self, function):
        self.function = function

    def add(self, axis, own, shared, bias):  # noqa: ARG002
        return np.asarray(self.function(own), np.float32).reshape(self.shape)

    def example(self, generator, cancelling):
        terms = generator.standard_normal((6, self.terms), np.float32)
        if cancelling:
            terms[:, 20:] = -terms[:, :20]
        return self.add("columns", terms, 1, 0), np.ones((1, 1, 40), np.float32), terms[None], None


def in_the_order_of(own):
    return add_in_order(Order(in_turn(range(40)), np.zeros(40, bool)), own.T)


def test_a_fixed_order_is_proved():
    assert prove(Kernel(in_the_order_of), "a sum").refused is None


GENERATOR = np.random.default_rng(0)


def wavering(own):
    return in_the_order_of(own[:, GENERATOR.permutation(40)])


def smallest_first(own):
    return in_the_order_of(np.take_along_axis(own, np.argsort(np.abs(own), axis=1), axis=1))


def three_at_once(own):
    totals = own[:, :1]
    for at in range(1, 40, 3):
        rows = np.concatenate([totals, own[:, at : at + 3]], axis=1).tolist()
        totals = np.array([[math.fsum(row)] for row in rows], np.float32)
    return totals


def in_float64(own):
    return own.astype(np.float64).cumsum(axis=1)[:, -1]


def in_tensor_floats(own):
    return in_the_order_of((own.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32))


def kahan(own):
    total, lost = own[:, 0], np.zeros_like(own[:, 0])
    for at in range(1, 40):
        term = own[:, at] - lost
        wider = total + term
        lost = (wider - total) - term
        total = wider
    return total


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (wavering, "a second call on the same inputs gives other bits"),
        (smallest_first, "summands are added at once, or not by a tree|depends on the values"),
        (three_at_once, "more than two summands are added at once"),
        (in_float64, "more than the 24 bits of float32"),
        (in_tensor_floats, "rounds its operands to fewer bits than float32 has|no counts"),
        (kahan, "no tree|no counts|more than the 24 bits|depends on the values"),
    ],
)
def test_what_has_no_order_is_refused_by_name(function, words):
    found = prove(Kernel(function), "a sum")
    assert found.orders is None
    assert found.refused is not None
    assert any(word in found.refused for word in words.split("|")), found.refused


def test_one_element_that_is_one_ulp_off_where_no_probe_looks_is_found():
    def off(own):
        result = np.array(in_the_order_of(own))
        noisy = len(np.unique(np.abs(own))) > 25  # random data, not masks, units or their negatives
        if noisy:
            result[3] = np.nextafter(result[3], np.float32(np.inf))
        return result

    found = prove(Kernel(off), "a sum")
    assert found.orders is None
    assert found.refused is not None
    assert "misses" in found.refused
    assert found.compared["random"].identical < found.compared["random"].elements
