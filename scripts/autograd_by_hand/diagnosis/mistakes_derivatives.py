"""Mistakes in the derivative of a function: it is left out, or another stands in its place."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.formulas import FORMULAS, Formula, written
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    Do,
    altogether_or_again,
    argument,
    derivative,
    edges,
    in_turns,
    of_result,
    of_value,
    together,
)
from autograd_by_hand.diagnosis.layouts import fits
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def derivatives(steps: Steps) -> Iterator[Change]:
    """A derivative left out, or with another value in the place of the right one."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if not isinstance(step.made, Ref):
            continue
        given, made = steps.values[arg.place], steps.values[step.place]
        if step.name == "mul" and len(step.refs()) == 2:
            shape, told_of = made.shape, steps.told(step.args[1 - place])
            left_out = Message(
                "the factor `{a}` is left out in the gradient of `{b}` (taken for 1)",
                a=told_of,
                b=steps.made(step),
            )
            what = Message(
                "the factor `{a}` in the gradient of `{b}`", a=told_of, b=steps.made(step)
            )
        elif step.name in UNARY and len({*step.refs()}) == 1 and fits(made.shape, given.shape):
            shape = given.shape
            left_out = Message(
                "the derivative of {function} is left out in the gradient of `{b}` (taken for 1)",
                function=step.name,
                b=steps.made(step),
            )
            what = Message(
                "the derivative of {function} in the gradient of `{b}`",
                function=step.name,
                b=steps.made(step),
            )
        else:
            continue
        yield Change(
            "missing",
            left_out,
            derivative(number, place, of_value(torch.ones_like, arg.place)),
        )
        for other, value in enumerate(steps.values):
            if not value.is_floating_point() or value.numel() == 1 or not fits(value.shape, shape):
                continue
            told = steps.told(Ref(other))
            for formula in SLOPES:
                if not _is_constant(FORMULAS[formula](value)):
                    yield Change(
                        "operation",
                        Message(
                            "`{a}` stands in the place of {what}",
                            a=written(formula, told),
                            what=what,
                        ),
                        derivative(number, place, of_value(FORMULAS[formula], other)),
                    )


def everywhere(steps: Steps) -> Iterator[Change]:
    """A derivative that is wrong in the same way in every step of a kind."""
    kinds: dict[str, dict[int, int]] = {}  # of each the steps, with their arguments' places
    for number, step in steps.numbered():
        if step.name in UNARY and isinstance(step.made, Ref) and isinstance(step.args[0], Ref):
            kinds.setdefault(step.name, {})[number] = step.args[0].place
    for name, places in kinds.items():
        if len(places) < 2:
            continue
        yield Change(
            "missing",
            Message(
                "the derivative of {function}, in all {count} places, is left out (taken for 1)",
                function=name,
                count=len(places),
            ),
            _of_arguments(torch.ones_like, places),
        )
        what = Message(
            "the derivative of {function}, in all {count} places", function=name, count=len(places)
        )
        for formula in SLOPES:
            yield Change(
                "operation",
                Message(
                    "`{a}` stands in the place of {what} (z is its argument)",
                    a=written(formula, "z"),
                    what=what,
                ),
                _of_arguments(FORMULAS[formula], places),
            )
            yield Change(
                "operation",
                Message(
                    "`{a}` stands in the place of {what} (y is its value)",
                    a=written(formula, "y"),
                    what=what,
                ),
                _of_results(FORMULAS[formula], places),
            )


def unfactored(steps: Steps) -> Iterator[Change]:
    """A derivative left out in every turn of a loop."""
    for numbers in steps.turns():
        first = steps.steps[numbers[0]]
        if first.name not in {*UNARY, "mul"}:
            continue
        for place, arg in enumerate(first.args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                each = [
                    derivative(number, place, of_value(torch.ones_like, arg.place))
                    for number in numbers
                ]
                told = Message(
                    "the derivative of `{a}` by `{b}` is left out in every turn of a loop "
                    "(taken for 1)",
                    a=steps.made(first),
                    b=steps.told(arg),
                )
                yield Change("missing", told, in_turns(each))


def _of_arguments(formula: Formula, places: dict[int, int]) -> Do:
    """A formula in the argument for the derivative of each step."""
    each = places.items()
    return together([derivative(number, 0, of_value(formula, place)) for number, place in each])


def _of_results(formula: Formula, places: dict[int, int]) -> Do:
    """A formula in what the step makes for the derivative of each step."""
    return together([derivative(number, 0, of_result(formula)) for number in places])


def functions(steps: Steps) -> Iterator[Change]:
    """Another function in the place of the right one, altogether or only where it is saved."""
    for number, step in steps.numbered():
        if step.name not in UNARY or not isinstance(step.made, Ref):
            continue
        if not isinstance(step.args[0], Ref):  # a number to the power of a tensor
            continue
        if steps.values[step.args[0].place].shape != steps.values[step.place].shape:
            continue
        told, inner = steps.made(step), steps.told(step.args[0])
        for formula in FUNCTIONS:
            words = Message("`{a}` stands in the place of `{b}`", a=written(formula, inner), b=told)
            make = partial(_function_of_it, function=FORMULAS[formula])
            yield from altogether_or_again("operation", words, number, make)


def _function_of_it(step: Step, values: list[Any], function: Formula) -> Tensor:
    return function(argument(step, values, 0))


def _is_constant(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())


UNARY = {
    "exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "pow", "sin", "cos", "erf", "relu", "silu",
    "reciprocal", "log1p", "expm1", "abs", "threshold", "clamp", "gelu", "softmax", "log_softmax",
    "logsumexp",
}  # fmt: skip
FUNCTIONS = (  # in the place of another
    "sigmoid(z)",
    "tanh(z)",
    "exp(z)",
    "softmax(z)",
    "relu(z)",
    "silu(z)",
    "gelu(z)",
    "gelu(z), approximately",
    "1 + z",
    "z**2",
    "sqrt(z)",
    "1 / z",
    "log(z)",
)
SLOPES = (  # in the place of a derivative
    "z",
    "1 - z",
    "1 - z**2",
    "z * (1 - z)",
    "z**2",
    "2 * z",
    "-z",
    "1 / z",
    "1 + z",
    "sign(z)",
    "2 * sign(z)",
    "(z > 0)",
    "exp(z)",
    "tanh(z)",
    "sigmoid(z)",
    "softmax(z)",
    "softmax(z), first axis",
    "1 - tanh(z)**2",
    "sigmoid(z) * (1 - sigmoid(z))",
    "gelu'(z)",
    "silu'(z)",
)
