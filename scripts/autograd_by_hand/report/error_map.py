"""Lay out a map of where in a gradient the errors sit, in pixels.

A cell is a block of neighbouring elements, and stands out as far as the root of their mean squared
error is large, in powers of two of that of the whole gradient.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.report.charts import MARGIN_LEFT, WIDTH

Array = NDArray[Any]
ROWS, COLUMNS = 50, 80  # cells at most
TOP, BELOW, LEAST_HEIGHT, MOST_HEIGHT = 96, 44, 40, 300
LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the whole's error: the least of each further level


def largest_matrix(sizes: dict[str, tuple[int, ...]]) -> str:
    """The gradient with the most elements among those with two axes or more, if there are such.

    sizes: the shapes by name
    """
    matrices = {name: shape for name, shape in sizes.items() if len(shape) > 1}
    return max(matrices or sizes, key=lambda name: math.prod(sizes[name]))


def map_of_errors(name: str, errors: Array, reference: Array) -> dict[str, Any]:
    """The map of the run that is furthest off, ready for the template.

    errors, reference: shape (runs, *shape); the first axis is drawn downward, the others across.
        What has one axis is drawn as one row
    returns: among others `shape` (rows, columns), `run`, `lost` (how many elements are no
        numbers), and of the error and of the gradient (`of_error`, `of_gradient`) in how few
        rows and in how few columns half of the squares lies; None where all are zero
    """
    run = int(np.argmax([_norm(one) for one in errors]))
    error, truth = (_matrix(values[run]) for values in (errors, reference))
    lost = ~np.isfinite(error)
    squares = _scaled(np.where(lost, 0.0, error)) ** 2
    rows, columns = error.shape
    block = (-(-rows // ROWS), -(-columns // COLUMNS))
    means, crossed = _blocks(squares, block), _blocks(lost.astype(float), block) > 0
    across, down = means.shape[1], means.shape[0]
    width = WIDTH - MARGIN_LEFT - 16
    height = min(MOST_HEIGHT, max(LEAST_HEIGHT, 12 * down))
    whole = squares.mean()
    return {
        "width": WIDTH,
        "height": TOP + height + BELOW,
        "left": MARGIN_LEFT,
        "top": TOP,
        "frame": {"width": width, "height": height},
        "cell": {"width": width / across, "height": height / down},
        "paths": _paths(_levels(means, whole), crossed),
        "gradient": name,
        "axes": np.ndim(errors) - 1,
        "shape": [rows, columns],
        "block": list(block),
        "run": run,
        "lost": int(lost.sum()),
        "of_error": _halves(squares),
        "of_gradient": _halves(_scaled(np.where(np.isfinite(truth), truth, 0.0)) ** 2),
        "levels": list(LEVELS),
    }


def _matrix(values: Array) -> Array:
    return values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(1, -1)


def _norm(values: Array) -> float:
    """2-norm; inf if an element is no number."""
    greatest = float(np.max(np.abs(values), initial=0.0))
    return greatest * float(np.linalg.norm(_scaled(values))) if np.isfinite(greatest) else math.inf


def _scaled(values: Array) -> Array:
    """Finite values over their greatest magnitude, so that squares neither overflow nor vanish."""
    return values / (np.max(np.abs(values), initial=0.0) or 1.0)


def _blocks(values: Array, block: tuple[int, int]) -> Array:
    """The mean over each block of neighbours; those at the end may be smaller."""
    for axis, size in enumerate(block):
        starts = np.arange(0, values.shape[axis], size)
        counts = np.minimum(size, values.shape[axis] - starts)
        sums = np.add.reduceat(values, starts, axis=axis)
        values = sums / (counts[:, None] if axis == 0 else counts)
    return values


def _levels(means: Array, whole: float) -> NDArray[np.int_]:
    """How far each cell stands out: 0 where the error is zero, else from 1 up."""
    ratio = np.sqrt(means / whole) if whole else np.zeros_like(means)
    return np.where(means > 0, 1 + np.searchsorted(LEVELS, ratio, side="right"), 0)


def _paths(levels: NDArray[np.int_], crossed: NDArray[np.bool_]) -> dict[str, str]:
    """A path of horizontal strokes for each level that occurs, in units of a cell."""
    kinds = np.where(crossed, -1, levels)
    paths: dict[str, list[str]] = {}
    for y, row in enumerate(kinds):
        starts = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
        for start, end in pairwise(starts):
            if row[start]:
                name = "lost" if row[start] < 0 else f"h{row[start]}"
                paths.setdefault(name, []).append(f"M{start} {y}h{end - start}")
    return {name: "".join(strokes) for name, strokes in sorted(paths.items())}


def _halves(squares: Array) -> dict[str, int] | None:
    """How few rows, and how few columns, hold half of the sum."""
    if not squares.any():
        return None
    return {name: _half(squares.sum(axis=axis)) for name, axis in (("rows", 1), ("columns", 0))}


def _half(sums: Array) -> int:
    held = np.cumsum(np.sort(sums)[::-1])
    return int(np.searchsorted(held, held[-1] / 2)) + 1
