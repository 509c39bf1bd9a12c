"""The tape: every number that depends on the inputs, and how its cotangent reaches others.

Each element of each tensor that forward computes has a slot, a number of its own; 0 is the slot of
constants. Views and copies carry slots along, so that only operations that compute are recorded.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from autograd_by_hand.enclosure.balls import (
    ZERO,
    Array,
    as_array,
    filled,
    mapped,
    summed_to,
    test,
)
from autograd_by_hand.enclosure.failures import TooLarge

Slots = NDArray[np.int64]
# From the cotangents of an operation's results to what they contribute to those of its operands.
Pull = Callable[[Array], Sequence[Array | None]]
PRODUCTS_PER_BALL = 4  # products within a matrix product cost a quarter of an operation by itself


@dataclass(frozen=True)
class _Record:
    out: Slots
    operands: list[Slots]
    pull: Pull


class Tape:
    """What was computed from the inputs.

    most: how many balls may be computed, products within a matrix product counting for a quarter
    kinks: by operation, how many derivatives have no single value, or are not yet known to have one
    undefined: the first operation whose result is no number although its operands are; "" if none
    work: how much of `most` is spent
    proven: whether that does not depend on the precision, since the operands are exact
    """

    def __init__(self, most: float) -> None:
        self._slots = 1
        self._records: list[_Record] = []
        self._most, self.work = most, 0.0
        self.kinks: Counter[str] = Counter()
        self.undefined, self.proven = "", False

    def spend(self, balls: float) -> None:
        """Count work; raise TooLarge when the limit is exceeded."""
        self.work += balls
        if self.work > self._most:
            raise TooLarge(f"forward computes more than {self._most:,.0f} numbers.")

    def kink(self, operation: str, count: int) -> None:
        """Note derivatives without a single value."""
        if count:
            self.kinks[operation] += count

    def notice(self, operation: str, values: Array, operands: Sequence[Array]) -> None:
        """Note the operation if it is the first whose results are no numbers."""
        if self.undefined:
            return
        lost = test(is_lost, values)
        if not lost.any() or any(test(is_lost, operand).any() for operand in operands):
            return
        self.undefined = operation
        same = [one for one in operands if one.shape == values.shape]
        self.proven = len(same) == len(operands) and bool(
            np.logical_and.reduce([test(arb.is_exact, one)[lost] for one in same]).any()
        )

    def fresh(self, shape: tuple[int, ...]) -> Slots:
        """New slots, one for each element."""
        count = int(np.prod(shape, dtype=np.int64))
        first, self._slots = self._slots, self._slots + count
        return np.arange(first, first + count, dtype=np.int64).reshape(shape)

    def record(self, shape: tuple[int, ...], operands: list[Slots], pull: Pull) -> Slots:
        """Record an operation with results of that shape; return the results' slots.

        A contribution may be larger than its operand, which was then broadcast.
        """
        self.spend(int(np.prod(shape, dtype=np.int64)))
        if not any(slots.any() for slots in operands):
            return np.zeros(shape, np.int64)
        out = self.fresh(shape)
        self._records.append(_Record(out, [slots.copy() for slots in operands], pull))
        return out

    def add(self, out: Slots, operands: list[Slots], pull: Pull) -> None:
        """Record a further way in which results, whose slots are known, depend on operands."""
        self._records.append(_Record(out, [slots.copy() for slots in operands], pull))

    def sweep(self, seeds: Sequence[tuple[Slots, Array]]) -> Array:
        """Pull cotangents back: the cotangent of every slot, an array by slot.

        seeds: the slots of outputs, and their cotangents in the same order
        """
        every = filled((self._slots,), ZERO)
        for out, cotangents in seeds:
            np.add.at(every, out.ravel(), cotangents.ravel())
        for record in reversed(self._records):
            arriving = as_array(every[record.out])
            if not any(not ball.is_zero() for ball in arriving.flat):
                continue
            for slots, part in zip(record.operands, record.pull(arriving), strict=True):
                if part is not None and slots.any():
                    found = summed_to(part, slots.shape)
                    np.add.at(every, slots.ravel(), found.ravel())
        return every


def is_lost(ball: arb) -> bool:
    """Whether a ball says nothing: nan, or every number."""
    return not ball.is_finite() and (ball.is_nan() or not ball.is_exact())


def weighted(cotangents: Array, partial: Array) -> Array:
    """Cotangents times a partial derivative; what has no weight counts for nothing, even nan."""
    finite = test(lambda ball: bool(ball.is_finite()), partial)
    if finite.all():
        return as_array(np.multiply(cotangents, partial))
    return mapped(lambda c, d: ZERO if c.is_zero() else c * d, cotangents, partial)
