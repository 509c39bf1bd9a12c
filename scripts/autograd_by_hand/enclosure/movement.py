"""Operations that compute nothing: views of a tensor's memory, and copies of its numbers.

A view is found by asking torch for the same view of a tensor without data. A copy is found by
asking torch to move positions, each written as a float64, in place of the numbers; where a position
lands, the ball and its slot go.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import Keywords
from autograd_by_hand.aten.torch_private import declared_arguments
from autograd_by_hand.enclosure.balls import ZERO, filled
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.tensor import BallTensor, Operand, operand_of

MOVEMENTS = frozenset(
    [
        "_reshape_copy",
        "_unsafe_index",
        "_unsafe_view",
        "alias_copy",
        "block_diag",
        "cat",
        "channel_shuffle",
        "clone",
        "constant_pad_nd",
        "contiguous",
        "detach_copy",
        "diag_embed",
        "diagonal_copy",
        "diagonal_scatter",
        "embedding",
        "expand_copy",
        "fill",
        "flatten_dense_tensors",
        "flip",
        "gather",
        "im2col",
        "index",
        "index_copy",
        "index_fill",
        "index_select",
        "lift",
        "lift_fresh",
        "masked_fill",
        "masked_scatter",
        "masked_select",
        "narrow_copy",
        "native_channel_shuffle",
        "permute_copy",
        "pixel_shuffle",
        "pixel_unshuffle",
        "reflection_pad1d",
        "reflection_pad2d",
        "reflection_pad3d",
        "repeat",
        "repeat_interleave",
        "replication_pad1d",
        "replication_pad2d",
        "replication_pad3d",
        "roll",
        "rot90",
        "scatter",
        "select_copy",
        "select_scatter",
        "slice_copy",
        "slice_scatter",
        "split_copy",
        "split_with_sizes_copy",
        "squeeze_copy",
        "stack",
        "t_copy",
        "take",
        "tile",
        "transpose_copy",
        "tril",
        "triu",
        "unbind_copy",
        "unfold_copy",
        "unsafe_chunk",
        "unsafe_split",
        "unsafe_split_with_sizes",
        "unsqueeze_copy",
        "view_copy",
        "where",
    ]
)


def is_movement(name: str) -> bool:
    """Whether the results of an operation are copies of its operands' numbers, or constants."""
    return name in MOVEMENTS


def views_of(func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
    """The view, or the views, that an operation gives of a `BallTensor`.

    NotImplemented if it gives a copy, as `reshape` may.
    """
    base = args[0]
    memory = torch.empty(len(base.memory.values), dtype=torch.float64).view(base.dtype)
    shadow = memory.as_strided(base.size(), base.stride(), base.storage_offset())
    found = func(shadow, *args[1:], **kwargs)
    several = isinstance(found, tuple | list)
    each: list[Tensor] = list(found) if several else [found]
    own = memory.untyped_storage().data_ptr()
    if any(
        one.untyped_storage().data_ptr() != own or one.is_conj() or one.is_neg() for one in each
    ):
        return NotImplemented
    views = [
        base.viewed(one.shape, one.stride(), one.storage_offset(), one.is_complex()) for one in each
    ]
    return type(found)(views) if several else views[0]


def positions(tensor: Any) -> Tensor:
    """The positions of a tensor's elements from 1 on, in its shape, as a plain float64 tensor."""
    shape = tuple(tensor.shape)
    count = int(np.prod(shape, dtype=np.int64))
    return torch.arange(1, count + 1, dtype=torch.float64).reshape(shape)


def copied(func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
    """The results of an operation that copies numbers; it makes zeros where it copies none."""
    if "reduce" in kwargs:
        raise NoEnclosure(f"{func} combines numbers, which has no rule in ball arithmetic.")
    pool: list[Operand] = []
    count = 1  # position 0 stands for the zeros that the operation makes itself

    def moved(argument: Any, is_number: bool = False) -> Any:
        nonlocal count
        if isinstance(argument, tuple | list):
            return type(argument)(map(moved, argument))
        floating = isinstance(argument, Tensor) and argument.is_floating_point()
        if not floating and not (is_number and argument is not None):
            return argument
        operand = operand_of(argument)
        pool.append(operand)
        places = positions(operand.values) + (count - 1)
        count += operand.values.size
        return places if floating else places.item()

    declared = declared_arguments(func)
    numeric = {one.name: _is_number(one) for one in declared}
    given = [moved(one, numeric[told.name]) for one, told in zip(args, declared, strict=False)]
    named = {name: moved(one, numeric[name]) for name, one in kwargs.items() if name != "dtype"}
    found = func(*given, **named)
    _check_once(func, args)
    values = np.concatenate([filled((1,), ZERO), *(one.values.ravel() for one in pool)])
    slots = np.concatenate([np.zeros(1, np.int64), *(one.slots.ravel() for one in pool)])

    def taken(places: Tensor) -> Operand:
        at = places.detach().numpy().astype(np.int64)
        if not (at == places.numpy()).all() or at.max(initial=0) >= count:
            raise NoEnclosure(f"{func} does more than copy numbers.")
        return Operand(*(one.take(at.ravel()).reshape(at.shape) for one in (values, slots)))

    if isinstance(found, tuple | list):
        return type(found)(map(taken, found))
    return taken(found)


def _check_once(func: Any, args: tuple[Any, ...]) -> None:
    """Refuse to write several numbers to one place: which of them stays is not defined."""
    overload = str(func).split(".", 1)[1]
    if overload == "scatter.src":
        targets = positions(args[0]).gather(args[1], args[2])
    elif overload == "index_put.default":
        targets = torch.ops.aten.index.Tensor(positions(args[0]), args[1])
    else:
        return
    if len(targets.unique()) < targets.numel():
        raise NoEnclosure(f"{func} writes several numbers to one place, in no certain order.")


def _is_number(declared: Any) -> bool:
    """Whether a declared argument is a number to copy, rather than an axis, a size or an index."""
    return str(declared.type) in ("number", "Scalar")


def gathered(argument: Any, dim: int, index: Tensor) -> Operand:
    """The elements of a tensor at indices along an axis, whose number of axes is the same."""
    operand = operand_of(argument)
    moved = copied(torch.ops.aten.gather.default, (BallTensor.of(operand), dim, index), {})
    assert isinstance(moved, Operand)
    return moved
