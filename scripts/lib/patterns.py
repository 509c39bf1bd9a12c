"""Patterns in a gradient's values that give a mistake away."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.lib.formats import eps, largest

Array = NDArray[Any]


def non_finite(value: Array, reference: Array, dtype: str) -> dict[str, Any] | None:
    """Where `value` is inf or nan: how often, the first place, and whether the truth would fit.

    value, reference: shape (runs, *shape)
    returns: None if all are finite; else `count`, `runs` (how many runs have one), `run` and
        `index` of the first, its `value` as text, `reference` there (None if not finite itself),
        and `fits`: whether every such element's reference is a number of the format
    """
    bad = ~np.isfinite(np.asarray(value, np.float64))
    if not bad.any():
        return None
    run, *index = (int(place) for place in np.argwhere(bad)[0])
    truth = np.asarray(reference, np.float64)
    first = float(truth[(run, *index)])
    return {
        "count": int(bad.sum()),
        "runs": int(bad.reshape(len(bad), -1).any(axis=1).sum()),
        "run": run,
        "index": index,
        "value": str(float(np.asarray(value, np.float64)[(run, *index)])),
        "reference": first if np.isfinite(first) else None,
        "fits": bool((np.abs(truth[bad]) <= largest(dtype)).all()),
    }


def ratio(value: Array, reference: Array, dtype: str) -> float | None:
    """The one factor c with value = c reference over all elements, if there is one; else None.

    c is the least-squares fit. It is accepted where what it leaves over is below half of the digits
    of the format, normwise, and c itself is farther than that from 1. Small simple fractions are
    given exactly.
    """
    scale = np.max(np.abs(np.asarray(reference, np.float64)), initial=0)
    if not (scale and np.isfinite(scale)):
        return None
    with np.errstate(over="ignore"):  # scaled, so that squares neither overflow nor vanish
        value, reference = (np.asarray(a, np.float64).ravel() / scale for a in (value, reference))
    norm = float(np.linalg.norm(reference))
    if not np.isfinite(value).all():
        return None
    close = eps(dtype) ** 0.5
    with np.errstate(over="ignore", invalid="ignore"):
        factor = float(value @ reference) / norm**2
        left_over = np.linalg.norm(value - factor * reference)
    if not left_over <= close * norm or abs(factor - 1) <= close:
        return None
    fractions = (round(factor * denominator) / denominator for denominator in (1, 2, 3, 4, 5, 6, 8))
    simple = min(fractions, key=lambda fraction: abs(factor - fraction))
    return simple if abs(factor - simple) <= close * max(1.0, abs(simple)) else factor


def repetition(first: Array, second: Array) -> str:
    """What a second call on the same inputs gave that differs from the first, in words."""
    with np.errstate(over="ignore"):
        doubled = 2 * first
    if first.any() and np.array_equal(second, doubled, equal_nan=True):
        return "twice the first"
    return "other bits"


def name_of(factor: float, second_call: str) -> str:
    """The likeliest mistake behind a gradient that is `factor` times the true one."""
    if factor == 0:
        return "it is zero: a term is missing or detached"
    if factor == -1:
        return "the sign is wrong"
    if factor == 2 and second_call == "twice the first":
        return "the gradient was accumulated twice"
    if factor == 2:
        return "a factor 0.5 is missing (the loss's own, say), or the gradient was counted twice"
    if factor == 0.5:
        return "a factor 0.5 too many, or a factor 2 is missing"
    return "a constant factor is wrong"
