"""Find the calls of the manual program that recompute forward, by their values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.floats.ulp import squared_distance
from autograd_by_hand.replay.program import Program, numbers_in, results_of

Array = NDArray[Any]


def forward_calls(
    manual: Program,
    values: dict[int, Array],
    autograd: Program,
    forwards: dict[int, Array],
    precision: int,
) -> set[int]:
    """Return the indices of the calls of the manual program that recompute forward.

    A value belongs to forward if forward has a value of the same shape that agrees in at least half
    of its digits, normwise; the calls that lead to such a value belong to forward as well.

    values, forwards: all values of the two programs by number, held
    precision: bits of the dtype
    """
    theirs: dict[tuple[int, ...], list[Array]] = {}
    for call in autograd["calls"][: autograd["forward"]]:
        for number in results_of(call):
            theirs.setdefault(forwards[number].shape, []).append(forwards[number]["runs"])
    found: set[int] = set()
    wanted: set[int] = set()
    for index in range(len(manual["calls"]) - 1, -1, -1):
        call = manual["calls"][index]
        made = results_of(call)
        is_forwards = any(
            _alike(values[number]["runs"], other, precision)
            for number in made
            for other in theirs.get(values[number].shape, [])
        )
        if is_forwards or wanted & set(made):
            found.add(index)
            wanted |= set(numbers_in(call))
    return found


def _alike(one: Array, other: Array, precision: int) -> bool:
    size = squared_distance(other, np.broadcast_to(other.dtype.type(0), other.shape))
    return squared_distance(one, other) <= 2.0**-precision * size
