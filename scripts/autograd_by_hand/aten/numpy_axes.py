"""The axes that an operation of torch reduces, as numpy names them."""

from typing import Any


def axes(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """Torch's `dim` for an array of `ndim` axes: a number, several, or none, which means all.

    Torch gives a single number an axis 0 to reduce; numpy does not, so there it is None too.
    """
    if dim is None or dim in ([], ()) or not ndim:
        return None
    return tuple(axis % ndim for axis in ([dim] if isinstance(dim, int) else dim))
