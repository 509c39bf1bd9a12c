"""Mistakes in the gradient that flows back: it is left out, misread, or partly cut off."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    edges,
    into,
    times,
    towards,
)
from autograd_by_hand.diagnosis.layouts import Layout, misread, pairs_of_axes, swapped
from autograd_by_hand.diagnosis.steps import Ref, Steps
from autograd_by_hand.experiment.output_names import cotangent_of


def unused(steps: Steps) -> Iterator[Change]:
    """The cotangent of one of forward's several outputs is not used."""
    for name, ref in steps.outputs.items():
        if len(steps.outputs) > 1 and steps.values[ref.place].is_floating_point():
            cotangent = cotangent_of(name)
            words = Message("the cotangent `{a}` is not used", a=cotangent)
            yield Change("missing", words, douts=partial(_without, cotangent=cotangent))


def _without(douts: dict[str, Tensor], cotangent: str) -> dict[str, Tensor]:
    zeros = {name: torch.zeros_like(dout) for name, dout in douts.items() if name == cotangent}
    return douts | zeros


def unmultiplied(steps: Steps) -> Iterator[Change]:
    """The gradient that flows back is not multiplied in."""
    for number, place, arg in edges(steps):
        words = Message(
            "the gradient that flows back to `{a}` in `{b}` is not multiplied in (treated as 1)",
            a=steps.describe(arg),
            b=steps.made(steps.steps[number]),
        )
        yield Change("missing", words, into(number, place, torch.ones_like))


def flows(steps: Steps) -> Iterator[Change]:
    """The gradient that flows back is shifted, reversed, permuted or partly cut off."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        a, b = steps.describe(arg), steps.made(step)
        for layout in _misplaced(steps.values[arg.place].shape):
            description = _into(a, b, layout)
            yield Change(layout.kind, description, into(number, place, layout.of))
        if isinstance(step.made, Ref) and len({*step.refs()}) > 1:
            for layout in _misplaced(steps.values[step.place].shape):
                description = _towards(b, a, layout)
                yield Change(layout.kind, description, towards(number, place, layout.of))


def _into(a: str, b: str, layout: Layout) -> Message:
    what = layout.words
    if layout.kind == "confined":
        return Message(
            "the gradient that flows back to `{a}` in `{b}`: {what}", a=a, b=b, what=what
        )
    return Message("the gradient that flows back to `{a}` in `{b}` {what}", a=a, b=b, what=what)


def _towards(a: str, b: str, layout: Layout) -> Message:
    what = layout.words
    if layout.kind == "confined":
        return Message(
            "the gradient that flows back from `{a}` to `{b}`: {what}", a=a, b=b, what=what
        )
    return Message("the gradient that flows back from `{a}` to `{b}` {what}", a=a, b=b, what=what)


def _misplaced(shape: torch.Size) -> Iterator[Layout]:
    for axis, size in enumerate(shape):
        if size < 2:
            continue
        for words, kept in _parts(axis, size):
            mask = torch.tensor(kept, dtype=torch.float64)
            mask = mask.reshape([-1 if one == axis else 1 for one in range(len(shape))])
            yield Layout("confined", words, times(mask))
        yield from misread(axis)
    for first, second in pairs_of_axes(shape):
        yield swapped(first, second, len(shape))


def _parts(axis: int, size: int) -> Iterator[tuple[Message, list[bool]]]:
    """Ways to leave out some of `size` rows along an axis, in words and as a mask of the rest."""
    every = range(size)
    last = Message("the last index along axis {axis} is left out", axis=axis)
    yield last, [one < size - 1 for one in every]
    yield (
        Message("the first index along axis {axis} is left out", axis=axis),
        [one > 0 for one in every],
    )
    if size > 2:
        first = Message("only the first index along axis {axis} is used", axis=axis)
        yield first, [one == 0 for one in every]
        last = Message("only the last index along axis {axis} is used", axis=axis)
        yield last, [one == size - 1 for one in every]
    for block in (2, 4, 8, 16, 32, 64, 128, 256):
        whole = size // block * block
        if 0 < whole < size - 1:
            words = Message(
                "everything past the last whole block of {block} along axis {axis} is left out",
                block=block,
                axis=axis,
            )
            yield words, [one < whole for one in every]
