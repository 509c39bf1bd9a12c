"""Compare arrays bit by bit."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def bits(value: Array) -> NDArray[np.unsignedinteger[Any]]:
    """The bits of each element, as an integer of its size."""
    return np.ascontiguousarray(value).view(f"u{value.itemsize}")


def same_bits(first: Array, second: Array) -> NDArray[np.bool_]:
    """Where two float arrays of one format and shape have the same bits; nan is like any nan."""
    return np.asarray((bits(first) == bits(second)) | (np.isnan(first) & np.isnan(second)))


class Difference(TypedDict):
    """Where an element stands, and what it was found and expected to be."""

    run: int
    index: list[int]
    found: float
    expected: float


def first_difference(found: Array, expected: Array, alike: NDArray[np.bool_]) -> Difference:
    """Where the first element that differs stands, and both its values.

    found, expected: (*shape, runs)
    """
    *index, run = (int(place) for place in np.argwhere(~alike)[0])
    return {
        "run": run,
        "index": index,
        "found": float(found[*index, run]),
        "expected": float(expected[*index, run]),
    }
