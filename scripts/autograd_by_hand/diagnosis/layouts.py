"""How a tensor may be laid out wrongly: shifted, reversed, or with its axes in another order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message


@dataclass(frozen=True)
class Layout:
    """A wrong layout of a tensor.

    kind: the kind of mistake
    words: what is wrong with the tensor, as a predicate
    of: computes the wrong tensor from the right one, in the same shape
    """

    kind: str
    words: Message
    of: Callable[[Tensor], Tensor]


def misread(axis: int) -> list[Layout]:
    """The tensor is shifted by one index along an axis, or reversed."""
    return [*shifted(axis), reversed_along(axis)]


def shifted(axis: int) -> list[Layout]:
    """The tensor is shifted by one index along an axis, in either direction."""
    words = Message("is shifted by one index along axis {axis}", axis=axis)
    return [Layout("shifted", words, rolled(axis, by)) for by in (1, -1)]


def rolled(axis: int, by: int) -> Callable[[Tensor], Tensor]:
    """Move every element by `by` indices along an axis; the last ones wrap around."""
    return lambda tensor: tensor.roll(by, axis)


def reversed_along(axis: int) -> Layout:
    """The tensor is reversed along one axis."""
    words = Message("is reversed along axis {axis}", axis=axis)
    return Layout("transposed", words, lambda tensor: tensor.flip(axis))


def reversed_along_both(first: int, second: int) -> Layout:
    """The tensor is reversed along two axes."""
    words = Message("is reversed along axes {first} and {second}", first=first, second=second)
    return Layout("transposed", words, lambda tensor: tensor.flip(first, second))


TRANSPOSED = Layout(  # the last two axes are swapped
    "transposed", Message("is transposed"), lambda tensor: tensor.transpose(-1, -2)
)


def pairs_of_axes(shape: torch.Size) -> list[tuple[int, int]]:
    """The pairs of axes, each longer than 1."""
    return [*combinations((axis for axis, size in enumerate(shape) if size > 1), 2)]


def swapped(first: int, second: int, count: int) -> Layout:
    """Two of `count` axes are swapped, and the result is reshaped to the original shape."""
    words = Message("has its axes {first} and {second} swapped", first=first, second=second)
    return Layout("transposed", words, permuted(_swap(first, second, count)))


def swapped_back(first: int, second: int, count: int) -> Layout:
    """The inverse of `swapped`."""
    words = swapped(first, second, count).words
    return Layout("transposed", words, permuted_back(_swap(first, second, count)))


def _swap(first: int, second: int, count: int) -> list[int]:
    order = list(range(count))
    order[first], order[second] = second, first
    return order


def permuted(order: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """Permute the axes, and reshape the result to the original shape."""
    return lambda tensor: tensor.permute(*order).reshape(tensor.shape)


def permuted_back(order: Sequence[int]) -> Callable[[Tensor], Tensor]:
    """The inverse of `permuted`."""
    back = sorted(range(len(order)), key=order.__getitem__)
    return lambda tensor: tensor.reshape([tensor.shape[axis] for axis in order]).permute(*back)


def fits(shape: torch.Size, due: torch.Size) -> bool:
    """Whether a shape can be broadcast to the shape `due`."""
    pairs = zip(reversed(shape), reversed(due), strict=False)
    return len(shape) <= len(due) and all(size in (1, other) for size, other in pairs)
