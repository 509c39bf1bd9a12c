"""torch's generator of random numbers on the CPU, in numpy.

The generator is MT19937 (Matsumoto & Nishimura, ACM TOMACS 8(1), 1998), seeded as their
init_genrand does. torch takes 32 bits for a uniform float32, of which it keeps 24, and turns pairs
of uniform numbers into normal ones by the method of Box & Muller (Annals of Mathematical Statistics
29(2), 1958): 16 at a time, the eight first with the eight last, unless there are fewer than 16.
Functions such as the logarithm are those of this machine; so the last bits of normal numbers may
differ from torch's.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
AT_ONCE = 16  # normal numbers that torch makes together


class Generator:
    """A generator in the state that `torch.Generator().manual_seed(seed)` has.

    seed: a whole number from 0 to 2^64 - 1, of which torch uses the last 32 bits
    """

    def __init__(self, seed: int) -> None:
        bits = np.random.MT19937()
        bits._legacy_seeding(seed & 0xFFFFFFFF)  # noqa: SLF001 - init_genrand
        self._bits = bits
        self._spare: float | None = None  # the second number of a pair of normal ones

    def uniform(self, shape: list[int], low: float, high: float) -> Array:
        """As `torch.empty(shape).uniform_(low, high)`, in float32."""
        low32, high32 = np.float32(low), np.float32(high)
        return (self._fractions(prod(shape)) * (high32 - low32) + low32).reshape(shape)

    def integers(self, shape: list[int], low: int, high: int) -> Array:
        """As `torch.randint(low, high, shape)` for a range below 2^32, in int64."""
        drawn = self._raw(prod(shape)).astype(np.int64)
        return (drawn % (high - low) + low).reshape(shape)

    def normal(self, shape: list[int]) -> Array:
        """As `torch.randn(shape)`, in float32 up to the last bits."""
        count = prod(shape)
        if count < AT_ONCE:
            return np.array([self._one_normal() for _ in range(count)], np.float32).reshape(shape)
        found = self._fractions(count)
        whole = count - count % AT_ONCE
        found[:whole] = _box_muller(found[:whole])
        if whole < count:  # torch draws the last 16 once more, over some that it has made
            found[-AT_ONCE:] = _box_muller(self._fractions(AT_ONCE))
        return found.reshape(shape)

    def _raw(self, count: int) -> NDArray[np.uint64]:
        return self._bits.random_raw(count)

    def _fractions(self, count: int) -> NDArray[np.float32]:
        """Uniform numbers from 0 to 1."""
        return ((self._raw(count) & np.uint64(2**24 - 1)) * 2.0**-24).astype(np.float32)

    def _one_normal(self) -> float:
        """A normal number in float64, made from two uniform ones of 53 bits, or kept from them."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        first, second = (self._long_fraction() for _ in range(2))
        radius, angle = np.sqrt(-2 * np.log1p(-second)), 2 * np.pi * first
        self._spare = float(radius * np.sin(angle))
        return float(radius * np.cos(angle))

    def _long_fraction(self) -> float:
        high, low = (int(one) for one in self._raw(2))
        return float(((high << 32 | low) & (2**53 - 1)) * 2.0**-53)


def _box_muller(fractions: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = fractions.reshape(-1, 2, AT_ONCE // 2).astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log1p(-parts[:, 0])), 2 * np.pi * parts[:, 1]
    made = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return made.reshape(-1).astype(np.float32)
