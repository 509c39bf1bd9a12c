"""Mistakes in a sum, or in the sum that undoes a broadcast: other axes, a mean, or no sum."""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Alter,
    Change,
    altered,
    argument,
    at,
    edges,
    reached,
    same,
    together,
    with_argument,
)
from autograd_by_hand.diagnosis.layouts import fits
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps

WrongSum = tuple[str, Message, Alter]  # the kind of mistake, its words, and the wrong sum


def sums(steps: Steps) -> Iterator[Change]:
    """The gradient of a sum, or of a broadcast tensor, is summed wrongly or not at all."""
    whole = []
    for number, step in steps.numbered():
        if step.name not in ("sum", "amax", "logsumexp") or not isinstance(step.made, Ref):
            continue
        value, made = steps.values[step.args[0].place], steps.values[step.place]
        if not value.is_floating_point() or value.dim() != made.dim():
            continue
        own = [axis for axis, size in enumerate(made.shape) if size != value.shape[axis]]
        whole.append((number, value.shape, own))
        for kind, what, alter in _wrong_sums(value.shape, own):
            do = at(number, partial(_at_full_size, alter=alter))
            description = Message(
                "the sum over axes {axes} in the gradient of `{a}` {what}",
                axes=str(own),
                a=steps.made(step),
                what=what,
            )
            yield Change(kind, description, do)
    if len(whole) > 1:
        _, shape, own = whole[0]
        for kind, what, alter in _wrong_sums(shape, own):
            make = partial(_at_full_size, alter=alter)
            do = together([at(number, make) for number, *_ in whole])
            description = Message(
                "every sum over axes {axes} in the gradient {what}", axes=str(own), what=what
            )
            yield Change(kind, description, do)
    yield from _broadcasts(steps)


def _at_full_size(step: Step, values: list[Any], alter: Alter) -> Tensor:
    """A reduction, expanded to the size of its argument, with another derivative."""
    full = argument(step, values, 0)
    shown = Steps.do(step, values).detach().expand_as(full)
    if step.name == "logsumexp":  # its derivative is not 1 for each element
        weights = (full.detach() - shown).exp()
        return altered(full, lambda flow: alter(flow) * weights, shown)
    return altered(full, alter, shown)


def _wrong_sums(shape: torch.Size, own: list[int]) -> Iterator[WrongSum]:
    """Wrong operations, at full size, instead of a sum over some axes of a tensor."""

    def summed(axes: list[int], scale: float = 1.0) -> Alter:
        return lambda flow: flow.sum(axes, keepdim=True).expand_as(flow) * scale

    def averaged(axis: int) -> Alter:
        return lambda flow: flow.sum(own, keepdim=True).mean(axis, keepdim=True).expand_as(flow)

    count = prod(shape[axis] for axis in own)
    yield (
        "factor",
        Message("is replaced by a mean"),
        lambda flow: flow.mean(own, keepdim=True).expand_as(flow),
    )
    yield "other sum", Message("is left out: nothing is summed"), same
    for axis, size in enumerate(shape):
        if [axis] == own:
            continue
        yield "other sum", Message("is taken over axis {axis} instead", axis=axis), summed([axis])
        words = Message("is taken over axis {axis} instead, and divided by its length", axis=axis)
        yield "other sum", words, summed([axis], count / size)
        if axis not in own:
            words = Message("is averaged over axis {axis} as well", axis=axis)
            yield "other sum", words, averaged(axis)
            words = Message("is taken over axis {axis} as well", axis=axis)
            yield "other sum", words, summed([*own, axis])
    if len(shape) > len(own) + 1:
        yield "other sum", Message("is taken over all axes"), summed([*range(len(shape))])


def _broadcasts(steps: Steps) -> Iterator[Change]:
    """The gradient of a broadcast tensor is not summed over the axes of the broadcast."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in BROADCASTING or not isinstance(step.made, Ref):
            continue
        small, full = steps.values[arg.place].shape, steps.values[step.place].shape
        if small == full or small.numel() == 1 or not fits(small, full):
            continue
        for kind, what, alter in _wrong_reductions(small, full):
            make = partial(_reduced_otherwise, place=place, full=full, alter=alter)
            description = Message("the gradient of `{a}` {what}", a=steps.describe(arg), what=what)
            yield Change(kind, description, at(number, make))


def _reduced_otherwise(
    step: Step, values: list[Any], place: int, full: torch.Size, alter: Alter
) -> Any:
    """Expand one argument of a step to full size; `alter` replaces the sum back to its own."""
    value = reached(step, values, place)
    return with_argument(step, values, place, altered(value, alter, value.detach().expand(full)))


def _wrong_reductions(small: torch.Size, full: torch.Size) -> Iterator[WrongSum]:
    """Wrong operations instead of the sum that undoes a broadcast."""
    lead = len(full) - len(small)
    own = [axis for axis in range(len(full)) if axis < lead or small[axis - lead] != full[axis]]
    ones = [1 if axis in own else size for axis, size in enumerate(full)]

    def one_of(axes: list[int], index: int) -> Alter:
        def alter(flow: Tensor) -> Tensor:
            for axis in axes:
                flow = flow.narrow(axis, index % flow.shape[axis], 1)
            left = [axis for axis in own if axis not in axes]
            return (flow.sum(left, keepdim=True) if left else flow).reshape(small)

        return alter

    def summed_as_well(axis: int, divided_by: int = 1) -> Alter:
        def alter(flow: Tensor) -> Tensor:
            total = flow.sum([*own, axis], keepdim=True)
            return total.expand(ones).reshape(small) / divided_by

        return alter

    for axes in [own] if len(own) == 1 else [own, *([axis] for axis in own)]:
        words = Message(
            "is not summed over axes {axes}, along which it was broadcast: the first "
            "index is taken",
            axes=str(axes),
        )
        yield "other sum", words, one_of(axes, 0)
        words = Message(
            "is not summed over axes {axes}, along which it was broadcast: the last index is taken",
            axes=str(axes),
        )
        yield "other sum", words, one_of(axes, -1)
    yield (
        "factor",
        Message("is a mean instead of a sum"),
        lambda flow: flow.mean(own, keepdim=True).reshape(small),
    )
    yield (
        "operation",
        Message("is a maximum instead of a sum"),
        lambda flow: flow.amax(own, keepdim=True).reshape(small),
    )
    for axis, size in enumerate(full):
        if axis not in own and size > 1:
            words = Message("is summed over axis {axis} as well", axis=axis)
            yield "other sum", words, summed_as_well(axis)
            words = Message("is averaged over axis {axis} as well", axis=axis)
            yield "other sum", words, summed_as_well(axis, divided_by=size)


BROADCASTING = ("add", "sub", "mul", "div", "addmm", "baddbmm", "expand")
