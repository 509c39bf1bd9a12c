"""Lay out histograms of signed errors in ulps, in pixels: their direction and their size.

The middle bar counts the elements within half an ulp, which are the dtype's nearest number to the
true value. To each side, a bar covers twice the range of the one before: (1/2, 1], (1, 2], (2, 4]
and so on, since a few elements that nearly cancel have errors of thousands of ulps.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.report.panels import BELOW, HEIGHT, WIDTH, Frame, grid

Array = NDArray[Any]
FURTHEST = 12  # bars to each side: the last counts errors of more than 2^10 ulps


@dataclass(frozen=True)
class Bar:
    """A bar of a histogram.

    side: -1 for errors below the true value, 1 for errors above it, 0 for the middle bar
    within: the least and the greatest |error| that it covers, in ulps
    """

    x: float
    y: float
    width: float
    height: float
    share: float
    side: int
    within: tuple[float, float]


@dataclass
class Histogram(Frame):
    """A gradient's errors.

    nearest: the share of elements that are the dtype's nearest number to the true value
    upward: the share of errors that point upward, None if there are no errors
    median: of |error|, in ulps
    lost: how many elements are not finite
    """

    bars: list[Bar]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, float]]
    nearest: float
    upward: float | None
    median: float
    lost: int


@dataclass(frozen=True)
class HistogramsPicture:
    """The histograms of one dtype.

    median: the greatest of the gradients' medians
    upward: the least and the greatest of their shares of upward errors, None if there are no errors
    beyond: at how many ulps the outermost bars begin, None if they are empty
    """

    dtype: str
    width: float
    height: float
    panels: list[Histogram]
    median: float
    upward: tuple[float, float] | None
    beyond: int | None


def errors_in_ulps(errors: dict[str, Array], dtype: str) -> HistogramsPicture:
    """Lay out a panel for each gradient.

    errors: by gradient, the signed errors of all elements in ulps; inf if one is not finite
    """
    flat = {name: np.ravel(error) for name, error in errors.items()}
    counts = {name: _counts(error) for name, error in flat.items()}
    far = [abs(int(bar) - FURTHEST) for bars in counts.values() for bar in np.flatnonzero(bars)]
    reach = max([1, *far])
    kept = slice(FURTHEST - reach, FURTHEST + reach + 1)
    shares = {name: bars[kept] / max(1, flat[name].size) for name, bars in counts.items()}
    top = max(0.05, *(float(row.max()) for row in shares.values()))
    panels = [
        _histogram(frame, flat[frame.title], shares[frame.title], reach, top)
        for frame in grid(list(errors), 3)
    ]
    upward = [panel.upward for panel in panels if panel.upward is not None]
    return HistogramsPicture(
        dtype=dtype,
        width=WIDTH,
        height=panels[-1].top + HEIGHT + BELOW,
        panels=panels,
        median=max(panel.median for panel in panels),
        upward=(min(upward), max(upward)) if upward else None,
        beyond=2 ** (FURTHEST - 2) if reach == FURTHEST else None,
    )


def _counts(error: Array) -> NDArray[np.int_]:
    """Count the finite errors in each possible bar, from the leftmost one."""
    counts = np.zeros(2 * FURTHEST + 1, int)
    for part in blocks(error.size):
        finite = error[part][np.isfinite(error[part])]
        with np.errstate(divide="ignore"):
            far = np.ceil(np.log2(np.abs(finite)) + 1)  # 1 within (1/2, 1]
        bars = np.asarray(np.sign(finite) * np.clip(far, 0, FURTHEST), int)
        counts += np.bincount(bars + FURTHEST, minlength=len(counts))
    return counts


def _histogram(frame: Frame, error: Array, shares: Array, reach: int, top: float) -> Histogram:
    width = frame.width / (2 * reach + 1)
    bars = []
    for bar, share in zip(range(-reach, reach + 1), shares.tolist(), strict=True):
        if share:
            height = frame.height * share / (1.1 * top)
            bars.append(
                Bar(
                    x=frame.left + (bar + reach) * width + 0.5,
                    y=frame.top + frame.height - height,
                    width=width - 1,
                    height=height,
                    share=share,
                    side=(bar > 0) - (bar < 0),
                    within=_edges(bar),
                )
            )
    middle = frame.left + frame.width / 2
    every = max(1, math.ceil(reach / 4))
    ticks = [
        (middle + side * (far + 0.5) * width, f"{'-' if side < 0 else ''}{2 ** (far - 1)}")
        for far in range(1, reach + (reach < FURTHEST), every)
        for side in (-1, 1)
    ]
    up, down = (int((np.isfinite(error) & side).sum()) for side in (error > 0, error < 0))
    return Histogram(
        **vars(frame),
        bars=bars,
        x_ticks=[*ticks, (middle, "0")],
        y_ticks=[
            (frame.top + frame.height * (1 - share / (1.1 * top)), share)
            for share in (top / 2, top)
        ],
        nearest=float((np.abs(error) <= 0.5).sum()) / max(1, error.size),
        upward=up / (up + down) if up + down else None,
        median=float(np.median(np.abs(error))) if error.size else 0.0,
        lost=int((~np.isfinite(error)).sum()),
    )


def _edges(bar: int) -> tuple[float, float]:
    """Return the least and the greatest |error| of a bar in ulps; the last bar has no greatest."""
    far = abs(bar)
    if far == 0:
        return 0.0, 0.5
    return 2.0 ** (far - 2), math.inf if far == FURTHEST else 2.0 ** (far - 1)
