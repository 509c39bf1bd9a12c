"""Checks on a gradient's values: non-finite elements, other bits in a second call, zeros."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.formats import largest

Array = NDArray[Any]


class NonFinite(TypedDict):
    """The elements of a gradient that are inf or nan.

    runs: how many runs have such an element
    run, index: the position of the first one
    value: the first one, as text
    reference: the true value there, or null if that is not finite
    fits: whether the dtype can hold the true value of every such element
    """

    count: int
    runs: int
    run: int
    index: list[int]
    value: str
    reference: float | None
    fits: bool


def non_finite(value: Array, reference: Array, dtype: str) -> NonFinite | None:
    """Find the elements of `value` that are inf or nan; None if all are finite.

    value, reference: shape (runs, *shape)
    """
    bad = ~np.isfinite(value)
    if not bad.any():
        return None
    run, *index = (int(i) for i in np.argwhere(bad)[0])
    first = float(reference[(run, *index)])
    return {
        "count": int(bad.sum()),
        "runs": int(bad.reshape(len(bad), -1).any(axis=1).sum()),
        "run": run,
        "index": index,
        "value": str(float(value[(run, *index)])),
        "reference": first if np.isfinite(first) else None,
        "fits": bool((np.abs(reference[bad]) <= largest(dtype)).all()),
    }


def lost_alone(value: Array, other: Array, reference: Array, dtype: str) -> NonFinite | None:
    """Find the elements of `value` that are inf or nan where `other` is not.

    value, other, reference: shape (runs, *shape); elements whose true value the dtype cannot hold
        are left out
    """
    judged = np.isfinite(other) & (np.abs(reference) <= largest(dtype))
    return non_finite(np.where(judged, value, value.dtype.type(0)), reference, dtype)


def repetition(first: Array, second: Array) -> str:
    """Describe how a second call on the same inputs differs from the first."""
    with np.errstate(over="ignore"):
        doubled = 2 * first
    if first.any() and np.array_equal(second, doubled, equal_nan=True):
        return Message("twice the first")
    return Message("other bits")


def off_zero(value: Array) -> str:
    """Describe the values of a gradient that must be zero; "zero" if it is."""
    if not value.any():
        return "zero"
    worst = float(np.max(np.abs(value)))
    if not np.isfinite(worst):
        return Message("inf or nan")
    return Message("values up to {worst}", worst=f"{worst:.2g}")
