"""Find the positions of an output that add in the same order, by sums whose exact value is zero.

The result of such a sum is rounding error alone, so that different orders give different results.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.floats.rounding import accumulator
from autograd_by_hand.summation.adder import Adder, NoOrder, slot_count

Array = NDArray[Any]

HASHES = 3  # calls that distinguish positions; short sums, with few roundings, get more
REPEATED = 2  # of these calls are made twice, to check that the kernel is deterministic


@dataclass(frozen=True)
class Seen:
    """A call that distinguishes positions: its operands, equal at all of them, and its result."""

    terms: Array
    shared: float
    bias: float
    result: Array


def positions_by_order(
    adder: Adder, generator: np.random.Generator, apart: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int32], list[Seen]]:
    """Number the positions by their order: equal orders have equal rounding errors in every call.

    apart: positions that are known to add differently from the others, or None
    returns: the number of each position's order, and the calls

    Raises
        NoOrder: if the kernel is not deterministic.
    """
    axis = adder.axes[0]
    key = np.zeros(adder.shape, np.uint64)
    if apart is not None:
        key += apart
    seen = []
    short = 64 // adder.terms if adder.terms > 2 else 0  # two terms have only one tree
    for call in range(HASHES + short):
        terms, shared, bias = cancelling(adder, generator)
        own = np.tile(terms, (slot_count(adder, axis), 1))
        result = adder.add(axis, own, shared, bias)
        bits = result.view(f"u{result.itemsize}")
        if call < REPEATED and not np.array_equal(
            bits, adder.add(axis, own, shared, bias).view(bits.dtype)
        ):
            raise NoOrder(Message("a second call on the same inputs gives other bits"))
        seen.append(Seen(terms, shared, bias, result))
        if (bits == bits.flat[0]).all():
            continue
        key = (key ^ bits) * np.uint64(0x9E3779B97F4A7C15)  # odd: keys stay different
        key ^= key >> np.uint64(29)
    if (key == key.flat[0]).all():
        return np.zeros(adder.shape, np.int32), seen
    _, first, which = np.unique(key.ravel(), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))  # numbered by first occurrence, not by bits
    return rank[which].reshape(adder.shape).astype(np.int32), seen


def cancelling(adder: Adder, generator: np.random.Generator) -> tuple[Array, float, float]:
    """Return terms, a shared factor and a bias whose exact sum is zero, but not the computed one.

    Their computed sum consists of rounding errors alone, which distinguishes orders. For the half
    formats it also shows the errors of the wider accumulator, which rounding the result would hide;
    there the terms are of many sizes, because the accumulator adds terms of one size exactly.
    """
    bits = precision(adder.format)
    half = adder.terms // 2
    low, high = {"float16": (-13, 16), "bfloat16": (0, 36)}.get(adder.format, (0, 6))
    whole = generator.integers(2 ** (bits - 1), 2**bits, half).astype(np.float64)
    values = np.ldexp(whole, generator.integers(low, high, half) - bits)
    terms = np.zeros(adder.terms)
    shuffled = generator.permutation(adder.terms)
    terms[shuffled[:half]] = values
    terms[shuffled[half : 2 * half]] = -values
    shared = 1 + 5 / 2 ** (bits // 2) if adder.multiplies else 1.0
    bias = 0.0
    if adder.bias:  # cancels a term whose product is exact
        if adder.terms % 2 == 0:  # no term is unpaired: one of a pair is used
            terms[shuffled[half - 1]] = 0
        terms[shuffled[-1]], bias = 0.75, -0.75 * shared
    return terms.astype(accumulator(adder.format)), shared, bias
