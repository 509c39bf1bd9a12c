"""The hand's backward as what may be changed in it: expressions, what they use, what they make.

A change is made to one expression in all turns of a loop at once, as in the author's code.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.torch_private import writes_to_an_input
from autograd_by_hand.diagnosis.backward_trace import BackwardSteps, Make, made_by
from autograd_by_hand.diagnosis.forward_edits import with_argument
from autograd_by_hand.diagnosis.forward_trace import Ref, Step, Steps

Makes = dict[int, Make]  # what a step makes instead, by its number
# Of all values so far, of one of them, and of the turn of the loop, what that one becomes.
AlterAt = Callable[[list[Any], Tensor, int], Any]

ELEMENTWISE = {"add", "sub", "rsub", "mul", "div", "where", "maximum", "minimum", "pow"}


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
    value: as it was when backward was taken down, in the first turn
    shape: to which what it is combined with may be broadcast
    turns: whether it is one value in each turn of a loop
    """

    group: Group
    told: str
    value: Tensor
    shape: torch.Size
    makes: Callable[[AlterAt], Makes]
    turns: bool = False


class Hand:
    """A backward to be mended.

    right: the places of the gradients that are right as they are
    values: the places of the values that may stand in for another, each once
    """

    def __init__(self, taken: BackwardSteps, right: list[str]) -> None:
        self.taken, self.steps = taken, taken.steps
        self.right = {taken.gradients[name].place for name in right if name in taken.gradients}
        made = {ref.place for step in self.steps.steps for ref in made_by(step)}
        named = [place for place in self.steps.names if place < taken.own]
        found: dict[Any, int] = {}
        for place in dict.fromkeys([*named, *sorted(made), *range(len(self.steps.values))]):
            if place not in taken.moving:
                found.setdefault(fingerprint(self.value(place)), place)
        self.values = [place for place in found.values() if place < taken.own]
        self.chosen = {*self.values}
        self.forwards = [place for place in found.values() if place >= taken.own]

    def value(self, place: int) -> Tensor:
        """A value, as it was when backward was taken down."""
        return self.steps.values[place]

    def told(self, place: int) -> str:
        """A value in words."""
        return self.steps.told(Ref(place))

    def where(self, group: Group) -> str:
        """The place of a group in the author's code."""
        step = group.first
        line = f"line {step.site.line}"
        return line if group.changes_memory else f"line {step.site.line}, `{self.steps.made(step)}`"

    @cached_property
    def groups(self) -> list[Group]:
        """The live steps by the expression that makes them; those of a function by its calls too.

        Those on which no gradient depends that is right come first.
        """
        found: dict[Any, dict[int, Step]] = {}
        for number in self.taken.live:
            step = self.steps.steps[number]
            for key in (step.site.place, (step.site.way, step.site.nth)):
                found.setdefault((key, step.name), {})[number] = step
        twice: dict[Any, dict[int, Step]] = {}  # as in `dx[1:] += dy`, which reads and writes
        for steps in found.values():
            first = next(iter(steps.values()))
            if first.func.is_view:
                key = first.site.line, first.name, str([step.args[1:] for step in steps.values()])
                twice.setdefault(key, {}).update(steps)
        every = [*found.values(), *twice.values()]
        groups = [Group(steps) for steps in {tuple(sorted(one)): one for one in every}.values()]
        return sorted(groups, key=lambda group: bool(self.below(group) & self.right))

    @cached_property
    def turns(self) -> list[list[int]]:
        """The values that one expression makes in the turns of a loop."""
        found: dict[Any, list[int]] = {}
        for step in self.steps.steps:
            if isinstance(step.made, Ref) and step.made.place not in self.taken.moving:
                found.setdefault((step.site.place, step.name), []).append(step.made.place)
        return [places for places in found.values() if len(places) > 1 and self.alike(places)]

    def alike(self, places: list[int]) -> bool:
        """Whether values have one shape and dtype."""
        return len({(self.value(place).shape, self.value(place).dtype) for place in places}) == 1

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        """The live steps that are given a value."""
        found: dict[int, list[int]] = {}
        for number in self.taken.live:
            for place in self.taken.reads[number]:
                found.setdefault(place, []).append(number)
        return found

    def below(self, group: Group) -> set[int]:
        """The values that depend on what a group makes."""
        key = tuple(group.steps)
        if key not in self._below:
            self._below[key] = self.taken.below(key)
        return self._below[key]

    @cached_property
    def flowing(self) -> set[int]:
        """The values that depend on the cotangent, and itself."""
        found = {self.steps.inputs["dout"].place}
        for number in self.taken.live:
            if self.taken.reads[number] & found:
                found |= {ref.place for ref in made_by(self.steps.steps[number])}
        return found

    def above(self, place: int) -> set[int]:
        """The values that a value is made of."""
        found, steps = {place}, self.steps.steps
        for step in reversed(steps):
            if any(ref.place in found for ref in made_by(step)):
                found |= {ref.place for ref in step.refs()}
        return found - {place}

    @cached_property
    def _below(self) -> dict[tuple[int, ...], set[int]]:
        return {}

    def orders(self, group: Group) -> list[tuple[int, ...]]:
        """The values of other expressions in a group's turns."""
        count, below = len(group.steps), self.below(group)
        return [
            order
            for places in self.turns
            if len(places) == count > 1 and not below & {*places}
            for order in orders(places, count, self.starts(places) or places[:1])
        ]

    def starts(self, places: list[int]) -> list[int]:
        """The inputs with which a loop that makes some values may begin."""
        inputs = [ref.place for ref in self.steps.inputs.values()]
        return [place for place in inputs if self.alike([*places, place])]

    def used(self, group: Group) -> Iterator[tuple[int, Ref]]:
        """The tensors that a group is given, but for memory that it writes into."""
        seen = set()
        for place, arg in enumerate(group.first.args):
            if (
                isinstance(arg, Ref)
                and arg not in seen
                and not (group.changes_memory and not place)
            ):
                seen.add(arg)
                yield place, arg

    @cached_property
    def operands(self) -> list[Operand]:
        """The real values that may be altered: where they are used, and where they are made.

        But for those of which only a comparison is left: too much would give the same.
        """
        return [one for one in self._operands() if not self._is_compared(one)]

    def _is_compared(self, one: Operand) -> bool:
        own = self.taken.made({})
        moved = self.taken.again(one.makes(lambda _, value, __: value * (1 + 1e-7)))
        return moved is not None and all(torch.equal(own[name], moved[name]) for name in own)

    def _operands(self) -> Iterator[Operand]:
        for group in self.groups:
            step, single = group.first, isinstance(group.first.made, Ref)
            for place, arg in self.used(group):
                value = self.value(arg.place)
                if value.is_floating_point():
                    wide = single and step.name in ELEMENTWISE
                    shape = self.value(step.made.place).shape if wide else value.shape
                    makes = partial(_altering_argument, group, place)
                    turns = len(group.steps) > 1
                    yield Operand(group, self.told(arg.place), value, shape, makes, turns)
            if single and not group.changes_memory:
                value, readers = self.value(step.made.place), self.readers.get(step.made.place, [])
                if value.is_floating_point() and len(readers) != 1:
                    makes = partial(_altering_result, group)
                    turns = len(group.steps) > 1
                    yield Operand(group, self.steps.made(step), value, value.shape, makes, turns)
        for ref in self.steps.inputs.values():
            readers, value = self.readers.get(ref.place, []), self.value(ref.place)
            if len(readers) > 1 and value.is_floating_point():
                yield self.everywhere(ref)

    def everywhere(self, ref: Ref) -> Operand:
        """A value wherever it is used."""
        users = Group({number: self.steps.steps[number] for number in self.readers[ref.place]})
        value = self.value(ref.place)
        makes = partial(altering, users, [ref] * len(users.steps))
        return Operand(users, self.told(ref.place), value, value.shape, makes)


