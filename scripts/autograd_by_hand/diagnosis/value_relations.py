"""Relate a value to the correct one: the kind of mistake, and its words."""

from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message, joined
from autograd_by_hand.diagnosis.backward_sites import ManualBackward, has_fractions
from autograd_by_hand.diagnosis.factor_names import is_named
from autograd_by_hand.diagnosis.layouts import TRANSPOSED, fits, misread, shifted

Described = tuple[str, Message]  # the kind of mistake, and its words
How = tuple[str, Message | None]  # the kind of mistake, and the relation of the two values


def relation(backward: ManualBackward, used: int, due: int) -> Described:
    """The kind and the words of the mistake of using the value `used` instead of `due`."""
    one, other = backward.value(used), backward.value(due)
    if one.numel() == other.numel():
        other = other.reshape(one.shape)
    words = Message(
        "`{a}` is used instead of `{b}`", a=backward.describe(used), b=backward.describe(due)
    )
    if not one.is_floating_point() or one.shape != other.shape:
        return ("shifted" if _off_by_one(one, other) else "operation"), words
    every = chain(
        _blank(one, other),
        _laid_out(one, other),
        _scaled(backward, one, other),
        _left_out(backward, used, due, other),
    )
    kind, how = next(every, ("operation", None))
    return kind, joined(": ", [words, how]) if how else words


def _blank(one: Tensor, other: Tensor) -> Iterator[How]:
    """Relations in which a value is 1 everywhere, or 0 everywhere or in some rows."""
    if one.numel() > 1 and (one == 1).all():
        yield "missing", Message("it is 1 everywhere")
    if not one.any():
        yield "missing", Message("it is 0")
    if not other.any():
        yield "operation", Message("the correct value is 0")
    if left_out := _rows_left_out(one, other):
        rows, axis = left_out
        yield (
            "confined",
            Message("it is 0 at index {which} along axis {axis}", which=str(rows), axis=axis),
        )


def _scaled(backward: ManualBackward, one: Tensor, other: Tensor) -> Iterator[How]:
    """The factor and the shift that turn the second value into the first."""
    if affine := _affine(one, other):
        scale, shift = affine
        if abs(abs(scale) - 1) < 1e-9 and abs(abs(shift) - 1) < 1e-9:
            yield "operation", None  # z and 1 - z, say
        if shift:
            words = Message(
                "the first is {factor} times the second plus {shift}",
                factor=f"{scale:.6g}",
                shift=f"{shift:.6g}",
            )
            yield "constant", words
        kind = "factor" if is_named(scale, shapes_of(backward)) else "constant"
        yield kind, Message("the first is {factor} times the second", factor=f"{scale:.6g}")


def _left_out(backward: ManualBackward, used: int, due: int, other: Tensor) -> Iterator[How]:
    """A factor or a term that the first value lacks to equal the second."""
    one = backward.value(used)
    for name, ref in backward.steps.inputs.items():
        factor = backward.value(ref.place)
        fit = factor.numel() > 1 and factor.is_floating_point() and fits(factor.shape, one.shape)
        if fit and _close(one * factor, other):
            yield "missing", Message("the factor `{a}` is left out", a=name)
    for place in backward.values if due not in backward.above(used) else ():
        term = backward.value(place)
        if not term.is_floating_point() or not fits(term.shape, one.shape) or not term.any():
            continue
        if {place, *backward.above(place)} & {used, due}:
            continue  # a value computed from the two proves nothing
        if _close(one + term, other) or _close(one - term, other):
            yield "missing", Message("the term `{a}` is left out", a=backward.describe(place))


def shapes_of(backward: ManualBackward) -> dict[str, list[int]]:
    """The shapes of the tensors, by name."""
    return {name: [*backward.value(ref.place).shape] for name, ref in backward.steps.inputs.items()}


def _laid_out(one: Tensor, other: Tensor) -> Iterator[How]:
    """The layout of the second value that equals the first."""
    long = [axis for axis, size in enumerate(one.shape) if size > 1]
    layouts = [layout for axis in long for layout in misread(axis)]
    for layout in [*layouts, TRANSPOSED] if one.dim() > 1 else layouts:
        if _close(one, layout.of(other)):
            yield layout.kind, Message("it {what}", what=layout.words)
    if one.numel() > 2 and _close(one.flatten().sort().values, other.flatten().sort().values):
        yield "transposed", Message("it has the same numbers in another order")


def _rows_left_out(one: Tensor, other: Tensor) -> tuple[list[int], int] | None:
    """The rows, and their axis, in which the first value is 0; elsewhere it equals the second."""
    kept = one != 0
    if kept.all() or not _close(one, other * kept):
        return None
    for axis in range(one.dim()):
        rows = kept.transpose(0, axis).flatten(1).any(1) if one.dim() > 1 else kept
        ones = [1 if other_axis != axis else -1 for other_axis in range(one.dim())]
        if _close(one, other * rows.reshape(ones)):
            return (~rows).nonzero().flatten().tolist(), axis
    return None


def _off_by_one(one: Tensor, other: Tensor) -> bool:
    """Whether indices, or a mask, are off by one."""
    if one.shape != other.shape or has_fractions(one) or one.numel() < 2:
        return False
    if one.dtype != torch.bool and bool(((one - other).abs() == 1).all()):
        return True
    return any(
        torch.equal(one, layout.of(other)) for axis in range(one.dim()) for layout in shifted(axis)
    )


def _affine(one: Tensor, other: Tensor) -> tuple[float, float] | None:
    """The scale and the shift that turn the second value into the first, or None."""
    if one.numel() < 3:
        return None
    spread = other - other.mean()
    size = float((spread * spread).sum())
    if not size > 0:
        return None
    scale = float((spread * one).sum()) / size
    shift = float(one.mean() - scale * other.mean())
    if not scale or not _close(one, scale * other + shift):
        return None
    return scale, 0.0 if abs(shift) < 1e-9 * float(one.abs().max()) else shift


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-9, atol=1e-12)
