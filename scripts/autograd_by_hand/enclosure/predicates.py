"""Comparisons and orders of balls: plain tensors of booleans and indices, decided by proof.

What is equal by proof and depends on the inputs is on a kink: the derivative there depends on which
side is taken, and the side is that of the program.
"""

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.enclosure.balls import Array, midpoints, test
from autograd_by_hand.enclosure.failures import NoEnclosure, Undecided
from autograd_by_hand.enclosure.movement import gathered
from autograd_by_hand.enclosure.piecewise import order
from autograd_by_hand.enclosure.rules import RULES
from autograd_by_hand.enclosure.tape import Tape, is_lost
from autograd_by_hand.enclosure.tensor import ComplexOperand, operand_of

aten = torch.ops.aten
Rule = Callable[..., Any]
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def _compared(name: str, holds: Callable[[int], bool]) -> Rule:
    def rule(tape: Tape, first: Any, second: Any) -> Tensor:
        one, two = operand_of(first), operand_of(second)
        left, right = np.broadcast_arrays(one.values, two.values)
        depends = np.broadcast_arrays(one.slots, two.slots)[0] != 0
        depends = depends | (np.broadcast_to(two.slots, left.shape) != 0)
        signs = [order(x, y, name) for x, y in zip(left.flat, right.flat, strict=True)]
        found = np.array(signs, np.int64).reshape(left.shape)
        tape.kink(name, int(((found == 0) & depends).sum()))
        return torch.from_numpy(np.array([holds(s) for s in signs], bool).reshape(left.shape))

    return rule


def _tested(name: str, predicate: Callable[[Any], bool]) -> Rule:
    def rule(_: Tape, argument: Any) -> Tensor:
        values = operand_of(argument).values
        if test(is_lost, values).any():
            raise Undecided(f"{name}: a number is not known.")
        return torch.from_numpy(test(predicate, values))

    return rule


def _nonzero(tape: Tape, argument: Any) -> Tensor:
    return _compared("ne", lambda sign: sign != 0)(tape, argument, 0)  # type: ignore[no-any-return]


def _logical(function: Callable[..., Tensor]) -> Rule:
    def rule(tape: Tape, *arguments: Any) -> Tensor:
        plain = [one if _is_plain(one) else _nonzero(tape, one) for one in arguments]
        return function(*plain)

    return rule


def _reduced(function: Any) -> Rule:
    return lambda tape, argument, *args, **kwargs: function(
        _nonzero(tape, argument), *args, **kwargs
    )


def _is_plain(argument: Any) -> bool:
    return isinstance(argument, Tensor) and not argument.is_floating_point()


def ranks(tape: Tape, name: str, argument: Any, dim: int) -> Tensor:
    """The rank of each element along an axis, from 1 on; equal numbers have equal ranks.

    Raises
        Undecided: if two neighbours may be equal and are not by proof.
    """
    operand = operand_of(argument)
    values, slots = np.atleast_1d(operand.values), np.atleast_1d(operand.slots)
    lanes = np.moveaxis(values, dim, -1)
    own = np.moveaxis(slots, dim, -1)
    found = np.empty(lanes.shape, np.float64)
    for index in np.ndindex(*lanes.shape[:-1]):
        lane = lanes[index]
        ordered = _sorted(lane, name)
        rank = 0
        for place, at in enumerate(ordered):
            tied = place > 0 and order(lane[ordered[place - 1]], lane[at], name) == 0
            if tied and own[index][at] != own[index][ordered[place - 1]]:
                tape.kink(name, 1)
            rank += not tied
            found[index][at] = rank
    return torch.from_numpy(np.moveaxis(found, -1, dim).reshape(operand.shape).copy())


def _sorted(lane: Array, name: str) -> list[int]:
    """The positions of balls in increasing order."""

    def compare(i: int, j: int) -> int:
        return order(lane[i], lane[j], name)

    return sorted(range(len(lane)), key=cmp_to_key(compare))


def _ordered(name: str, func: Any, axis: int, default: int = -1) -> Rule:
    """An operation whose second result are indices along an axis, and the first what is there.

    axis: which argument after the tensor is the axis
    """

    def rule(tape: Tape, argument: Any, *args: Any, **kwargs: Any) -> Any:
        dim = args[axis] if len(args) > axis else kwargs.get("dim", default)
        _, index = func(ranks(tape, name, argument, dim), *args, **kwargs)
        if not argument.dim():
            return operand_of(argument), index
        keeps = index.dim() == argument.dim()
        taken = gathered(argument, dim, index if keeps else index.unsqueeze(dim))
        if keeps:
            return taken, index
        return type(taken)(taken.values.squeeze(dim), taken.slots.squeeze(dim)), index

    return rule


