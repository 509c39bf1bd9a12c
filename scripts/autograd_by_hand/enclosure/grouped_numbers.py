"""Definitions of operations that combine the numbers that belong to one position or to one bag.

Their arguments are those of the ATen operation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.movement import positions

BY_MODE = ["sum", "mean", "amax"]  # of an embedding bag
NEUTRAL = {"prod": 1.0, "amax": -torch.inf, "amin": torch.inf, "sum": 0.0, "mean": 0.0}


def _combined(base: Tensor, targets: Tensor, source: Tensor, how: str, include: bool) -> Tensor:
    """Combine the numbers of `source` that have the same target, with what is there if included.

    targets: for each element of `source`, a position in `base`, from 1 on
    """
    if how not in NEUTRAL:
        raise NoEnclosure(f"a reduction by {how} has no rule in ball arithmetic.")
    places = targets.numpy().astype(np.int64).ravel() - 1
    count = base.numel()
    owners = np.bincount(places, minlength=count)
    # Of the pool that follows, the rows that each position takes: itself, sources, or the neutral.
    neutral = count + source.numel()
    rows = np.full((int(owners.max(initial=0)) + 1, count), neutral)
    filled = np.zeros(count, np.int64)
    for number, place in enumerate(places):
        filled[place] += 1
        rows[filled[place], place] = count + number
    kept = np.ones(count, bool) if include else owners == 0
    rows[0, kept] = np.arange(count)[kept]
    neutral_number = torch.tensor([NEUTRAL[how]], dtype=torch.float64)
    pool = torch.cat([base.reshape(-1), source.reshape(-1), neutral_number])
    chosen = pool[torch.from_numpy(rows)]
    if how == "mean":
        found = chosen.sum(0) / torch.from_numpy(np.maximum(owners + kept, 1))
    else:
        found = getattr(chosen, how)(0)
    return found.reshape(base.shape)


def _scatter_reduce(
    value: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    if not index.dim():
        return _combined(value, positions(value), source, reduce, include_self)
    targets = positions(value).gather(dim, index)
    return _combined(value, targets, source[tuple(map(slice, index.shape))], reduce, include_self)


def _index_reduce(
    value: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    targets = positions(value).index_select(dim, index)
    return _combined(value, targets, source, reduce, include_self)


def _put(value: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    flat = value.reshape(-1).index_put((index.reshape(-1),), source.reshape(-1), accumulate)
    return flat.reshape(value.shape)


def _embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    _: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int = -1,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if scale_grad_by_freq:
        raise NoEnclosure("an embedding whose gradient is not that of its values.")
    starts = offsets.tolist()
    ends = starts[1:] if include_last_offset else [*starts[1:], len(indices)]
    bags = []
    for start, end in zip(starts, ends, strict=False):
        inside = torch.arange(start, end)
        inside = inside[indices[start:end] != padding_idx]
        rows = weight.index_select(0, indices[inside])
        if per_sample_weights is not None:
            rows = rows * per_sample_weights[inside].unsqueeze(1)
        if not len(rows):
            bags.append(weight.new_zeros(weight.shape[1]))
        else:
            bags.append(getattr(rows, BY_MODE[mode])(0))
    made = torch.stack(bags) if bags else weight.new_zeros((0, weight.shape[1]))
    nothing = torch.empty(0, dtype=torch.int64)
    return made, nothing, nothing, nothing


GROUPED: dict[str, Callable[..., Any]] = {
    "scatter_reduce": _scatter_reduce,
    "index_reduce": _index_reduce,
    "put": _put,
    "_embedding_bag": _embedding_bag,
    "_embedding_bag_forward_only": _embedding_bag,
}
