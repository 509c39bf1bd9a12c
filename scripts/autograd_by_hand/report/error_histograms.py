"""Lay out histograms of signed errors in ulps, in pixels: to which side gradients err, how far.

The middle bar holds the elements within half an ulp, which have the nearest number of the format.
From there each bar to the right or left is twice as wide as the one before: (1/2, 1], (1, 2],
(2, 4] and so on, since a few elements that nearly cancelled have errors of thousands of ulps.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.report.charts import BELOW, PANEL_HEIGHT, WIDTH, Panel, grid

Array = NDArray[Any]
FURTHEST = 12  # bars to each side: the last holds what is more than 2^10 ulps off


def errors_in_ulps(errors: dict[str, Array]) -> dict[str, Any]:
    """A panel for each gradient, ready for the template.

    errors: by gradient, the signed errors of all elements in ulps; inf where one is no number
    returns: among others `median`, the greatest of the gradients' median |error|, and `upward`, the
        least and the greatest share of errors that point upward, None where no error is counted,
        and `beyond`, how many ulps the outermost bars begin at, None where no error is there
    """
    flat = {name: np.ravel(error) for name, error in errors.items()}
    counts = {name: _counts(error) for name, error in flat.items()}
    far = [abs(int(bar) - FURTHEST) for bars in counts.values() for bar in np.flatnonzero(bars)]
    reach = max([1, *far])
    kept = slice(FURTHEST - reach, FURTHEST + reach + 1)
    shares = {name: bars[kept] / max(1, flat[name].size) for name, bars in counts.items()}
    top = max(0.05, *(float(row.max()) for row in shares.values()))
    panels = [
        _panel(panel, flat[panel.title], shares[panel.title], reach, top)
        for panel in grid(list(errors), 3)
    ]
    upward = [panel["upward"] for panel in panels if panel["upward"] is not None]
    return {
        "width": WIDTH,
        "height": panels[-1]["top"] + PANEL_HEIGHT + BELOW,
        "panels": panels,
        "median": max(panel["median"] for panel in panels),
        "upward": [min(upward), max(upward)] if upward else None,
        "elements": sum(error.size for error in flat.values()),
        "lost": sum(panel["lost"] for panel in panels),
        "beyond": 2 ** (FURTHEST - 2) if reach == FURTHEST else None,
    }


def _counts(error: Array) -> NDArray[np.int_]:
    """How many finite errors each bar holds, from the leftmost that there can be."""
    counts = np.zeros(2 * FURTHEST + 1, int)
    for part in blocks(error.size):
        finite = error[part][np.isfinite(error[part])]
        with np.errstate(divide="ignore"):
            far = np.ceil(np.log2(np.abs(finite)) + 1)  # 1 within (1/2, 1]
        bars = np.asarray(np.sign(finite) * np.clip(far, 0, FURTHEST), int)
        counts += np.bincount(bars + FURTHEST, minlength=len(counts))
    return counts


def _panel(frame: Panel, error: Array, shares: Array, reach: int, top: float) -> dict[str, Any]:
    width = frame.width / (2 * reach + 1)
    bars = []
    for bar, share in zip(range(-reach, reach + 1), shares.tolist(), strict=True):
        if share:
            height = frame.height * share / (1.1 * top)
            bars.append(
                {
                    "x": frame.left + (bar + reach) * width + 0.5,
                    "y": frame.top + frame.height - height,
                    "width": width - 1,
                    "height": height,
                    "share": share,
                    "side": (bar > 0) - (bar < 0),
                    "within": _edges(bar),
                }
            )
    middle = frame.left + frame.width / 2
    every = max(1, math.ceil(reach / 4))
    ticks = [
        (middle + side * (far + 0.5) * width, f"{'-' if side < 0 else ''}{2 ** (far - 1)}")
        for far in range(1, reach + (reach < FURTHEST), every)
        for side in (-1, 1)
    ]
    up, down = (int((np.isfinite(error) & side).sum()) for side in (error > 0, error < 0))
    return {
        "gradient": frame.title,
        "left": frame.left,
        "top": frame.top,
        "width": frame.width,
        "height": frame.height,
        "bars": bars,
        "x_ticks": [*ticks, (middle, "0")],
        "y_ticks": [
            (frame.top + frame.height * (1 - share / (1.1 * top)), share)
            for share in (top / 2, top)
        ],
        "nearest": float((np.abs(error) <= 0.5).sum()) / max(1, error.size),
        "upward": up / (up + down) if up + down else None,
        "median": float(np.median(np.abs(error))) if error.size else 0.0,
        "lost": int((~np.isfinite(error)).sum()),
    }


def _edges(bar: int) -> tuple[float, float]:
    """Between which |error| in ulps the elements of a bar lie, inf for the last."""
    far = abs(bar)
    if far == 0:
        return 0.0, 0.5
    return 2.0 ** (far - 2), math.inf if far == FURTHEST else 2.0 ** (far - 1)
