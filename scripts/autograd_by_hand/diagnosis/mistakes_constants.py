"""Mistakes in a number of forward's, or a number too many: which one it is, a search must fit."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    again,
    argument,
    at,
    edges,
    makes_real,
    showing,
    with_argument,
)
from autograd_by_hand.diagnosis.mistakes_products import MATRIX_PRODUCTS, PRODUCTS, times_another
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def constants(steps: Steps) -> Iterator[tuple[float, Callable[[float], Change]]]:
    """Numbers that may be others: where a fit begins, and the change that each makes."""
    for number, step in steps.numbered():
        if step.name in SHAPES:
            continue
        for place, arg in enumerate(step.args):
            if isinstance(arg, bool) or not isinstance(arg, int | float):
                continue
            start = float(arg) if abs(arg) < torch.inf else 0.0
            told = partial(
                Message,
                "the constant {constant} in `{a}` is {value}",
                constant=f"{arg:g}",
                a=steps.made(step),
            )
            make = partial(with_argument, place=place)
            yield start, partial(_with_number, told, number, make, anew=False)
            if isinstance(step.made, Ref):
                yield start, partial(_with_number, told, number, make, anew=True)
    yield from _updated(steps)
    for number, step in steps.numbered():
        if makes_real(steps, step):
            told = partial(Message, "`{a}` is multiplied by {value}", a=steps.made(step))
            for anew in (False, True):
                yield 1.0, partial(_with_number, told, number, _scaled, anew=anew)


def _updated(steps: Steps) -> Iterator[tuple[float, Callable[[float], Change]]]:
    """A factor of a product that has gone a step against its gradient when it is used again."""
    named = {ref.place: name for name, ref in steps.inputs.items() if name in steps.gradients}
    turned = {
        step.place: named[step.args[0].place]
        for step in steps.steps
        if step.name == "t" and step.args[0].place in named
    }
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in MATRIX_PRODUCTS or not isinstance(step.made, Ref):
            continue
        right = 2 * PRODUCTS[step.name] + 1 - place
        if place < PRODUCTS[step.name] or not isinstance(step.args[right], Ref):
            continue
        factor = step.args[right].place
        if (name := named.get(factor) or turned.get(factor)) is None:
            continue
        told = partial(
            Message,
            "`{a}` is used in the gradient of `{b}` through `{c}` after an update, less its own "
            "gradient times {value}",
            a=name,
            b=steps.told(arg),
            c=steps.made(step),
        )
        step_by = partial(
            _after_a_step,
            place=place,
            right=right,
            gradient=steps.gradients[name].place,
            turned=factor in turned,
        )
        yield 0.0, partial(_with_number, told, number, step_by, anew=False)


def _after_a_step(
    step: Step,
    values: list[Any],
    value: float,
    place: int,
    right: int,
    gradient: int,
    *,
    turned: bool,
) -> Any:
    along = values[gradient].t() if turned else values[gradient]
    moved = [*values, argument(step, values, right).detach() - value * along]
    return times_another(step, moved, place, right, len(values))


def _with_number(
    told: Callable[..., Message],
    number: int,
    make: Callable[..., Any],
    value: float,
    *,
    anew: bool,
) -> Change:
    """A step made with a number, altogether or only where backward computes it again."""
    words, make = told(value=f"{value:.7g}"), partial(make, value=value)
    if anew:
        return Change("constant", again(words), showing(number, make))
    return Change("constant", words, at(number, make))


def _scaled(step: Step, values: list[Any], value: float) -> Any:
    return Steps.do(step, values) * value


SHAPES = {
    "view", "expand", "sum", "amax", "transpose", "permute", "t", "unsqueeze", "squeeze", "slice",
    "select", "cat", "stack", "gather", "full", "arange", "flatten", "roll", "unsafe_view", "empty",
    "zeros", "ones", "to", "split", "cumsum", "argmax", "index", "softmax", "log_softmax",
}  # fmt: skip
