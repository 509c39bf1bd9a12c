"""The expressions of a backward, and changes to their results and to their operands.

A change to an expression applies to all iterations of a loop at once, as it would in the
author's code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.torch_private import writes_to_an_input
from autograd_by_hand.diagnosis.backward_trace import Make
from autograd_by_hand.diagnosis.forward_edits import with_argument
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps

Makes = dict[int, Make]  # the replacement of each changed step, by the step's number
# From all values so far, one of them, and the iteration: the new value of that one.
AlterAt = Callable[[list[Any], Tensor, int], Any]


@dataclass(frozen=True)
class Group:
    """The steps of one expression, by their numbers: one, or one per iteration of a loop."""

    steps: dict[int, Step]

    @property
    def number(self) -> int:
        """The number of the first step, which represents all."""
        return next(iter(self.steps))

    @property
    def first(self) -> Step:
        """The first step, which represents all."""
        return self.steps[self.number]

    @property
    def changes_memory(self) -> bool:
        """Whether it writes into its first argument."""
        return writes_to_an_input(self.first.func)

    def makes(self, make: Make) -> Makes:
        """Apply the same change to every step."""
        return dict.fromkeys(self.steps, make)

    def each(self, makes: list[Make]) -> Makes:
        """Apply one change to each step, in order."""
        return dict(zip(self.steps, makes, strict=True))


@dataclass(frozen=True)
class Operand:
    """A value at one place where it is used, or at all of them.

    description: the value in words
    value: the recorded value, that of the first iteration
    shape: the shape to which another value may be broadcast before the two are combined
    iterations: whether each iteration of a loop has a value of its own
    """

    group: Group
    description: str
    value: Tensor
    shape: torch.Size
    makes: Callable[[AlterAt], Makes]
    iterations: bool = False


def altering_argument(group: Group, place: int, alter: AlterAt) -> Makes:
    def make(step: Step, values: list[Any], iteration: int) -> Any:
        return with_argument(
            step, values, place, alter(values, values[step.args[place].place], iteration)
        )

    return group.each([partial(make, iteration=iteration) for iteration in range(len(group.steps))])


def altering_result(group: Group, alter: AlterAt) -> Makes:
    def make(step: Step, values: list[Any], iteration: int) -> Any:
        return alter(values, Steps.do(step, values), iteration)

    return group.each([partial(make, iteration=iteration) for iteration in range(len(group.steps))])


def altering(group: Group, refs: list[Ref], alter: AlterAt) -> Makes:
    """Alter a value, one per iteration, wherever a group uses it."""

    def make(step: Step, values: list[Any], iteration: int) -> Any:
        moved = [*values, alter(values, values[refs[iteration].place], iteration)]
        return Steps.do(given(step, {refs[iteration].place: len(values)}), moved)

    return group.each([partial(make, iteration=iteration) for iteration in range(len(group.steps))])


def given(step: Step, instead: dict[int, int]) -> Step:
    """Replace some of the values that a step uses by others."""

    def other(arg: Any) -> Any:
        if isinstance(arg, list | tuple):
            return type(arg)(map(other, arg))
        return Ref(instead.get(arg.place, arg.place)) if isinstance(arg, Ref) else arg

    return Step(step.func, other(step.args), step.kwargs, step.made)
