"""The interface of a kernel that can be probed: one call adds at every position of its output."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.floats.formats import precision

Array = NDArray[Any]
Axis = Literal["rows", "columns"]
# The result (batch, rows, columns), the operands (batch, rows or columns, terms) and the bias, all
# in the accumulator's dtype.
Example = tuple[Array, Array, Array, Array | None]


class NoOrder(Exception):
    """The kernel does not add rounded numbers two by two in a fixed order; the message says why."""


class Adder(Protocol):
    """A kernel that computes a sum of `terms` terms at each of (batch, rows, columns) positions.

    A term is an element, multiplied by a shared factor if the kernel multiplies; the kernel may
    also add a bias.

    format: the dtype of the operands
    result: the dtype of the result
    """

    shape: tuple[int, int, int]
    terms: int
    bias: bool
    multiplies: bool
    axes: tuple[Axis, ...]
    format: str
    result: str

    def add(self, axis: Axis, own: Array, shared: float, bias: float) -> Array:
        """Call the kernel once.

        own: (slots, terms), a slot per row or column
        returns: of `shape`
        """
        ...

    def example(self, generator: np.random.Generator, cancelling: bool) -> Example:
        """Call the kernel once on random operands, whose products cancel if `cancelling`.

        The first operand of a kernel that does not multiply is 1.
        """
        ...


@dataclass(frozen=True)
class Scale:
    """The numbers of a probe: `mask` swamps units, of which up to `counted` can be counted."""

    unit: float
    mask: float
    counted: int


def scale_of(adder: Adder) -> Scale:
    """Return the mask and the unit for the adder's dtype (float16 cannot hold 2^120)."""
    counted = 2 ** precision(adder.result)
    if adder.format == "float16":
        return Scale(2.0**-24, 2.0**15, counted)
    return Scale(1.0, 2.0**120, counted)


def slot_count(adder: Adder, axis: Axis) -> int:
    """Return how many independent slots a kernel has along an axis."""
    batch, rows, columns = adder.shape
    return batch * (rows if axis == "rows" else columns)
