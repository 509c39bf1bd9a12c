"""Everything that a repair may change in a manual backward: its expressions and their operands."""

from collections.abc import Iterator
from functools import cached_property, partial
from itertools import count

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
from autograd_by_hand.experiment.output_names import is_cotangent

ELEMENTWISE = {"add", "sub", "rsub", "mul", "div", "where", "maximum", "minimum", "pow"}

Fingerprint = tuple[torch.Size, bool, str]


class ManualBackward:
    """A backward to be repaired. A value's place is its index among the recorded values.

    right: the places of the gradients that are right
    values: the places of the distinct values that may replace another
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
        self._known_operands, self._rest = list[Operand](), self._operands()

    def value(self, place: int) -> Tensor:
        """The value that was recorded."""
        return self.steps.values[place]

    def describe(self, place: int) -> str:
        """Describe a value in words."""
        return self.steps.describe(Ref(place))

    def at(self, group: Group, what: Message) -> Message:
        """A mistake, with its line in the author's code."""
        step = group.first
        if group.changes_memory:
            return Message("line {line}: {what}", line=step.site.line, what=what)
        return Message(
            "line {line}, `{a}`: {what}", line=step.site.line, a=self.steps.made(step), what=what
        )

    @cached_property
    def groups(self) -> list[Group]:
        """The live steps, grouped by expression; those of a function also by call.

        Groups on which no right gradient depends come first.
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
        """For each expression in a loop, its values in the iterations."""
        found: dict[tuple[Place, str], list[int]] = {}
        for step in self.steps.steps:
            if isinstance(step.made, Ref) and step.place not in self.trace.moving:
                found.setdefault((step.site.place, step.name), []).append(step.place)
        return [places for places in found.values() if len(places) > 1 and self.alike(places)]

    def alike(self, places: list[int]) -> bool:
        """Whether values have the same shape and dtype."""
        return len({(self.value(place).shape, self.value(place).dtype) for place in places}) == 1

    @cached_property
    def readers(self) -> dict[int, list[int]]:
        """For each value, the live steps that use it."""
        found: dict[int, list[int]] = {}
        for number in self.trace.live:
            for place in self.trace.reads[number]:
                found.setdefault(place, []).append(number)
        return found

    def below(self, group: Group) -> set[int]:
        """The values that depend on the results of a group."""
        key = tuple(group.steps)
        if key not in self._below:
            self._below[key] = self.trace.below(key)
        return self._below[key]

    @cached_property
    def flowing(self) -> set[int]:
        """The cotangents and all values that depend on them."""
        inputs = self.steps.inputs.items()
        found = {ref.place for name, ref in inputs if is_cotangent(name)}
        for number in self.trace.live:
            if self.trace.reads[number] & found:
                found |= {ref.place for ref in self.steps.steps[number].all_made()}
        return found

    def above(self, place: int) -> set[int]:
        """The values on which a value depends."""
        found, steps = {place}, self.steps.steps
        for step in reversed(steps):
            if any(ref.place in found for ref in step.all_made()):
                found |= {ref.place for ref in step.refs()}
        return found - {place}

    @cached_property
    def _below(self) -> dict[tuple[int, ...], set[int]]:
        return {}

    def orders(self, group: Group) -> list[tuple[int, ...]]:
        """The values of other expressions in the iterations of a group, in several orders."""
        length, below = len(group.steps), self.below(group)
        return [
            order
            for places in self.iterations
            if len(places) == length > 1 and not below & {*places}
            for order in orders(places, length, self.starts(places) or places[:1])
        ]

    def starts(self, places: list[int]) -> list[int]:
        """The inputs that may be the initial value of a loop with these values."""
        inputs = [ref.place for ref in self.steps.inputs.values()]
        return [place for place in inputs if self.alike([*places, place])]

    def used(self, group: Group) -> Iterator[tuple[int, Ref]]:
        """The tensors that a group uses, except memory that it writes into."""
        seen = set()
        for place, arg in enumerate(group.first.args):
            if (
                isinstance(arg, Ref)
                and arg not in seen
                and not (group.changes_memory and not place)
            ):
                seen.add(arg)
                yield place, arg

    @property
    def operands(self) -> Iterator[Operand]:
        """The real or complex values that may be altered, where they are used and made.

        Values that only enter a comparison are excluded: too many changes have the same effect. As
        that takes an execution for each value, they are looked for one by one.
        """
        for number in count():
            if number == len(self._known_operands):
                found = next((one for one in self._rest if not self._is_compared(one)), None)
                if found is None:
                    return
                self._known_operands.append(found)
            yield self._known_operands[number]

    def _is_compared(self, one: Operand) -> bool:
        own = self.trace.made({})
        moved = self.trace.again(one.makes(lambda _, value, __: value * (1 + 1e-7)))
        return moved is not None and all(torch.equal(own[name], moved[name]) for name in own)

    def _operands(self) -> Iterator[Operand]:
        for group in self.groups:
            step, single = group.first, isinstance(group.first.made, Ref)
            for place, arg in self.used(group):
                value = self.value(arg.place)
                if has_fractions(value):
                    wide = single and step.name in ELEMENTWISE
                    shape = self.value(step.place).shape if wide else value.shape
                    makes = partial(altering_argument, group, place)
                    iterations = len(group.steps) > 1
                    yield Operand(group, self.describe(arg.place), value, shape, makes, iterations)
            if single and not group.changes_memory:
                value, readers = self.value(step.place), self.readers.get(step.place, [])
                if has_fractions(value) and len(readers) != 1:
                    makes = partial(altering_result, group)
                    iterations = len(group.steps) > 1
                    yield Operand(
                        group, self.steps.made(step), value, value.shape, makes, iterations
                    )
        for ref in self.steps.inputs.values():
            readers, value = self.readers.get(ref.place, []), self.value(ref.place)
            if len(readers) > 1 and has_fractions(value):
                yield self.everywhere(ref)

    def everywhere(self, ref: Ref) -> Operand:
        """A value at all places where it is used."""
        users = Group({number: self.steps.steps[number] for number in self.readers[ref.place]})
        value = self.value(ref.place)
        makes = partial(altering, users, [ref] * len(users.steps))
        return Operand(users, self.describe(ref.place), value, value.shape, makes)


def orders(places: list[int], length: int, starts: list[int]) -> Iterator[tuple[int, ...]]:
    """Orders in which a loop may use `length` of its values: as they are, reversed, or shifted."""
    for base in (places, places[::-1]):
        for by in {-1, 0, 1, len(places) - length}:
            inside = [0 <= iteration + by < len(base) for iteration in range(length)]
            if sum(inside) < length - 1:
                continue
            for start in starts if not all(inside) else [0]:
                yield tuple(
                    base[iteration + by] if there else start
                    for iteration, there in enumerate(inside)
                )


def fingerprint(value: Tensor) -> Fingerprint:
    """A key that two values share only if they are equal up to rounding."""
    parts = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
    wide = parts.double().flatten()
    weights = torch.arange(1, len(wide) + 1, dtype=torch.float64).sin()
    return value.shape, has_fractions(value), f"{float(wide @ weights):.9g}"


def has_fractions(value: Tensor) -> bool:
    """Whether a tensor holds real or complex numbers: no indices, and no mask."""
    return value.is_floating_point() or value.is_complex()
