"""How a tensor may be laid out wrongly: shifted, reversed, or with its axes swapped."""

from collections.abc import Iterator
from functools import partial

import torch

from autograd_by_hand.diagnosis.forward_edits import Slip


def misread(axis: int) -> Iterator[Slip]:
    """A tensor read a place too far along an axis, or from its other end."""
    for by in (1, -1):
        rolled = partial(torch.roll, shifts=by, dims=axis)
        yield "shifted", f"is read one place off along axis {axis}", rolled
    yield "transposed", f"is reversed along axis {axis}", partial(torch.flip, dims=[axis])


def fits(shape: torch.Size, due: torch.Size) -> bool:
    """Whether a shape can be broadcast to another one."""
    pairs = zip(reversed(shape), reversed(due), strict=False)
    return len(shape) <= len(due) and all(size in (1, other) for size, other in pairs)
