"""The hand's backward as what may be changed in it: expressions, what they use, what they make."""

from collections.abc import Iterator
from functools import cached_property, partial

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import (
    Group,
    Operand,
    altering,
    altering_argument,
    altering_result,
)
from autograd_by_hand.diagnosis.backward_trace import BackwardSteps
from autograd_by_hand.diagnosis.steps import Place, Ref, Step

ELEMENTWISE = {"add", "sub", "rsub", "mul", "div", "where", "maximum", "minimum", "pow"}

Fingerprint = tuple[torch.Size, bool, str]


class ManualBackward:
    """A backward to be mended.

    right: the places of the gradients that are right as they are
    values: the places of the values that may stand in for another, each once
    """

    def __init__(self, trace: BackwardSteps, right: list[str]) -> None:
        self.trace, self.steps = trace, trace.steps
        self.right = {trace.gradients[name].place for name in right if name in trace.gradients}
        made = {ref.place for step in self.steps.steps for ref in step.all_made()}
        named = [place for place in self.steps.names if place < trace.own]
        found: dict[Fingerprint, int] = {}
        for place in dict.fromkeys([*named, *sorted(made), *range(len(self.steps.values))]):
            if place not in trace.moving:
                found.setdefault(fingerprint(self.value(place)), place)
        self.values = [place for place in found.values() if place < trace.own]
        self.chosen = {*self.values}
        self.forwards = [place for place in found.values() if place >= trace.own]

    def value(self, place: int) -> Tensor:
        """A value, as it was when backward was recorded."""
        return self.steps.values[place]

    def describe(self, place: int) -> str:
        """A value in words."""
        return self.steps.describe(Ref(place))

    def at(self, group: Group, what: Message) -> Message:
        """What is wrong, with its place in the author's code."""
        step = group.first
        if group.changes_memory:
            return Message("line {line}: {what}", line=step.site.line, what=what)
        return Message(
            "line {line}, `{a}`: {what}", line=step.site.line, a=self.steps.made(step), what=what
        )

    @cached_property
    def groups(self) -> list[Group]:
        """The live steps by the expression that makes them; those of a function by its calls too.

        Those on which no gradient depends that is right come first.
        """
        found: dict[tuple[Place, str], dict[int, Step]] = {}
        for number in self.trace.live:
            step = self.steps.steps[number]
            for key in (step.site.place, (step.site.way, step.site.nth)):
                found.setdefault((key, step.name), {})[number] = step
        # As in `dx[1:] += dy`, which reads and writes.
        twice: dict[tuple[int, str, str], dict[int, Step]] = {}
        for steps in found.values():
            first = next(iter(steps.values()))
            if first.func.is_view:
                view = first.site.line, first.name, str([step.args[1:] for step in steps.values()])
                twice.setdefault(view, {}).update(steps)
        every = [*found.values(), *twice.values()]
        groups = [Group(steps) for steps in {tuple(sorted(one)): one for one in every}.values()]
        return sorted(groups, key=lambda group: bool(self.below(group) & self.right))

    @cached_property
    def iterations(self) -> list[list[int]]:
        """The values that one expression makes in the turns of a loop."""
        found: dict[tuple[Place, str], list[int]] = {}
        for step in self.steps.steps:
            if isinstance(step.made, Ref) and step.place not in self.trace.moving:
                found.setdefault((step.site.place, step.name), []).append(step.place)
        return [places for places in found.values() if len(places) > 1 and self.alike(places)]

    def alike(self, places: list[int]) -> bool:
        """Whether values have one shape and dtype."""
        return len({(self.value(place).shape, self.value(place).dtype) for place in places}) == 1

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        """The live steps that are given a value."""
        found: dict[int, list[int]] = {}
        for number in self.trace.live:
            for place in self.trace.reads[number]:
                found.setdefault(place, []).append(number)
        return found

    def below(self, group: Group) -> set[int]:
        """The values that depend on what a group makes."""
        key = tuple(group.steps)
        if key not in self._below:
            self._below[key] = self.trace.below(key)
        return self._below[key]

    @cached_property
    def flowing(self) -> set[int]:
        """The values that depend on the cotangent, and itself."""
        found = {self.steps.inputs["dout"].place}
        for number in self.trace.live:
            if self.trace.reads[number] & found:
                found |= {ref.place for ref in self.steps.steps[number].all_made()}
        return found

    def above(self, place: int) -> set[int]:
        """The values that a value is made of."""
        found, steps = {place}, self.steps.steps
        for step in reversed(steps):
            if any(ref.place in found for ref in step.all_made()):
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
            for places in self.iterations
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
        own = self.trace.made({})
        moved = self.trace.again(one.makes(lambda _, value, __: value * (1 + 1e-7)))
        return moved is not None and all(torch.equal(own[name], moved[name]) for name in own)

    def _operands(self) -> Iterator[Operand]:
        for group in self.groups:
            step, single = group.first, isinstance(group.first.made, Ref)
            for place, arg in self.used(group):
                value = self.value(arg.place)
                if value.is_floating_point():
                    wide = single and step.name in ELEMENTWISE
                    shape = self.value(step.place).shape if wide else value.shape
                    makes = partial(altering_argument, group, place)
                    iterations = len(group.steps) > 1
                    yield Operand(group, self.describe(arg.place), value, shape, makes, iterations)
            if single and not group.changes_memory:
                value, readers = self.value(step.place), self.readers.get(step.place, [])
                if value.is_floating_point() and len(readers) != 1:
                    makes = partial(altering_result, group)
                    iterations = len(group.steps) > 1
                    yield Operand(
                        group, self.steps.made(step), value, value.shape, makes, iterations
                    )
        for ref in self.steps.inputs.values():
            readers, value = self.readers.get(ref.place, []), self.value(ref.place)
            if len(readers) > 1 and value.is_floating_point():
                yield self.everywhere(ref)

    def everywhere(self, ref: Ref) -> Operand:
        """A value wherever it is used."""
        users = Group({number: self.steps.steps[number] for number in self.readers[ref.place]})
        value = self.value(ref.place)
        makes = partial(altering, users, [ref] * len(users.steps))
        return Operand(users, self.describe(ref.place), value, value.shape, makes)


def orders(places: list[int], count: int, starts: list[int]) -> Iterator[tuple[int, ...]]:
    """The values of a loop's turns as those of so many turns: as they are, reversed, one later."""
    for base in (places, places[::-1]):
        for by in {-1, 0, 1, len(places) - count}:
            inside = [0 <= iteration + by < len(base) for iteration in range(count)]
            if sum(inside) < count - 1:
                continue
            for start in starts if not all(inside) else [0]:
                yield tuple(
                    base[iteration + by] if there else start
                    for iteration, there in enumerate(inside)
                )


def fingerprint(value: Tensor) -> Fingerprint:
    """What two values share only if they are equal but for rounding."""
    wide = value.double().flatten()
    weights = torch.arange(1, len(wide) + 1, dtype=torch.float64).sin()
    return value.shape, value.is_floating_point(), f"{float(wide @ weights):.9g}"
