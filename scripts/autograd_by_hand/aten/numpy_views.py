"""ATen operations that return a view of the same numbers, implemented in numpy.

They are listed by name, so that arrays can be viewed without torch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.aten.numpy_axes import axes

Array = NDArray[Any]


def _transpose(value: Array, first: int, second: int) -> Array:
    return np.swapaxes(value, first, second) if value.ndim else value  # torch: as if of one axis


def _squeeze(value: Array, dim: Any) -> Array:
    removed = axes(dim, value.ndim) or ()
    return value.squeeze(axis=tuple(axis for axis in removed if value.shape[axis] == 1))


def _expand(value: Array, size: Any, implicit: bool = False) -> Array:  # noqa: ARG001
    lead = len(size) - value.ndim
    own = [value.shape[i - lead] if want == -1 else want for i, want in enumerate(size)]
    if np.prod(own) == value.size:
        return value.reshape(own)  # numpy does not write to what it broadcasts
    return np.broadcast_to(value, own)


def _select(value: Array, dim: int, index: int) -> Array:
    return np.moveaxis(value, dim, 0)[index, ...]  # the ellipsis makes a single number a view too


def _slice(
    value: Array, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    part = np.moveaxis(value, dim, 0)[slice(start, end, step)]
    return np.moveaxis(part, 0, dim)


def _as_strided(value: Array, size: Any, stride: Any, storage_offset: int | None = None) -> Array:
    """A view of a C-contiguous array, which lies in memory as torch's does; any other is copied.

    Raises
        ValueError: if the view would reach outside the array's memory, or if a size, a stride or
            the offset is not a whole number of 0 or more.
    """
    flat = np.ascontiguousarray(value).reshape(-1)
    first = storage_offset or 0
    lists = isinstance(size, list | tuple) and isinstance(stride, list | tuple)
    if not lists or len(size) != len(stride) or not all(map(_counts, [first, *size, *stride])):
        raise ValueError(
            "as_strided takes a size and a stride for each axis and an offset, from 0 on"
        )
    last = first + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 not in size and last >= flat.size:
        raise ValueError(f"as_strided reaches element {last} of an array that has {flat.size}")
    strides = [step * flat.itemsize if n > 1 else 0 for n, step in zip(size, stride, strict=True)]
    return np.lib.stride_tricks.as_strided(flat[first:], size, strides)


def _counts(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _same(value: Array) -> Array:
    return value


VIEWS: Mapping[str, Callable[..., Any]] = {
    "aten.t.default": np.transpose,
    "aten.transpose.int": _transpose,
    "aten.permute.default": np.transpose,
    "aten.view.default": np.reshape,
    "aten._unsafe_view.default": np.reshape,
    "aten.expand.default": _expand,
    "aten.unsqueeze.default": np.expand_dims,
    "aten.squeeze.dim": _squeeze,
    "aten.squeeze.dims": _squeeze,
    "aten.select.int": _select,
    "aten.slice.Tensor": _slice,
    "aten.detach.default": _same,
    "aten.alias.default": _same,
}
# Views of the underlying memory, whatever shape the tensor itself has.
MEMORY_VIEWS: Mapping[str, Callable[..., Any]] = {"aten.as_strided.default": _as_strided}
