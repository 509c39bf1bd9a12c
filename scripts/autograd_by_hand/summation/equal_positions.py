"""Find the positions of an output that add alike, by sums whose exact value is zero.

What such a sum gives is rounding alone, and so tells orders apart.
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

HASHES = 3  # calls that tell positions apart, for long sums; few summands meet few roundings
REPEATED = 2  # of them are made twice: the kernel has to give the same bits again


@dataclass(frozen=True)
class Seen:
    """A call that told positions apart: what went in, the same everywhere, and what came out."""

    terms: Array
    shared: float
    bias: float
    result: Array


def positions_by_order(
    adder: Adder, generator: np.random.Generator, apart: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int32], list[Seen]]:
    """Positions that add alike, numbered: those whose rounding errors agree in every call."""
    axis = adder.axes[0]
    key = np.zeros(adder.shape, np.uint64)
    if apart is not None:
        key += apart
    seen = []
    short = 64 // adder.terms if adder.terms > 2 else 0  # two terms have one tree alone
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
        key = (key ^ bits) * np.uint64(0x9E3779B97F4A7C15)  # odd: no two keys are made one by it
        key ^= key >> np.uint64(29)
    if (key == key.flat[0]).all():
        return np.zeros(adder.shape, np.int32), seen
    _, first, which = np.unique(key.ravel(), return_index=True, return_inverse=True)
    in_turn = np.argsort(np.argsort(first))  # numbered as they come, whatever their bits
    return in_turn[which].reshape(adder.shape).astype(np.int32), seen


def cancelling(adder: Adder, generator: np.random.Generator) -> tuple[Array, float, float]:
    """Terms, a shared factor and a bias whose exact sum is zero and whose partial sums are rounded.

    A sum of them is rounding errors and nothing else, which tells orders apart and, for the half
    formats, shows the errors of a wider accumulator that their own rounding would hide: there the
    terms are of many sizes, since those of one size have room in it.
    """
    bits = precision(adder.format)
    half = adder.terms // 2
    low, high = {"float16": (-13, 16), "bfloat16": (0, 36)}.get(adder.format, (0, 6))
    whole = generator.integers(2 ** (bits - 1), 2**bits, half).astype(np.float64)
    values = np.ldexp(whole, generator.integers(low, high, half) - bits)
    terms = np.zeros(adder.terms)
    places = generator.permutation(adder.terms)
    terms[places[:half]] = values
    terms[places[half : 2 * half]] = -values
    shared = 1 + 5 / 2 ** (bits // 2) if adder.multiplies else 1.0
    bias = 0.0
    if adder.bias:  # against a term whose product is exact
        if adder.terms % 2 == 0:  # no term is left over: one of a pair becomes it
            terms[places[half - 1]] = 0
        terms[places[-1]], bias = 0.75, -0.75 * shared
    return terms.astype(accumulator(adder.format)), shared, bias
