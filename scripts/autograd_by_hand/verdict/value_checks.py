"""What a gradient's values show by themselves: lost numbers, other bits in a second call."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.formats import largest

Array = NDArray[Any]


class NonFinite(TypedDict):
    """The elements of a gradient that are inf or nan.

    runs: how many runs have one
    run, index: of the first
    value: of the first, as text
    reference: there, or null if it is not finite itself
    fits: whether every such element's reference is a number of the format
    """

    count: int
    runs: int
    run: int
    index: list[int]
    value: str
    reference: float | None
    fits: bool


def non_finite(value: Array, reference: Array, dtype: str) -> NonFinite | None:
    """Where `value` is inf or nan; None if all elements are finite.

    value, reference: shape (runs, *shape)
    """
    bad = ~np.isfinite(value)
    if not bad.any():
        return None
    run, *index = (int(place) for place in np.argwhere(bad)[0])
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


def repetition(first: Array, second: Array) -> str:
    """What a second call on the same inputs gave that differs from the first, in words."""
    with np.errstate(over="ignore"):
        doubled = 2 * first
    if first.any() and np.array_equal(second, doubled, equal_nan=True):
        return Message("twice the first")
    return Message("other bits")


def off_zero(value: Array) -> str:
    """What a gradient that must be zero throughout is instead, in words; "zero" if it is."""
    if not value.any():
        return "zero"
    worst = float(np.max(np.abs(value)))
    if not np.isfinite(worst):
        return Message("inf or nan")
    return Message("values up to {worst}", worst=f"{worst:.2g}")
