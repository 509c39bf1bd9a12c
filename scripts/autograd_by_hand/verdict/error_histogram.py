"""Count elements by their error, in a form that can be added up over any number of runs.

An error is counted by its size in ulps of the dtype at the true value: exactly 0, in (2^(e-1), 2^e]
for an integer e, or not finite. The sum over chunks of runs is the same however the runs are cut
into chunks.
"""

from bisect import bisect_left
from collections import Counter
from sys import float_info
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.bits import same_bits
from autograd_by_hand.floats.formats import largest, smallest_normal
from autograd_by_hand.floats.ulp import difference, scaled_to_ulps

Array = NDArray[Any]
UP_TO = (0.5, 1.0, 2.0, 4.0, 8.0, 64.0, 1024.0)  # ulps: the upper ends of a report's columns
SMALLEST = -10  # errors of at most 2^-10 ulp, which rounding cannot cause, are counted together


class Greatest(TypedDict):
    """The element with the greatest error in ulps: where it is, its value and the true value."""

    ulps: float | str
    run: int
    index: list[int]
    hand: float | str
    true: float | str


class Tail(TypedDict):
    """The errors of a gradient's elements against the true values, over some runs.

    unequal: how many elements differ from autograd's bits
    overflow: how many are not finite although the dtype can hold the true value
    zeros: how many are zero although the true value is not
    subnormal: how many are below the smallest normal number
    counts: the number of errors by class
    """

    runs: int
    elements: int
    unequal: int
    overflow: int
    zeros: int
    subnormal: int
    counts: dict[str, int]
    greatest: Greatest | None


class Tails(TypedDict):
    """The tails of all gradients in one dtype.

    lost: in how many runs forward's result is not finite
    """

    gradients: dict[str, Tail]
    lost: int


def tail_of(
    run: int, value: Array, autograd: Array, truth: Array, more: Array | None, dtype: str
) -> Tail:
    """Count the errors of the manual gradient of one run.

    value, autograd: numbers of the dtype
    truth: float64
    more: what the true values have beyond float64, or None
    """
    arrays = (value, autograd, truth, *([] if more is None else [more]))
    flat = [one.reshape(-1) for one in arrays]
    parts = [
        _part(run, part.start, dtype, value.shape, *(one[part] for one in flat))
        for part in blocks(value.size)
    ]
    whole = added(parts)
    whole["runs"] = 1
    return whole


def _part(
    run: int,
    start: int,
    dtype: str,
    shape: tuple[int, ...],
    value: Array,
    autograd: Array,
    truth: Array,
    more: Array | None = None,
) -> Tail:
    """Count the errors in a part of a gradient that begins at its element number `start`."""
    ulps = np.abs(scaled_to_ulps(difference(value, truth, more), truth, dtype))
    held, true = np.asarray(value, np.float64), np.asarray(truth, np.float64)
    fits = np.abs(true) <= largest(dtype)
    small = np.abs(held) < smallest_normal(dtype)
    return {
        "runs": 1,
        "elements": ulps.size,
        "unequal": int(np.count_nonzero(~same_bits(value, autograd))),
        "counts": _classes(ulps),
        "overflow": int(np.count_nonzero(~np.isfinite(held) & fits)),
        "zeros": int(np.count_nonzero((held == 0) & (true != 0))),
        "subnormal": int(np.count_nonzero(small & (held != 0))),
        "greatest": _greatest(run, start, ulps, held, true, shape),
    }


def added(tails: list[Tail]) -> Tail:
    """Add up several tails of one gradient; of equally great errors the first is kept."""
    counts: Counter[str] = Counter()
    for tail in tails:
        counts.update(tail["counts"])
    found = [tail["greatest"] for tail in tails if tail["greatest"]]
    greatest = max(found, key=lambda one: (float(one["ulps"]), -one["run"]), default=None)
    return {
        "runs": sum(tail["runs"] for tail in tails),
        "elements": sum(tail["elements"] for tail in tails),
        "unequal": sum(tail["unequal"] for tail in tails),
        "overflow": sum(tail["overflow"] for tail in tails),
        "zeros": sum(tail["zeros"] for tail in tails),
        "subnormal": sum(tail["subnormal"] for tail in tails),
        "counts": dict(sorted(counts.items(), key=lambda item: _rank(item[0]))),
        "greatest": greatest,
    }


def columns(tail: Tail) -> list[int]:
    """Return a tail's counts in fewer classes: 0, up to each of UP_TO, and more."""
    found = [0] * (len(UP_TO) + 2)
    for name, count in tail["counts"].items():
        found[0 if name == "0" else 1 + bisect_left(UP_TO, _rank(name))] += count
    return found


def _rank(name: str) -> float:
    """Return the greatest error of a class; for 2^1024 it is the greatest float64."""
    if name in ("0", "inf"):
        return float(name)
    exponent = int(name.removeprefix("2^"))
    return 2.0**exponent if exponent < float_info.max_exp else float_info.max


def _classes(ulps: Array) -> dict[str, int]:
    """Count the errors that are 0, that lie in each class 2^e, and that are inf."""
    finite = ulps[np.isfinite(ulps) & (ulps > 0)]
    fraction, exponent = np.frexp(finite)  # finite = fraction 2^exponent, fraction in [1/2, 1)
    exponent = np.maximum(exponent - (fraction == 0.5), SMALLEST)
    classes, counts = np.unique(exponent, return_counts=True)
    named = {f"2^{e}": int(count) for e, count in zip(classes, counts, strict=True)}
    zero, no_number = int(np.count_nonzero(ulps == 0)), int(np.count_nonzero(np.isinf(ulps)))
    return ({"0": zero} if zero else {}) | named | ({"inf": no_number} if no_number else {})


def _greatest(
    run: int, start: int, ulps: Array, held: Array, true: Array, shape: tuple[int, ...]
) -> Greatest | None:
    if not ulps.size or not ulps.any():
        return None
    at = int(np.argmax(ulps))
    return {
        "ulps": float(ulps[at]),
        "run": run,
        "index": [int(i) for i in np.unravel_index(start + at, shape)],
        "hand": float(held[at]),
        "true": float(true[at]),
    }
