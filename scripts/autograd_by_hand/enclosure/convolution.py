"""Convolutions and pooling by their definitions: sums and extremes over windows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor


def windows(
    value: Tensor, size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Tensor:
    """All windows of the last axes: (..., *places, *size)."""
    lead = value.dim() - len(size)
    for axis in range(len(size)):
        at = lead + axis
        extent = dilation[axis] * (size[axis] - 1) + 1
        count = (value.shape[at] - extent) // stride[axis] + 1
        index = torch.arange(count)[:, None] * stride[axis]
        index = index + torch.arange(size[axis]) * dilation[axis]
        part = value.index_select(at, index.reshape(-1))
        value = part.unflatten(at, (count, size[axis])).movedim(at + 1, -1)
    return value


def convolution(
    value: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    *_: Any,
) -> Tensor:
    """The convolution (N, C, *places) of any number of axes."""
    axes = weight.dim() - 2
    stride, padding, dilation = (
        list(one) * (axes if len(one) == 1 else 1) for one in (stride, padding, dilation)
    )
    if transposed:
        extra = list(output_padding) * (axes if len(output_padding) == 1 else 1)
        value, weight = _spread(value, stride), _mirrored(weight, groups)
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        sides = [(r - p, r - p + e) for r, p, e in zip(reach, padding, extra, strict=True)]
        stride = [1] * axes
    else:
        sides = [(p, p) for p in padding]
    padded = torch.nn.functional.pad(value, [one for pair in reversed(sides) for one in pair])
    size = list(weight.shape[2:])
    patches = windows(padded, size, stride, dilation)  # (N, C, *places, *size)
    places = patches.shape[2 : 2 + axes]
    batch, channels = value.shape[:2]
    rows = patches.movedim(1, 1 + axes).reshape(batch, -1, groups, channels // groups * prod(size))
    filters = weight.reshape(groups, weight.shape[0] // groups, -1)
    out = torch.einsum("nlgk,gok->ngol", rows, filters)
    out = out.reshape(batch, weight.shape[0], *places)
    return out if bias is None else out + bias.reshape(-1, *[1] * axes)


def _spread(value: Tensor, stride: Sequence[int]) -> Tensor:
    """Put stride - 1 zeros between neighbours of the last axes."""
    shape = [(n - 1) * s + 1 for n, s in zip(value.shape[2:], stride, strict=True)]
    result = value.new_zeros([*value.shape[:2], *shape])
    result[(slice(None), slice(None), *(slice(None, None, s) for s in stride))] = value
    return result


def _mirrored(weight: Tensor, groups: int) -> Tensor:
    """The weight of a transposed convolution as that of a plain one."""
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    swapped = grouped.transpose(1, 2).flatten(0, 1)
    return swapped.flip(list(range(2, weight.dim())))


@dataclass(frozen=True)
class _Layout:
    """Where the windows of a pooling lie, by axis.

    inner: the layout that decides how many windows there are, if padding is part of the values
    """

    places: list[int]
    size: list[int]
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    ceil_mode: bool
    inner: "_Layout | None" = None

    def count(self, axis: int) -> int:
        """How many windows an axis has; with ceil_mode the last may reach beyond the padding."""
        if self.inner:
            return self.inner.count(axis)
        length = self.places[axis] + 2 * self.padding[axis]
        free = length - self.dilation[axis] * (self.size[axis] - 1) - 1
        if not self.ceil_mode:
            return free // self.stride[axis] + 1
        found = -(-free // self.stride[axis]) + 1
        begins = (found - 1) * self.stride[axis]
        return found - (begins >= self.places[axis] + self.padding[axis])

    def windows(self, value: Tensor, fill: float) -> Tensor:
        """The windows of the last axes, beyond which there is `fill`."""
        sides = []
        for axis in reversed(range(len(self.size))):
            reach = (self.count(axis) - 1) * self.stride[axis]
            reach += self.dilation[axis] * (self.size[axis] - 1) + 1
            after = reach - self.places[axis] - self.padding[axis]
            sides += [self.padding[axis], after]
        padded = torch.nn.functional.pad(value, sides, value=fill)
        return windows(padded, self.size, self.stride, self.dilation)


def _max_pool(axes: int) -> Callable[..., tuple[Tensor, Tensor]]:
    def pooled(
        value: Tensor,
        size: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        dilation: Sequence[int] = (1,),
        ceil_mode: bool = False,
    ) -> tuple[Tensor, Tensor]:
        size, padding, dilation = (list(o) * (axes // len(o)) for o in (size, padding, dilation))
        stride = list(stride) * (axes // len(stride)) if stride else size
        layout = _Layout(list(value.shape[-axes:]), size, stride, padding, dilation, ceil_mode)
        every = layout.windows(value, -torch.inf)
        return _without_indices(every.amax(list(range(-axes, 0))))

    return pooled


def _average_pool(axes: int) -> Callable[..., Tensor]:
    def pooled(
        value: Tensor,
        size: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        size, padding = (list(o) * (axes // len(o)) for o in (size, padding))
        stride = list(stride) * (axes // len(stride)) if stride else size
        layout = _Layout(list(value.shape[-axes:]), size, stride, padding, [1] * axes, ceil_mode)
        total = layout.windows(value, 0).sum(list(range(-axes, 0)))
        if divisor_override:
            return total / divisor_override
        counted = torch.ones(value.shape[-axes:], dtype=torch.float64)
        if count_include_pad:
            sides = [p for p in reversed(padding) for _ in range(2)]
            counted = torch.nn.functional.pad(counted, sides, value=1)
            layout = replace(layout, places=list(counted.shape), padding=[0] * axes, inner=layout)
        return total / layout.windows(counted, 0).sum(list(range(-axes, 0)))

    return pooled


def _adaptive(
    reduce: Callable[[Tensor, int], Tensor], value: Tensor, size: Sequence[int]
) -> Tensor:
    """Reduce over windows of about equal length, one axis after another."""
    for axis, count in zip(range(-len(size), 0), size, strict=True):
        length = value.shape[axis]
        bounds = [(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
        parts = [reduce(value.narrow(axis, low, high - low), axis) for low, high in bounds]
        value = torch.stack(parts, axis)
    return value


def _adaptive_average(value: Tensor, size: Sequence[int]) -> Tensor:
    return _adaptive(lambda part, axis: part.mean(axis), value, size)


def _adaptive_max(value: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    return _without_indices(_adaptive(lambda part, axis: part.amax(axis), value, size))


def _without_indices(found: Tensor) -> tuple[Tensor, Tensor]:
    """A result with indices that no operation accepts, since they are not known here."""
    return found, torch.full(found.shape, -1)


WINDOWS: dict[str, Callable[..., Any]] = {
    "convolution": convolution,
    "max_pool2d_with_indices": _max_pool(2),
    "max_pool3d_with_indices": _max_pool(3),
    "avg_pool2d": _average_pool(2),
    "avg_pool3d": _average_pool(3),
    "_adaptive_avg_pool2d": _adaptive_average,
    "_adaptive_avg_pool3d": _adaptive_average,
    "adaptive_max_pool2d": _adaptive_max,
    "adaptive_max_pool3d": _adaptive_max,
}
