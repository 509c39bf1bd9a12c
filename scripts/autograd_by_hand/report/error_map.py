"""Lay out a map that shows where in a gradient the errors are, in pixels.

A cell is a block of neighbouring elements. Its level compares the root mean square of their errors
with that of the whole gradient, in powers of two.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.report.panels import MARGIN_LEFT, MARGIN_RIGHT, WIDTH

Array = NDArray[Any]
ROWS, COLUMNS = 50, 80  # cells at most
TOP, BELOW, LEAST_HEIGHT, MOST_HEIGHT = 96, 44, 40, 300
LEVELS = (0.25, 0.5, 1.0, 2.0, 4.0)  # lower ends of the levels after the first, see MapPicture


def largest_matrix(sizes: dict[str, tuple[int, ...]]) -> str:
    """Return the largest gradient with two axes or more, or the largest of all if there is none.

    sizes: the shapes by name
    """
    matrices = {name: shape for name, shape in sizes.items() if len(shape) > 1}
    return max(matrices or sizes, key=lambda name: math.prod(sizes[name]))


@dataclass(frozen=True)
class Size:
    """The size of the frame, or of a cell in it."""

    width: float
    height: float


@dataclass(frozen=True)
class Half:
    """The fewest rows, and the fewest columns, that hold half of the sum of squares."""

    rows: int
    columns: int


@dataclass(frozen=True)
class MapPicture:
    """Where the errors of one gradient are, in one run.

    paths: strokes in units of a cell, by level ("h1" is the lowest), and "lost"
    axes: how many axes the gradient has
    shape, block: the rows and columns of the map, and those of a cell, in elements
    lost: how many elements are not finite
    of_error, of_gradient: where half of the squares are; None if all elements are zero
    levels: the lower end of each level after the first, relative to the whole gradient's error
    """

    dtype: str
    gradient: str
    width: float
    height: float
    left: float
    top: float
    frame: Size
    cell: Size
    paths: dict[str, str]
    axes: int
    shape: tuple[int, int]
    block: tuple[int, int]
    run: int
    lost: int
    of_error: Half | None
    of_gradient: Half | None
    levels: tuple[float, ...]


def map_of_errors(name: str, errors: Array, reference: Array, dtype: str) -> MapPicture:
    """Lay out the map of the run with the greatest error.

    errors, reference: shape (runs, *shape); the first axis is drawn downward, the others across; a
        gradient with one axis is drawn as one row
    """
    run = int(np.argmax([_norm(one) for one in errors]))
    error, truth = (_matrix(values[run]) for values in (errors, reference))
    lost = ~np.isfinite(error)
    squares = _scaled(np.where(lost, 0.0, error)) ** 2
    rows, columns = error.shape
    block = (-(-rows // ROWS), -(-columns // COLUMNS))
    means, crossed = _blocks(squares, block), _blocks(lost.astype(float), block) > 0
    across, down = means.shape[1], means.shape[0]
    width = WIDTH - MARGIN_LEFT - MARGIN_RIGHT
    height = min(MOST_HEIGHT, max(LEAST_HEIGHT, 12 * down))
    whole = squares.mean()
    return MapPicture(
        dtype=dtype,
        gradient=name,
        width=WIDTH,
        height=TOP + height + BELOW,
        left=MARGIN_LEFT,
        top=TOP,
        frame=Size(width, height),
        cell=Size(width / across, height / down),
        paths=_paths(_levels(means, whole), crossed),
        axes=np.ndim(errors) - 1,
        shape=(rows, columns),
        block=block,
        run=run,
        lost=int(lost.sum()),
        of_error=_half(squares),
        of_gradient=_half(_scaled(np.where(np.isfinite(truth), truth, 0.0)) ** 2),
        levels=LEVELS,
    )


def _matrix(values: Array) -> Array:
    return values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(1, -1)


def _norm(values: Array) -> float:
    """Return the 2-norm; inf if an element is not finite."""
    greatest = float(np.max(np.abs(values), initial=0.0))
    return greatest * float(np.linalg.norm(_scaled(values))) if np.isfinite(greatest) else math.inf


def _scaled(values: Array) -> Array:
    """Divide finite values by their greatest magnitude: squares neither overflow nor vanish."""
    return values / (np.max(np.abs(values), initial=0.0) or 1.0)


def _blocks(values: Array, block: tuple[int, int]) -> Array:
    """Return the mean over each block of neighbours; the last blocks may be smaller."""
    for axis, size in enumerate(block):
        starts = np.arange(0, values.shape[axis], size)
        counts = np.minimum(size, values.shape[axis] - starts)
        sums = np.add.reduceat(values, starts, axis=axis)
        values = sums / (counts[:, None] if axis == 0 else counts)
    return values


def _levels(means: Array, whole: float) -> NDArray[np.int_]:
    """Return the level of each cell: 0 if the error is zero, else from 1 up."""
    ratio = np.sqrt(means / whole) if whole else np.zeros_like(means)
    return np.where(means > 0, 1 + np.searchsorted(LEVELS, ratio, side="right"), 0)


def _paths(levels: NDArray[np.int_], crossed: NDArray[np.bool_]) -> dict[str, str]:
    """Return a path of horizontal strokes for each level that occurs, in units of a cell."""
    kinds = np.where(crossed, -1, levels)
    paths: dict[str, list[str]] = {}
    for y, row in enumerate(kinds):
        starts = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
        for start, end in pairwise(starts):
            if row[start]:
                name = "lost" if row[start] < 0 else f"h{row[start]}"
                paths.setdefault(name, []).append(f"M{start} {y}h{end - start}")
    return {name: "".join(strokes) for name, strokes in sorted(paths.items())}


def _half(squares: Array) -> Half | None:
    """Return the fewest rows, and the fewest columns, that hold half of the sum."""
    if not squares.any():
        return None
    return Half(rows=_fewest(squares.sum(axis=1)), columns=_fewest(squares.sum(axis=0)))


def _fewest(sums: Array) -> int:
    """Return how many of the greatest sums make up half of the total."""
    held = np.cumsum(np.sort(sums)[::-1])
    return int(np.searchsorted(held, held[-1] / 2)) + 1