def _greatest(name: str, func: Any, extreme: str) -> Rule:
    """The greatest or least along an axis, of which each that may be it has a share."""
    by_index = _ordered(name, func, 0)

    def rule(tape: Tape, argument: Any, dim: int, keepdim: bool = False) -> Any:
        _, index = by_index(tape, argument, dim, keepdim)
        return RULES[extreme](tape, argument, dim, keepdim), index

    return rule


def _index_of(name: str, func: Any) -> Rule:
    def rule(tape: Tape, argument: Any, dim: Any = None, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("dtype", None)
        if dim is None:
            ranked = ranks(tape, name, argument.reshape(-1), 0).reshape(argument.shape)
        else:
            ranked = ranks(tape, name, argument, dim)
        return func(ranked, dim, *args, **kwargs)

    return rule


def _median(name: str, func: Any) -> Rule:
    def rule(tape: Tape, argument: Any) -> Any:
        flat = operand_of(argument)
        ranked = ranks(tape, name, argument.reshape(-1), 0)
        at = int((ranked == func(ranked)).nonzero()[0, 0])
        return type(flat)(
            flat.values.reshape(-1)[at : at + 1].reshape(()),
            flat.slots.reshape(-1)[at : at + 1].reshape(()),
        )

    return rule


def _read(_: Tape, argument: Any) -> Any:
    operand = operand_of(argument)
    if operand.slots.any():
        raise NoEnclosure("forward reads a number out of a tensor that depends on its inputs.")
    return midpoints(operand.values).item()


def _converted(tape: Tape, argument: Any, *, dtype: Any = None, **_: Any) -> Any:
    operand = operand_of(argument)
    if dtype == torch.complex128:
        return ComplexOperand.of_real(operand)
    if dtype in (None, torch.float64):
        return type(operand)(operand.values.copy(), operand.slots.copy())
    if dtype == torch.bool:
        return _nonzero(tape, argument)
    if dtype in INTEGERS:
        whole = RULES["trunc"](tape, argument).values
        return torch.from_numpy(midpoints(whole)).to(dtype)
    raise NoEnclosure(f"forward converts to {str(dtype).removeprefix('torch.')}.")


PREDICATES: dict[str, Rule] = {
    "gt": _compared("gt", lambda sign: sign > 0),
    "ge": _compared("ge", lambda sign: sign >= 0),
    "lt": _compared("lt", lambda sign: sign < 0),
    "le": _compared("le", lambda sign: sign <= 0),
    "eq": _compared("eq", lambda sign: sign == 0),
    "ne": _compared("ne", lambda sign: sign != 0),
    "isnan": _tested("isnan", lambda ball: ball.is_nan()),
    "isinf": _tested("isinf", lambda ball: not ball.is_finite()),
    "isfinite": _tested("isfinite", lambda ball: ball.is_finite()),
    "logical_not": _logical(torch.logical_not),
    "logical_and": _logical(torch.logical_and),
    "logical_or": _logical(torch.logical_or),
    "logical_xor": _logical(torch.logical_xor),
    "any": _reduced(torch.any),
    "all": _reduced(torch.all),
    "count_nonzero": _reduced(torch.count_nonzero),
    "nonzero": _reduced(torch.nonzero),
    "argmax": _index_of("argmax", torch.argmax),
    "argmin": _index_of("argmin", torch.argmin),
    "sort": _ordered("sort", torch.sort, 0),
    "topk": _ordered("topk", torch.topk, 1),
    "kthvalue": _ordered("kthvalue", torch.kthvalue, 1),
    "mode": _ordered("mode", torch.mode, 0),
    "cummax": _ordered("cummax", torch.cummax, 0),
    "cummin": _ordered("cummin", torch.cummin, 0),
    "_local_scalar_dense": _read,
    "_to_copy": _converted,
}
OVERLOADS: dict[str, Rule] = {  # of operations whose other forms have other rules
    "max.default": RULES["amax"],
    "min.default": RULES["amin"],
    "max.dim": _greatest("max", torch.max, "amax"),
    "min.dim": _greatest("min", torch.min, "amin"),
    "median.dim": _ordered("median", torch.median, 0),
    "nanmedian.dim": _ordered("nanmedian", torch.nanmedian, 0),
    "median.default": _median("median", torch.median),
    "nanmedian.default": _median("nanmedian", torch.nanmedian),
}
