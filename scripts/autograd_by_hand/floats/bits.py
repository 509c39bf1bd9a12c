"""Compare arrays bit by bit."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def bits(value: Array) -> NDArray[np.unsignedinteger[Any]]:
    """The bits of each element, as an unsigned integer of the same size."""
    return np.ascontiguousarray(value).view(f"u{value.itemsize}")


def same_bits(first: Array, second: Array) -> NDArray[np.bool_]:
    """Where two float arrays of the same dtype and shape have the same bits; any nan equals any."""
    return np.asarray((bits(first) == bits(second)) | (np.isnan(first) & np.isnan(second)))


class Difference(TypedDict):
    """An element that differs: its run, its index, and its found and expected values."""

    run: int
    index: list[int]
    found: float
    expected: float


def first_difference(found: Array, expected: Array, alike: NDArray[np.bool_]) -> Difference:
    """The first element that differs.

    found, expected, alike: (*shape, runs); `alike` is False for at least one element
    """
    *index, run = (int(axis) for axis in np.argwhere(~alike)[0])
    return {
        "run": run,
        "index": index,
        "found": float(found[*index, run]),
        "expected": float(expected[*index, run]),
    }
