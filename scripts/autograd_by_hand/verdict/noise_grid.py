"""The numbers that a result is rounded to, at random, when rounding noise is measured."""

from dataclasses import dataclass

import torch
from torch import Tensor

from autograd_by_hand.floats.formats import largest, precision, smallest_normal

BITS_FOR_FLOAT64 = 40  # float64's noise is measured on a coarser grid, where float64 resolves it
_MANTISSA = 53


@dataclass(frozen=True)
class Grid:
    """The numbers of a dtype, as a subset of those of float64.

    bits: of the significand, including the hidden bit
    """

    bits: int
    smallest_normal: float
    largest: float

    @classmethod
    def of(cls, dtype: str) -> "Grid":
        """Return the grid on which the noise of `dtype` is measured."""
        bits = BITS_FOR_FLOAT64 if dtype == "float64" else precision(dtype)
        return cls(bits, smallest_normal(dtype), largest(dtype))

    def rounded(self, value: Tensor, random: Tensor) -> Tensor:
        """Round a float64 tensor to the grid at random.

        random: int64 of the same shape, with every bit random
        """
        cut = _MANTISSA - self.bits
        below = (1 << cut) - 1  # the cut bits; adding random bits to them carries or not
        bits = value.contiguous().view(torch.int64) + (random & below)
        kept = bits.bitwise_and_(~below).view(torch.float64)
        if self.bits == BITS_FOR_FLOAT64:
            return torch.where(value.isfinite(), kept, value)
        magnitude = value.abs()
        least, greatest = magnitude.aminmax()
        if not least >= self.smallest_normal:  # also true if there is a nan
            step = self.smallest_normal * 2.0 ** (1 - self.bits)
            small = torch.floor(value / step + (random & below).double() / (below + 1)) * step
            kept = torch.where(magnitude < self.smallest_normal, small, kept)
        if not greatest <= self.largest:
            half_a_step = self.largest / (2.0 ** (self.bits + 1) - 2)
            beyond = magnitude >= self.largest + half_a_step
            kept = kept.clamp(-self.largest, self.largest)
            kept = torch.where(beyond, value.sign() * torch.inf, kept)
            kept = torch.where(value.isnan(), value, kept)
        return kept
