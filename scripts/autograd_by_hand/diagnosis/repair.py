"""Repairs of a manual backward: a change to one expression, and the mistake in words.

A change to forward (`diagnosis.mistakes_*`) describes a mistake by its effect. A repair describes
it by the expression in the author's code, and its line.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Size, Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import AlterAt, Group, Makes, Operand
from autograd_by_hand.diagnosis.backward_sites import ManualBackward
from autograd_by_hand.diagnosis.backward_trace import Make
from autograd_by_hand.diagnosis.steps import Step, Steps
from autograd_by_hand.diagnosis.value_relations import Described

Describe = Callable[[], Described]
Other = Callable[[list[Any]], Tensor]  # computed from all values


@dataclass(frozen=True)
class Repair:
    """A change that corrects a backward.

    makes: the replacements of the changed steps, by number
    describe: gives the kind of the mistake that it repairs, and its words
    """

    makes: Makes
    describe: Describe


@dataclass(frozen=True)
class Sweep:
    """Many similar repairs: an operand is combined with one of several values.

    combine: gives the correct operand from the operand and the value
    others: the values, each computed from all recorded values, with its description
    per_iteration: whether each has one entry per iteration of a loop
    """

    operand: Operand
    combine: Callable[[Tensor, Tensor], Tensor]
    others: Sequence[tuple[Other, Describe]]
    per_iteration: bool = False

    def makes(self, other: Other) -> Makes:
        """The replacements of the changed steps, with one of the values."""

        def alter(values: list[Any], value: Tensor, iteration: int) -> Tensor:
            given = other(values)
            return self.combine(value, given[iteration] if self.per_iteration else given)

        return self.operand.makes(alter)

    def repair(self, number: int) -> Repair:
        """The repair with one of the values."""
        other, describe = self.others[number]
        return Repair(self.makes(other), describe)


Repairs = Iterator[Repair | Sweep]


def repair(backward: ManualBackward, group: Group, kind: str, words: Message, make: Make) -> Repair:
    """Replace each step of a group."""
    return Repair(group.makes(make), lambda: (kind, backward.at(group, words)))


def altered_operand(
    backward: ManualBackward, one: Operand, kind: str, words: Message, alter: AlterAt
) -> Repair:
    """Replace an operand."""
    return Repair(one.makes(alter), lambda: (kind, backward.at(one.group, words)))


def with_any(step: Step, values: list[Any], place: int, arg: Any) -> Any:
    """Execute a step with another argument, which may refer to values."""
    args = (*step.args[:place], arg, *step.args[place + 1 :])
    return Steps.do(Step(step.func, args, step.kwargs, step.made), values)


def as_it_is(step: Step, values: list[Any], place: int, shape: Size) -> Any:
    """One argument of a step, in the shape of its result."""
    return values[step.args[place].place].reshape(shape)