def _altering_argument(group: Group, place: int, alter: AlterAt) -> Makes:
    def make(step: Step, values: list[Any], turn: int) -> Any:
        return with_argument(
            step, values, place, alter(values, values[step.args[place].place], turn)
        )

    return group.each([partial(make, turn=turn) for turn in range(len(group.steps))])


def _altering_result(group: Group, alter: AlterAt) -> Makes:
    def make(step: Step, values: list[Any], turn: int) -> Any:
        return alter(values, Steps.do(step, values), turn)

    return group.each([partial(make, turn=turn) for turn in range(len(group.steps))])


def altering(group: Group, refs: list[Ref], alter: AlterAt) -> Makes:
    """A value, one in each turn, altered wherever a group is given it."""

    def make(step: Step, values: list[Any], turn: int) -> Any:
        moved = [*values, alter(values, values[refs[turn].place], turn)]
        return Steps.do(given(step, {refs[turn].place: len(values)}), moved)

    return group.each([partial(make, turn=turn) for turn in range(len(group.steps))])


def given(step: Step, instead: dict[int, int]) -> Step:
    """A step that is given other values in the place of some."""

    def other(arg: Any) -> Any:
        if isinstance(arg, list | tuple):
            return type(arg)(map(other, arg))
        return Ref(instead.get(arg.place, arg.place)) if isinstance(arg, Ref) else arg

    return Step(step.func, other(step.args), step.kwargs, step.made)


def orders(places: list[int], count: int, starts: list[int]) -> Iterator[tuple[int, ...]]:
    """The values of a loop's turns as those of so many turns: as they are, reversed, one later."""
    for base in (places, places[::-1]):
        for by in {-1, 0, 1, len(places) - count}:
            inside = [0 <= turn + by < len(base) for turn in range(count)]
            if sum(inside) < count - 1:
                continue
            for start in starts if not all(inside) else [0]:
                yield tuple(
                    base[turn + by] if there else start for turn, there in enumerate(inside)
                )


def fingerprint(value: Tensor) -> Any:
    """What two values share only if they are equal but for rounding."""
    wide = value.double().flatten()
    weights = torch.arange(1, len(wide) + 1, dtype=torch.float64).sin()
    return value.shape, value.is_floating_point(), f"{float(wide @ weights):.9g}"


def fits(shape: torch.Size, due: torch.Size) -> bool:
    """Whether a shape can be broadcast to another one."""
    pairs = zip(reversed(shape), reversed(due), strict=False)
    return len(shape) <= len(due) and all(size in (1, other) for size, other in pairs)
