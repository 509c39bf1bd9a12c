"""Changes to one step of forward or to its inputs: the building blocks of mistakes.

A change alters the result of a step, or the gradient that flows back through it, or both. `altered`
with `shown` keeps the result and replaces the derivative, as a mistake in backward alone would.

Changes are enumerated on one run and applied to others: a change reads everything it needs of a
run from `values` when the step is executed.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.formulas import Formula
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps

Do = Callable[[int, Step, list[Any]], Any]  # the step's number, the step, all values so far
Make = Callable[[Step, list[Any]], Any]  # the same for one step alone
Alter = Callable[[Tensor], Tensor]
Factor = Callable[[list[Any], Tensor], Tensor]  # all values so far, and the step's result


@dataclass(frozen=True)
class Change:
    """One change to a forward.

    kind: the kind of mistake
    description: the mistake in words
    do: executes something instead of a step (`diagnosis.forward_trace`)
    inputs: the inputs that forward gets, from the true ones
    douts: the cotangents that its outputs get, from the true ones
    """

    kind: str
    description: Message
    do: Do | None = None
    inputs: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None
    douts: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None

    def and_(self, other: "Change") -> "Change":
        """Both changes at once, to two different steps."""
        assert self.do
        assert other.do
        description = Message("{one}, and {other}", one=self.description, other=other.description)
        return replace(self, description=description, do=together([self.do, other.do]))


class _Altered(torch.autograd.Function):
    """The identity, or a value shown in its place, with its own derivative."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, alter: Alter, shown: Tensor | None) -> Tensor:
        ctx.alter, ctx.shape = alter, value.shape
        return value.clone() if shown is None else shown.clone()

    @staticmethod
    def backward(ctx: Any, *flows: Any) -> Any:
        return ctx.alter(flows[0]).sum_to_size(ctx.shape), None, None


def altered(value: Tensor, alter: Alter, shown: Tensor | None = None) -> Tensor:
    """`value`, or `shown` in its place; `alter` changes the gradient that flows back."""
    made: Tensor = _Altered.apply(value, alter, shown)  # type: ignore[no-untyped-call]
    return made


def same(tensor: Tensor) -> Tensor:
    """Return a tensor unchanged."""
    return tensor


def times(factor: Tensor | float) -> Alter:
    """Multiply the gradient that flows back by a factor."""
    return lambda flow: flow * factor


def edges(steps: Steps) -> Iterator[tuple[int, int, Ref]]:
    """Every real argument of a step: the step's number, the argument's index, and its `Ref`."""
    for number, step in steps.numbered():
        for place, arg in enumerate(step.args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                yield number, place, arg


# arguments of a step


def argument(step: Step, values: list[Any], place: int) -> Tensor:
    """The tensor that is one argument of a step."""
    value: Tensor = values[step.args[place].place]
    return value


def reached(step: Step, values: list[Any], place: int) -> Tensor:
    """The tensor that is one argument of a step, if a gradient flows back to it.

    Raises
        ValueError: if none does.
    """
    value = argument(step, values, place)
    if not value.requires_grad:
        raise ValueError("nothing flows back here")
    return value


def with_argument(step: Step, values: list[Any], place: int, value: Any) -> Any:
    """Execute a step with another value for one argument."""
    args = list(step.args)
    args[place] = Ref(len(values)) if isinstance(value, Tensor) else value
    return Steps.do(replace(step, args=tuple(args)), [*values, value])


# changes


def at(number: int, make: Make) -> Do:
    """Execute `make` instead of one step."""
    return lambda current, step, values: make(step, values) if current == number else None


def together(changes: Collection[Do]) -> Do:
    """Changes to several steps at once; a ValueError if two of them change the same step."""

    def do(current: int, step: Step, values: list[Any]) -> Any:
        made = [change(current, step, values) for change in changes]
        made = [one for one in made if one is not None]
        if len(made) > 1:
            raise ValueError("two of them change one step")
        return made[0] if made else None

    return do


def in_iterations(changes: Collection[Do]) -> Do:
    """The same change in all iterations of a loop, except those where no gradient flows back."""

    def where_it_can(change: Do) -> Do:
        def do(current: int, step: Step, values: list[Any]) -> Any:
            try:
                return change(current, step, values)
            except ValueError:
                return None

        return do

    return together([where_it_can(change) for change in changes])


def into(number: int, place: int, alter: Alter) -> Do:
    """Alter the gradient that flows back to one argument of a step."""

    def make(step: Step, values: list[Any]) -> Any:
        value = altered(reached(step, values, place), alter)
        return with_argument(step, values, place, value)

    return at(number, make)


def towards(number: int, place: int, alter: Alter) -> Do:
    """Alter a step's cotangent on its way to one argument, before the step's derivative."""

    def make(step: Step, values: list[Any]) -> Any:
        value = reached(step, values, place)
        held = [one.detach() if isinstance(one, Tensor) else one for one in values]
        alone = with_argument(step, held, place, value)
        rest = with_argument(step, values, place, value.detach())
        return altered(alone, alter) + (rest - rest.detach())

    return at(number, make)


def derivative(number: int, place: int, factor: Factor) -> Do:
    """Replace a step's elementwise derivative with respect to one argument by a factor."""

    def make(step: Step, values: list[Any]) -> Any:
        value = reached(step, values, place)
        rest = with_argument(step, values, place, value.detach())
        alter = times(factor(values, rest.detach()))
        return altered(value, alter, torch.zeros_like(rest)) + rest

    return at(number, make)


def of_value(formula: Formula, place: int) -> Factor:
    """A factor that is a formula of one of the values."""
    return lambda values, _: formula(values[place].detach())


def showing(number: int, shown: Make) -> Do:
    """Replace the result of a step, but keep its derivative."""

    def make(step: Step, values: list[Any]) -> Any:
        return altered(Steps.do(step, values), same, shown(step, values).detach())

    return at(number, make)


def altogether_or_again(
    kind: str, description: Message, number: int, make: Make
) -> Iterator[Change]:
    """Replace a step everywhere, or only where backward computes it again."""
    yield Change(kind, description, at(number, make))
    yield Change(kind, again(description), showing(number, make))


def again(mistake: Message) -> Message:
    """Restrict a mistake to where backward computes something again."""
    return Message("{mistake} where backward computes it again", mistake=mistake)


def makes_real(steps: Steps, step: Step) -> bool:
    return isinstance(step.made, Ref) and steps.values[step.place].is_floating_point()
