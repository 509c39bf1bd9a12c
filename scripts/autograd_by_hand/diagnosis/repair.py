"""What mends the hand's backward: a change to one expression, and how the mistake is told.

A change to forward (`diagnosis.mistakes_*`) tells a mistake by what backward does. A repair
tells it by what stands in the author's code, and where.
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
Other = Callable[[list[Any]], Tensor]  # made of all values


@dataclass(frozen=True)
class Repair:
    """What mends a backward.

    makes: what each step that changes makes instead, by its number
    tell: the kind of the mistake that it mends, and its words
    """

    makes: Makes
    describe: Describe


@dataclass(frozen=True)
class Sweep:
    """Many repairs alike: an operand combined with one value or another.

    combine: of the operand and the value, what is due
    others: the values, each made of all values, with how to tell it
    turned: whether each is one for each turn of a loop
    """

    operand: Operand
    combine: Callable[[Tensor, Tensor], Tensor]
    others: Sequence[tuple[Other, Describe]]
    per_iteration: bool = False

    def makes(self, other: Other) -> Makes:
        """What each step that changes makes instead, with one of the values."""

        def alter(values: list[Any], value: Tensor, iteration: int) -> Tensor:
            given = other(values)
            return self.combine(value, given[iteration] if self.per_iteration else given)

        return self.operand.makes(alter)

    def repair(self, number: int) -> Repair:
        """One of the repairs."""
        other, describe = self.others[number]
        return Repair(self.makes(other), describe)


Repairs = Iterator[Repair | Sweep]


def repair(backward: ManualBackward, group: Group, kind: str, words: Message, make: Make) -> Repair:
    """Each step of a group made otherwise."""
    return Repair(group.makes(make), lambda: (kind, backward.at(group, words)))


def altered_operand(
    backward: ManualBackward, one: Operand, kind: str, words: Message, alter: AlterAt
) -> Repair:
    """An operand that is another."""
    return Repair(one.makes(alter), lambda: (kind, backward.at(one.group, words)))


def with_any(step: Step, values: list[Any], place: int, arg: Any) -> Any:
    """What a step makes with another argument, which may name values."""
    args = (*step.args[:place], arg, *step.args[place + 1 :])
    return Steps.do(Step(step.func, args, step.kwargs, step.made), values)


def as_it_is(step: Step, values: list[Any], place: int, shape: Size) -> Any:
    """What a step is given for one argument, in the shape of what it makes."""
    return values[step.args[place].place].reshape(shape)
