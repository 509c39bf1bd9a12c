"""The expressions of a backward, and changes to what they make and to what they use.

A change is made to one expression in all turns at once, as in the author's code.
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

Makes = dict[int, Make]  # what a step makes instead, by its number
# Of all values so far, of one of them, and of the turn of the loop, what that one becomes.
AlterAt = Callable[[list[Any], Tensor, int], Any]


@dataclass(frozen=True)
class Group:
    """The steps that one expression makes, by their numbers: one, or one in each turn of a loop."""

    steps: dict[int, Step]

    @property
    def number(self) -> int:
        """The number of the first, that tells of all."""
        return next(iter(self.steps))

    @property
    def first(self) -> Step:
        """The first, that tells of all."""
        return self.steps[self.number]

    @property
    def changes_memory(self) -> bool:
        """Whether it writes into its first argument."""
        return writes_to_an_input(self.first.func)

    def makes(self, make: Make) -> Makes:
        """The same change to each."""
        return dict.fromkeys(self.steps, make)

    def each(self, makes: list[Make]) -> Makes:
        """A change to each."""
        return dict(zip(self.steps, makes, strict=True))


@dataclass(frozen=True)
class Operand:
    """A value where it is used, or everywhere.

    told: in words
    value: as it was when backward was recorded, in the first turn
    shape: to which what it is combined with may be broadcast
    turns: whether it is one value in each turn of a loop
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
    """A value, one in each turn, altered wherever a group is given it."""

    def make(step: Step, values: list[Any], iteration: int) -> Any:
        moved = [*values, alter(values, values[refs[iteration].place], iteration)]
        return Steps.do(given(step, {refs[iteration].place: len(values)}), moved)

    return group.each([partial(make, iteration=iteration) for iteration in range(len(group.steps))])


def given(step: Step, instead: dict[int, int]) -> Step:
    """A step that is given other values in the place of some."""

    def other(arg: Any) -> Any:
        if isinstance(arg, list | tuple):
            return type(arg)(map(other, arg))
        return Ref(instead.get(arg.place, arg.place)) if isinstance(arg, Ref) else arg

    return Step(step.func, other(step.args), step.kwargs, step.made)
