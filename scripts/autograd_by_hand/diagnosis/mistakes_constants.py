"""Wrong or superfluous constants in forward; a search fits their values."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    again,
    at,
    makes_real,
    showing,
    with_argument,
)
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def constants(steps: Steps) -> Iterator[tuple[float, Callable[[float], Change]]]:
    """Constants that may be wrong: the start of the fit, and the change for a given value."""
    for number, step in steps.numbered():
        if step.name in SHAPES:
            continue
        for place, arg in enumerate(step.args):
            if isinstance(arg, bool) or not isinstance(arg, int | float):
                continue
            start = float(arg) if abs(arg) < torch.inf else 0.0
            description = partial(
                Message,
                "the constant {constant} in `{a}` is {value}",
                constant=f"{arg:g}",
                a=steps.made(step),
            )
            make = partial(with_argument, place=place)
            yield start, partial(_with_number, description, number, make, anew=False)
            if isinstance(step.made, Ref):
                yield start, partial(_with_number, description, number, make, anew=True)
    for number, step in steps.numbered():
        if makes_real(steps, step):
            description = partial(Message, "`{a}` is multiplied by {value}", a=steps.made(step))
            for anew in (False, True):
                yield 1.0, partial(_with_number, description, number, _scaled, anew=anew)


def _with_number(
    description: Callable[..., Message],
    number: int,
    make: Callable[..., Any],
    value: float,
    *,
    anew: bool,
) -> Change:
    """Execute a step with another number, everywhere or only where backward computes it again."""
    words, make = description(value=f"{value:.7g}"), partial(make, value=value)
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
