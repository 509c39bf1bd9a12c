"""What a kernel must offer to be probed: one call that adds in every position of its output."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.floats.formats import precision

Array = NDArray[Any]
Axis = Literal["rows", "columns"]
# The result (batch, rows, columns), the operands (batch, rows or columns, terms) and the bias, all
# in the accumulator's format.
Example = tuple[Array, Array, Array, Array | None]


class NoOrder(Exception):
    """The kernel is no fixed order of rounded additions of two; the message says what it is."""


class Adder(Protocol):
    """A kernel that gives, at each of (batch, rows, columns) positions, the sum of `terms` terms.

    A term is an element times a shared factor where the kernel multiplies; a bias may come on top.
    """

    shape: tuple[int, int, int]
    terms: int
    bias: bool
    multiplies: bool
    axes: tuple[Axis, ...]
    format: str  # of the operands
    result: str  # format of what comes out

    def add(self, axis: Axis, own: Array, shared: float, bias: float) -> Array:
        """One call; own: (slots, terms), a slot per row or column; the result has `shape`."""
        ...

    def example(self, generator: np.random.Generator, cancelling: bool) -> Example:
        """One call on random operands, whose products cancel each other if `cancelling`.

        Where a sum does not multiply, the first operand is 1.
        """
        ...


@dataclass(frozen=True)
class Scale:
    """The numbers of a probe: `mask` swamps the units; up to `counted` of them can be counted."""

    unit: float
    mask: float
    counted: int


def scale_of(adder: Adder) -> Scale:
    """Masks and units of the adder's format (float16 has no room for 2^120)."""
    counted = 2 ** precision(adder.result)
    if adder.format == "float16":
        return Scale(2.0**-24, 2.0**15, counted)
    return Scale(1.0, 2.0**120, counted)


def slot_count(adder: Adder, axis: Axis) -> int:
    """How many independent slots a kernel has along an axis."""
    batch, rows, columns = adder.shape
    return batch * (rows if axis == "rows" else columns)
