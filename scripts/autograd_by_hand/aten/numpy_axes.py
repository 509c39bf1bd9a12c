"""Convert the axes that an ATen operation reduces to numpy's convention."""

from typing import Any


def axes(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """Torch's `dim` for an array of `ndim` axes as numpy's `axis`; None means all axes.

    dim: an axis, several, or None or an empty list, which both mean all axes

    Torch accepts axis 0 for a tensor without axes; numpy does not, so the result is None there.
    """
    if dim is None or dim in ([], ()) or not ndim:
        return None
    return tuple(axis % ndim for axis in ([dim] if isinstance(dim, int) else dim))
