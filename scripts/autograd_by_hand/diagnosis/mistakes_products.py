"""Mistakes in the gradient of a product: another factor is used, or the right one is misread."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Alter,
    Change,
    at,
    edges,
    reached,
    same,
    with_argument,
)
from autograd_by_hand.diagnosis.layouts import TRANSPOSED, Layout, misread
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def factors(steps: Steps) -> Iterator[Change]:
    """In the gradient of one factor of a product, another one in the other's place."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in PRODUCTS or not isinstance(step.made, Ref):
            continue
        first = PRODUCTS[step.name]
        right = 2 * first + 1 - place  # the other factor's place
        if place not in (first, first + 1) or not isinstance(step.args[right], Ref):
            continue
        own = step.args[right].place
        factor, told = steps.values[own], steps.told(step.args[right])
        b, c = steps.told(arg), steps.made(step)
        for layout in _layouts(factor.shape):
            do = at(
                number, partial(times_another, place=place, right=right, other=own, alter=layout.of)
            )
            words = Message(
                "`{a}` {what} in the gradient of `{b}` through `{c}`",
                a=told,
                what=layout.words,
                b=b,
                c=c,
            )
            yield Change(layout.kind, words, do)
        if step.name == "mul":
            continue  # whose factors `derivatives` goes through
        for other, value in enumerate(steps.values):
            if value.shape == factor.shape and not torch.equal(value, factor):
                words = Message(
                    "`{a}` stands in the place of {what}",
                    a=steps.told(Ref(other)),
                    what=Message("`{a}` in the gradient of `{b}` through `{c}`", a=told, b=b, c=c),
                )
                do = at(number, partial(times_another, place=place, right=right, other=other))
                yield Change("operation", words, do)


def times_another(
    step: Step, values: list[Any], place: int, right: int, other: int, alter: Alter = same
) -> Any:
    """A product with another factor in the derivative by the factor at `place`.

    right: the place of the factor that it is multiplied by
    other: the value that stands for that, altered
    """
    own = reached(step, values, place)
    rest = with_argument(step, values, place, own.detach())
    held = [one.detach() if isinstance(one, Tensor) else one for one in values]
    held[step.args[place].place] = own  # the one through which something flows back
    product = with_argument(step, held, right, alter(held[other]).detach())
    return rest + (product - product.detach())


def _layouts(shape: torch.Size) -> Iterator[Layout]:
    for axis, size in enumerate(shape):
        if size > 1:
            yield from misread(axis)
    if len(shape) > 1 and shape[-1] == shape[-2] > 1:
        yield TRANSPOSED


PRODUCTS = {  # and the place of their first factor
    "mul": 0,
    "mm": 0,
    "bmm": 0,
    "mv": 0,
    "addmm": 1,
    "baddbmm": 1,
    "convolution": 0,
}
MATRIX_PRODUCTS = ("mm", "bmm", "addmm", "baddbmm")
