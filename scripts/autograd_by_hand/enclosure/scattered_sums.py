"""Rules of the operations that add numbers at given positions of a tensor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograd_by_hand.enclosure.movement import copied, positions
from autograd_by_hand.enclosure.tape import Tape
from autograd_by_hand.enclosure.tensor import Operand, operand_of

aten = torch.ops.aten


def _add_at(tape: Tape, base: Any, targets: Any, source: Any) -> Operand:
    """Add numbers at positions of a tensor, several perhaps at the same one.

    targets: for each element of `source`, the position in `base`
    """
    onto, added = operand_of(base), operand_of(source)
    places = targets.numpy().astype(np.int64) - 1
    values = onto.values.ravel()
    summands = np.broadcast_to(added.values, places.shape)
    np.add.at(values, places.ravel(), summands.ravel())
    result = values.reshape(onto.shape)
    slots = tape.record(result.shape, [onto.slots, added.slots], lambda c: [c, None])
    if slots.any():
        tape.add(slots.ravel()[places], [added.slots], lambda c: [c])
    return Operand(result, slots)


def _scatter_add(tape: Tape, base: Any, dim: int, index: Any, source: Any) -> Operand:
    if not index.dim():
        return _add_at(tape, base, positions(base), source)
    part = source[tuple(map(slice, index.shape))]
    return _add_at(tape, base, positions(base).gather(dim, index), part)


def _index_add(
    tape: Tape, base: Any, dim: int, index: Any, source: Any, *, alpha: float = 1
) -> Operand:
    scaled = source if alpha == 1 else source * alpha
    return _add_at(tape, base, positions(base).index_select(dim, index), scaled)


def _index_put(
    tape: Tape, base: Any, indices: Any, source: Any, accumulate: bool = False, *_: Any
) -> Any:
    if not accumulate:
        return copied(aten.index_put.default, (base, indices, source), {})
    return _add_at(tape, base, aten.index.Tensor(positions(base), indices), source)


SCATTERED: dict[str, Callable[..., Any]] = {
    "scatter_add": _scatter_add,
    "index_add": _index_add,
    "index_put": _index_put,
    "_unsafe_index_put": _index_put,
}
