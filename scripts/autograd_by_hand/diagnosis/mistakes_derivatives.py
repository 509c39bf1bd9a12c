"""Mistakes in the derivative of a function: it is left out, or another stands in its place."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    Do,
    Formula,
    altogether_or_again,
    argument,
    derivative,
    edges,
    in_turns,
    of_result,
    of_value,
    same,
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
        given, made = steps.values[arg.place], steps.values[step.made.place]
        if step.name == "mul" and len(step.refs()) == 2:
            what, shape = f"the factor `{steps.told(step.args[1 - place])}`", made.shape
        elif step.name in UNARY and len({*step.refs()}) == 1 and fits(made.shape, given.shape):
            what, shape = f"the derivative of {step.name}", given.shape
        else:
            continue
        where = f"in the gradient of `{steps.made(step)}`"
        yield Change(
            "missing",
            f"{what} is left out {where} (taken for 1)",
            derivative(number, place, of_value(torch.ones_like, arg.place)),
        )
        for other, value in enumerate(steps.values):
            if not value.is_floating_point() or value.numel() == 1 or not fits(value.shape, shape):
                continue
            told = steps.told(Ref(other))
            for words, formula in FORMULAS.items():
                if not _is_constant(formula(value)):
                    yield Change(
                        "operation",
                        f"`{words.replace('z', told)}` stands in the place of {what} {where}",
                        derivative(number, place, of_value(formula, other)),
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
        what = f"the derivative of {name}, in all {len(places)} places"
        yield Change(
            "missing", f"{what}, is left out (taken for 1)", _of_arguments(torch.ones_like, places)
        )
        for words, formula in FORMULAS.items():
            for letter, told, do in (
                ("z", "its argument", _of_arguments(formula, places)),
                ("y", "its value", _of_results(formula, places)),
            ):
                yield Change(
                    "operation",
                    f"`{words.replace('z', letter)}` stands in the place of {what} "
                    f"({letter} is {told})",
                    do,
                )


def unfactored(steps: Steps) -> Iterator[Change]:
    """A derivative left out in every turn of a loop."""
    for numbers in steps.turns():
        first = steps.steps[numbers[0]]
        if first.name not in {*UNARY, "mul"}:
            continue
        for place, arg in enumerate(first.args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                words = f"the derivative of `{steps.made(first)}` by `{steps.told(arg)}`"
                each = [
                    derivative(number, place, of_value(torch.ones_like, arg.place))
                    for number in numbers
                ]
                told = f"{words} is left out in every turn of a loop (taken for 1)"
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
        if steps.values[step.args[0].place].shape != steps.values[step.made.place].shape:
            continue
        told, inner = steps.made(step), steps.told(step.args[0])
        for formula, function in FUNCTIONS.items():
            words = f"`{formula.replace('z', inner)}` stands in the place of `{told}`"
            make = partial(_function_of_it, function=function)
            yield from altogether_or_again("operation", words, number, make)


def _function_of_it(step: Step, values: list[Any], function: Formula) -> Tensor:
    return function(argument(step, values, 0))


def _slope(function: Formula, at_value: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = at_value.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


def _is_constant(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())


UNARY = {
    "exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "pow", "sin", "cos", "erf", "relu", "silu",
    "reciprocal", "log1p", "expm1", "abs", "threshold", "clamp", "gelu", "softmax", "log_softmax",
    "logsumexp",
}  # fmt: skip
FUNCTIONS: dict[str, Formula] = {
    "sigmoid(z)": torch.sigmoid,
    "tanh(z)": torch.tanh,
    "exp(z)": torch.exp,
    "softmax(z)": lambda z: z.softmax(-1),
    "relu(z)": torch.relu,
    "silu(z)": functional.silu,
    "gelu(z)": functional.gelu,
    "gelu(z), its tanh approximation,": lambda z: functional.gelu(z, approximate="tanh"),
    "1 + z": lambda z: 1 + z,
    "z**2": lambda z: z * z,
    "sqrt(z)": torch.sqrt,
    "1 / z": lambda z: 1 / z,
    "log(z)": torch.log,
}
FORMULAS: dict[str, Formula] = {  # of derivatives
    "z": same,
    "1 - z": lambda z: 1 - z,
    "1 - z**2": lambda z: 1 - z * z,
    "z * (1 - z)": lambda z: z * (1 - z),
    "z**2": lambda z: z * z,
    "2 * z": lambda z: 2 * z,
    "-z": lambda z: -z,
    "1 / z": lambda z: 1 / z,
    "1 + z": lambda z: 1 + z,
    "sign(z)": torch.sign,
    "2 * sign(z)": lambda z: 2 * torch.sign(z),
    "(z > 0)": lambda z: (z > 0).to(z.dtype),
    "exp(z)": torch.exp,
    "tanh(z)": torch.tanh,
    "sigmoid(z)": torch.sigmoid,
    "softmax(z)": lambda z: z.softmax(-1),
    "softmax(z) along the first axis": lambda z: z.softmax(0),
    "1 - tanh(z)**2": lambda z: 1 - z.tanh() ** 2,
    "sigmoid(z) * (1 - sigmoid(z))": lambda z: z.sigmoid() * (1 - z.sigmoid()),
    "the derivative of the exact gelu at z": partial(_slope, functional.gelu),
    "the derivative of silu at z": partial(_slope, functional.silu),
}
