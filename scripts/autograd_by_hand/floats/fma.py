"""Fused multiply-add in numpy: a b + c with one rounding, with the same bits as a processor's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def fma(first: Array, second: Array, addend: Array) -> Array:
    """The product plus the addend, rounded once, elementwise; all float32 or all float64."""
    if addend.dtype == np.float32:
        return _fma32(first, second, addend)
    return _fma64(first, second, addend)


def _fma32(first: Array, second: Array, addend: Array) -> Array:
    """The product is exact in float64, so only the sum is rounded twice, to float64 and to float32.

    Rounding twice can give a wrong result only if the float64 sum lies halfway between two float32
    numbers (or is so small that float32 has fewer bits). Such sums are first rounded to odd, which
    makes the second rounding correct (Boldo & Melquiond, "Emulation of a FMA and correctly rounded
    sums: proved algorithms using rounding to odd", IEEE Trans. Computers 57(4), 2008, Theorem 1).
    """
    product = first.astype(np.float64) * second
    wide = product + addend
    rounded = wide.astype(np.float32)
    bits = wide.view(np.int64)
    doubtful = (bits & 0x1FFFFFFF) == 0x10000000
    doubtful |= np.abs(rounded) < 2.0**-125
    if doubtful.any():
        products, addends = np.broadcast_arrays(product, addend)
        odd = round_to_odd(products[doubtful], addends[doubtful].astype(np.float64))
        rounded[doubtful] = odd.astype(np.float32)
    return rounded


def _fma64(first: Array, second: Array, addend: Array) -> Array:
    """Boldo & Melquiond (2008), section 5: add the exact product's parts, rounding first to odd.

    Correct unless the product's low part underflows (below 2^-969) or an operand is above 2^970.
    """
    high, low = two_product(first, second)
    above, below = two_sum(addend, low)
    top, rest = two_sum(high, above)
    result = top + round_to_odd(rest, below)
    plain = first * second + addend
    return np.where(np.isfinite(result), result, plain)


def two_sum(first: Array, second: Array) -> tuple[Array, Array]:
    """(s, e) with s = first + second rounded and s + e exact (Knuth, TAOCP 2, 4.2.2, Theorem B)."""
    total = first + second
    shadow = total - first
    return total, (first - (total - shadow)) + (second - shadow)


def two_product(first: Array, second: Array) -> tuple[Array, Array]:
    """(p, e) with p = first * second rounded and p + e exact, in float64 (Dekker 1971)."""
    product = first * second
    high1, low1 = _split(first)
    high2, low2 = _split(second)
    error = ((high1 * high2 - product) + high1 * low2 + low1 * high2) + low1 * low2
    return product, error


def _split(value: Array) -> tuple[Array, Array]:
    """A float64 as the sum of two of 26 bits (Veltkamp)."""
    scaled = value * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - value)
    return high, value - high


def round_to_odd(first: Array, second: Array) -> Array:
    """The sum in float64; where it is inexact, the neighbour with an odd last bit."""
    total, error = two_sum(first, second)
    bits = total.view(np.int64).copy()
    inexact_even = (error != 0) & ((bits & 1) == 0) & np.isfinite(total)
    away = (error > 0) == (total > 0)
    bits += np.where(inexact_even, np.where(away, 1, -1), 0)
    return bits.view(np.float64)
