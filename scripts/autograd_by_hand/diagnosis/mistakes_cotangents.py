"""Mistakes in what flows back: it is left out, misread, cut off, or multiplied once too often."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    Slip,
    altered,
    at,
    edges,
    into,
    reached,
    times,
    towards,
    with_argument,
)
from autograd_by_hand.diagnosis.layouts import misread
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def unmultiplied(steps: Steps) -> Iterator[Change]:
    """What flows back is not multiplied in."""
    for number, place, arg in edges(steps):
        where = f"`{steps.told(arg)}` in `{steps.made(steps.steps[number])}`"
        words = f"what flows back into {where} is not multiplied in (taken for 1)"
        yield Change("missing", words, into(number, place, torch.ones_like))


def flows(steps: Steps) -> Iterator[Change]:
    """What flows back is read a place too far, is turned, or is cut off."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        inner = f"what flows back into `{steps.told(arg)}` in `{steps.made(step)}`"
        sides = [(into, steps.values[arg.place].shape, inner)]
        if isinstance(step.made, Ref) and len({*step.refs()}) > 1:
            outer = f"what flows back from `{steps.made(step)}` towards `{steps.told(arg)}`"
            sides.append((towards, steps.values[step.made.place].shape, outer))
        for through, shape, told in sides:
            for kind, words, alter in _misplaced(shape):
                yield Change(kind, told + words, through(number, place, alter))


def _misplaced(shape: torch.Size) -> Iterator[Slip]:
    for axis, size in enumerate(shape):
        if size < 2:
            continue
        for words, kept in _parts(size):
            mask = torch.tensor(kept, dtype=torch.float64)
            mask = mask.reshape([-1 if one == axis else 1 for one in range(len(shape))])
            yield "confined", f": {words} along axis {axis}", times(mask)
        for kind, words, alter in misread(axis):
            yield kind, f" {words}", alter
    for first in range(len(shape)):
        for second in range(first + 1, len(shape)):
            if shape[first] > 1 < shape[second]:
                swapped = partial(_swapped, first=first, second=second)
                yield "transposed", f" has its axes {first} and {second} swapped", swapped


def _swapped(flow: Tensor, first: int, second: int) -> Tensor:
    """A tensor with two axes swapped, laid out again in its own shape."""
    return flow.transpose(first, second).reshape(flow.shape)


def _parts(size: int) -> Iterator[tuple[str, list[bool]]]:
    """Ways to leave some of `size` rows out, in words and as what is kept."""
    every = range(size)
    yield "the last is left out", [one < size - 1 for one in every]
    yield "the first is left out", [one > 0 for one in every]
    if size > 2:
        yield "only the first is taken", [one == 0 for one in every]
        yield "only the last is taken", [one == size - 1 for one in every]
    for block in (2, 4, 8, 16, 32, 64, 128, 256):
        whole = size // block * block
        if 0 < whole < size - 1:
            words = f"what is past the last whole block of {block} is left out"
            yield words, [one < whole for one in every]


Jacobian = Callable[[Tensor, Tensor], Tensor]  # of what flows back, at a value


def activations(steps: Steps) -> Iterator[Change]:
    """What flows back is multiplied by the derivative of an activation that is not there."""
    for number, place, arg in edges(steps):
        where = f"`{steps.told(arg)}` in `{steps.made(steps.steps[number])}`"
        for other, value in enumerate(steps.values):
            if value.shape == steps.values[arg.place].shape and value.is_floating_point():
                for words, jacobian in _activations(where, steps.told(Ref(other))):
                    make = partial(_activated_into, place=place, other=other, jacobian=jacobian)
                    yield Change("operation", words, at(number, make))
    for number, step in steps.numbered():
        if not isinstance(step.made, Ref) or not _branches(steps, step.made):
            continue
        where = f"`{steps.made(step)}`"
        for other, value in enumerate(steps.values):
            if value.shape == steps.values[step.made.place].shape:
                for words, jacobian in _activations(where, steps.told(Ref(other))):
                    make = partial(_activated, other=other, jacobian=jacobian)
                    yield Change("operation", words, at(number, make))


def _branches(steps: Steps, ref: Ref) -> bool:
    """Whether several steps are given a value, so that what flows back to it is a sum."""
    return sum(ref in step.refs() for step in steps.steps) > 1


def _activations(where: str, told: str) -> Iterator[tuple[str, Jacobian]]:
    """Jacobians that nothing in forward has, and what is said of them at a value."""
    for name, jacobian in ACTIVATIONS.items():
        what = name.replace("z", f"`{told}`")
        words = f"what flows back into {where} is multiplied by {what}, which is not in forward"
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
    z = made.detach() if other == step.made.place else values[other].detach()
    return altered(made, lambda flow: jacobian(flow, z))


def _softmax_jacobian(flow: Tensor, out: Tensor) -> Tensor:
    return out * (flow - (flow * out).sum(-1, keepdim=True))


ACTIVATIONS: dict[str, Jacobian] = {
    "z": lambda flow, z: flow * z,
    "the derivative of relu at z": lambda flow, z: flow * (z > 0),
    "the derivative of tanh at z": lambda flow, z: flow * (1 - z.tanh() ** 2),
    "the derivative of tanh, whose value is z": lambda flow, z: flow * (1 - z * z),
    "the derivative of sigmoid at z": lambda flow, z: flow * z.sigmoid() * (1 - z.sigmoid()),
    "the derivative of sigmoid, whose value is z": lambda flow, z: flow * z * (1 - z),
    "the derivative of softmax at z": lambda flow, z: _softmax_jacobian(flow, z.softmax(-1)),
    "the derivative of softmax, whose value is z": _softmax_jacobian,
}
