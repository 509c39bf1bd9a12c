"""Mistakes in the derivative of a function: it is left out, or another is used instead."""

from collections.abc import Iterator

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.formulas import FORMULAS, written
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    derivative,
    edges,
    in_iterations,
    of_value,
)
from autograd_by_hand.diagnosis.layouts import fits
from autograd_by_hand.diagnosis.steps import Ref, Steps


def derivatives(steps: Steps) -> Iterator[Change]:
    """A derivative is left out, or another value is used instead."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if not isinstance(step.made, Ref):
            continue
        given, made = steps.values[arg.place], steps.values[step.place]
        if step.name == "mul" and len(step.refs()) == 2:
            shape, description_of_factor = made.shape, steps.describe(step.args[1 - place])
            left_out = Message(
                "the factor `{a}` is left out in the gradient of `{b}` (treated as 1)",
                a=description_of_factor,
                b=steps.made(step),
            )
            what = Message(
                "the factor `{a}` in the gradient of `{b}`",
                a=description_of_factor,
                b=steps.made(step),
            )
        elif step.name in UNARY and len({*step.refs()}) == 1 and fits(made.shape, given.shape):
            shape = given.shape
            left_out = Message(
                "the derivative of {function} is left out in the gradient of `{b}` (treated as 1)",
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
            if not value.is_floating_point() or value.numel() < 2 or not fits(value.shape, shape):
                continue
            description = steps.describe(Ref(other))
            for formula in SLOPES:
                if not _is_constant(FORMULAS[formula](value)):
                    yield Change(
                        "operation",
                        Message(
                            "`{a}` is used instead of {what}",
                            a=written(formula, description),
                            what=what,
                        ),
                        derivative(number, place, of_value(FORMULAS[formula], other)),
                    )


def unfactored(steps: Steps) -> Iterator[Change]:
    """A derivative is left out in every iteration of a loop."""
    for numbers in steps.iterations():
        first = steps.steps[numbers[0]]
        if first.name not in {*UNARY, "mul"}:
            continue
        for place, arg in enumerate(first.args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                each = [
                    derivative(number, place, of_value(torch.ones_like, arg.place))
                    for number in numbers
                ]
                description = Message(
                    "the derivative of `{a}` with respect to `{b}` is left out in "
                    "every iteration of a loop (treated as 1)",
                    a=steps.made(first),
                    b=steps.describe(arg),
                )
                yield Change("missing", description, in_iterations(each))


def _is_constant(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())


UNARY = {
    "exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "pow", "sin", "cos", "erf", "relu", "silu",
    "reciprocal", "log1p", "expm1", "abs", "threshold", "clamp", "gelu", "softmax", "log_softmax",
    "logsumexp",
}  # fmt: skip
SLOPES = (  # used instead of a derivative
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
