"""Mistakes in what flows back: it is left out, misread, cut off, or multiplied once too often."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    altered,
    at,
    edges,
    into,
    reached,
    times,
    towards,
    with_argument,
)
from autograd_by_hand.diagnosis.layouts import Layout, misread, pairs_of_axes, swapped
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def unmultiplied(steps: Steps) -> Iterator[Change]:
    """What flows back is not multiplied in."""
    for number, place, arg in edges(steps):
        words = Message(
            "what flows back into `{a}` in `{b}` is not multiplied in (taken for 1)",
            a=steps.told(arg),
            b=steps.made(steps.steps[number]),
        )
        yield Change("missing", words, into(number, place, torch.ones_like))


def flows(steps: Steps) -> Iterator[Change]:
    """What flows back is read a place too far, is turned, or is cut off."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        a, b = steps.told(arg), steps.made(step)
        for layout in _misplaced(steps.values[arg.place].shape):
            told = _into(a, b, layout)
            yield Change(layout.kind, told, into(number, place, layout.of))
        if isinstance(step.made, Ref) and len({*step.refs()}) > 1:
            for layout in _misplaced(steps.values[step.place].shape):
                told = _towards(b, a, layout)
                yield Change(layout.kind, told, towards(number, place, layout.of))


def _into(a: str, b: str, layout: Layout) -> Message:
    what = layout.words
    if layout.kind == "confined":
        return Message("what flows back into `{a}` in `{b}`: {what}", a=a, b=b, what=what)
    return Message("what flows back into `{a}` in `{b}` {what}", a=a, b=b, what=what)


def _towards(a: str, b: str, layout: Layout) -> Message:
    what = layout.words
    if layout.kind == "confined":
        return Message("what flows back from `{a}` towards `{b}`: {what}", a=a, b=b, what=what)
    return Message("what flows back from `{a}` towards `{b}` {what}", a=a, b=b, what=what)


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
    """Ways to leave some of `size` rows along an axis out, in words and as what is kept."""
    every = range(size)
    last = Message("the last is left out along axis {axis}", axis=axis)
    yield last, [one < size - 1 for one in every]
    yield Message("the first is left out along axis {axis}", axis=axis), [one > 0 for one in every]
    if size > 2:
        first = Message("only the first is taken along axis {axis}", axis=axis)
        yield first, [one == 0 for one in every]
        last = Message("only the last is taken along axis {axis}", axis=axis)
        yield last, [one == size - 1 for one in every]
    for block in (2, 4, 8, 16, 32, 64, 128, 256):
        whole = size // block * block
        if 0 < whole < size - 1:
            words = Message(
                "what is past the last whole block of {block} is left out along axis {axis}",
                block=block,
                axis=axis,
            )
            yield words, [one < whole for one in every]


Jacobian = Callable[[Tensor, Tensor], Tensor]  # of what flows back, at a value


def activations(steps: Steps) -> Iterator[Change]:
    """What flows back is multiplied by the derivative of an activation that is not there."""
    for number, place, arg in edges(steps):
        where = Message("`{a}` in `{b}`", a=steps.told(arg), b=steps.made(steps.steps[number]))
        for other, value in enumerate(steps.values):
            if value.shape == steps.values[arg.place].shape and value.is_floating_point():
                for words, jacobian in _activations(where, steps.told(Ref(other))):
                    make = partial(_activated_into, place=place, other=other, jacobian=jacobian)
                    yield Change("operation", words, at(number, make))
    for number, step in steps.numbered():
        if not isinstance(step.made, Ref) or not _branches(steps, step.made):
            continue
        for other, value in enumerate(steps.values):
            if value.shape == steps.values[step.place].shape:
                made = f"`{steps.made(step)}`"
                for words, jacobian in _activations(made, steps.told(Ref(other))):
                    make = partial(_activated, other=other, jacobian=jacobian)
                    yield Change("operation", words, at(number, make))


def _branches(steps: Steps, ref: Ref) -> bool:
    """Whether several steps are given a value, so that what flows back to it is a sum."""
    return sum(ref in step.refs() for step in steps.steps) > 1


def _activations(where: str, told: str) -> Iterator[tuple[Message, Jacobian]]:
    """Jacobians that nothing in forward has, and what is said of them at a value."""
    for written, jacobian in ACTIVATIONS:
        words = Message(
            "what flows back into {where} is multiplied by {what}, which is not in forward",
            where=where,
            what=written(z=f"`{told}`"),
        )
        yield words, jacobian


def _activated_into(
    step: Step, values: list[Any], place: int, other: int, jacobian: Jacobian
) -> Any:
    """A step, with a Jacobian at another value in the way of what flows back into an argument."""
    z = values[other].detach()
    value = altered(reached(step, values, place), lambda flow: jacobian(flow, z))
    return with_argument(step, values, place, value)


def _activated(step: Step, values: list[Any], other: int, jacobian: Jacobian) -> Tensor:
    """A step, with a Jacobian at another value, or its own, in the way of all that flows back."""
    made = Steps.do(step, values)
    z = made.detach() if other == step.place else values[other].detach()
    return altered(made, lambda flow: jacobian(flow, z))


def _softmax_jacobian(flow: Tensor, out: Tensor) -> Tensor:
    return out * (flow - (flow * out).sum(-1, keepdim=True))


SLOPE_AT = partial(Message, "the derivative of {function} at {z}")
SLOPE_OF = partial(Message, "the derivative of {function}, whose value is {z}")
ACTIVATIONS: tuple[tuple[Callable[..., str], Jacobian], ...] = (
    ("{z}".format, lambda flow, z: flow * z),
    (partial(SLOPE_AT, function="relu"), lambda flow, z: flow * (z > 0)),
    (partial(SLOPE_AT, function="tanh"), lambda flow, z: flow * (1 - z.tanh() ** 2)),
    (partial(SLOPE_OF, function="tanh"), lambda flow, z: flow * (1 - z * z)),
    (
        partial(SLOPE_AT, function="sigmoid"),
        lambda flow, z: flow * z.sigmoid() * (1 - z.sigmoid()),
    ),
    (partial(SLOPE_OF, function="sigmoid"), lambda flow, z: flow * z * (1 - z)),
    (
        partial(SLOPE_AT, function="softmax"),
        lambda flow, z: _softmax_jacobian(flow, z.softmax(-1)),
    ),
    (partial(SLOPE_OF, function="softmax"), _softmax_jacobian),
)
