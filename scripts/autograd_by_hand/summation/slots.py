"""Use the independent positions of a kernel's output, each for a sum of its own."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.summation.adder import Adder, Axis, scale_of, slot_count

Array = NDArray[Any]


class Slots:
    """The independent positions of one class, and the calls that fill them with sums."""

    def __init__(self, adder: Adder, member: NDArray[np.bool_]) -> None:
        self.adder = adder
        self.summands = adder.terms + adder.bias
        self.scale = scale_of(adder)
        _, rows, columns = adder.shape
        best: tuple[int, Axis, Array, Array] | None = None
        for axis in adder.axes:
            across = 2 if axis == "rows" else 1
            slots = np.flatnonzero(member.any(axis=across))
            if best is None or len(slots) > best[0]:
                partner = member.argmax(axis=across).ravel()[slots]
                best = len(slots), axis, slots, partner
        assert best is not None
        self.count, self.axis, self.slots, partner = best
        if self.axis == "rows":
            self.positions = self.slots * columns + partner
        else:
            each, column = np.divmod(self.slots, columns)
            self.positions = (each * rows + partner) * columns + column
        self.size = slot_count(adder, self.axis)

    def add(self, values: Array, shared: float = 1.0) -> Array:
        """Return the sum of each row of `values`, in as many calls as needed.

        values: (cases, summands)
        shared: the factor of all terms, if the kernel multiplies
        """
        if not self.adder.bias:
            return self._batches(values, shared, 0.0)
        results = np.empty(len(values))
        for bias in np.unique(values[:, -1]):  # a call has only one bias
            cases = np.flatnonzero(values[:, -1] == bias)
            results[cases] = self._batches(values[cases, :-1], shared, float(bias))
        return results

    def _batches(self, terms: Array, shared: float, bias: float) -> Array:
        results = np.empty(len(terms))
        own = np.zeros((self.size, self.adder.terms), terms.dtype)
        for start in range(0, len(terms), self.count):
            part = terms[start : start + self.count]
            own[self.slots[: len(part)]] = part
            result = self.adder.add(self.axis, own, shared, bias).ravel()
            results[start : start + len(part)] = result[self.positions[: len(part)]]
        return results
