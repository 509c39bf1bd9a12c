"""Repairs that use another value: another variable, another iteration's, or forward's."""

from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import Group, Operand, altering, given
from autograd_by_hand.diagnosis.backward_sites import (
    ELEMENTWISE,
    ManualBackward,
    fingerprint,
    orders,
)
from autograd_by_hand.diagnosis.layouts import fits
from autograd_by_hand.diagnosis.repair import Repair, Repairs, Sweep, repair, with_any
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps
from autograd_by_hand.diagnosis.value_relations import Described, relation

FEW = 4  # candidates for the initial value of a loop


def values(backward: ManualBackward) -> Repairs:
    """Replace a value by another of backward's values."""
    for group in backward.groups:
        yield from _everywhere(backward, group)
    for group in backward.groups:
        for _, arg in backward.used(group):
            yield from _other_values(backward, group, arg, backward.values)
        yield from _other_members(backward, group)
        if len(group.steps) > 1:
            for place, _ in backward.used(group):
                yield from _other_iterations(backward, group, place)
    yield from _last_of_iterations(backward)


def forwards(backward: ManualBackward) -> Repairs:
    """Replace a value that backward computes again by one of forward's."""
    for group in backward.groups:
        for _, arg in backward.used(group):
            yield from _other_values(backward, group, arg, backward.forwards)


def _everywhere(backward: ManualBackward, group: Group) -> Repairs:
    """Replace the result of a group wherever it is used."""
    made = group.first.made
    if len(group.steps) > 1 or not isinstance(made, Ref) or made.place in backward.trace.moving:
        return
    if len(backward.readers.get(made.place, [])) > 1:
        yield from _other_values(backward, backward.everywhere(made).group, made, backward.values)


def _other_values(backward: ManualBackward, group: Group, arg: Ref, among: list[int]) -> Repairs:
    below, value, alike = backward.below(group), backward.value(arg.place), list[int]()
    for due in among:
        other = backward.value(due)
        if due == arg.place or due in below or other.dtype != value.dtype:
            continue
        if other.numel() == value.numel():
            alike.append(due)
        elif _broadcasts(backward, group.first, arg, other.shape):
            makes = group.makes(partial(_given, instead={arg.place: due}))
            yield Repair(makes, partial(_describe_value, backward, group, arg.place, due))
    operand = Operand(
        group, "", value, value.shape, partial(altering, group, [arg] * len(group.steps))
    )
    others = [
        (
            partial(_reshaped, place=due, shape=value.shape),
            partial(_describe_value, backward, group, arg.place, due),
        )
        for due in alike
    ]
    yield Sweep(operand, lambda _, other: other, others)


def _reshaped(values: list[Any], place: int, shape: torch.Size) -> Tensor:
    made: Tensor = values[place].reshape(shape)
    return made


def _given(step: Step, values: list[Any], instead: dict[int, int]) -> Any:
    return Steps.do(given(step, instead), values)


def _describe_value(backward: ManualBackward, group: Group, used: int, due: int) -> Described:
    kind, words = relation(backward, used, due)
    return kind, backward.at(group, words)


def _broadcasts(backward: ManualBackward, step: Step, arg: Ref, shape: torch.Size) -> bool:
    """Whether the shape of a step's result stays the same if an argument has another shape."""
    if step.name not in ELEMENTWISE or not isinstance(step.made, Ref):
        return False
    made = backward.value(step.place).shape
    rest = [backward.value(ref.place).shape for ref in step.refs() if ref != arg]
    return fits(shape, made) and torch.broadcast_shapes(shape, *rest) == made


def _other_members(backward: ManualBackward, group: Group) -> Repairs:
    """Swap two members of a list of tensors, such as the arguments of torch.cat."""
    for place, arg in enumerate(group.first.args):
        if not isinstance(arg, list | tuple):
            continue
        for first, second in combinations(range(len(arg)), 2):
            one, other = arg[first], arg[second]
            if isinstance(one, Ref) and isinstance(other, Ref):
                words = _swapped(backward, one.place, other.place)
                make = partial(_swapping, place=place, first=first, second=second)
                yield repair(backward, group, "operation", words, make)
        if all(isinstance(one, Ref) for one in arg) and len(group.steps) == 1 < len(arg):
            yield from _other_lists(backward, group, place)


def _other_lists(backward: ManualBackward, group: Group, place: int) -> Repairs:
    """Replace a list of a loop's values by those of other iterations."""
    used = [one.place for one in group.first.args[place]]
    if not backward.alike(used):
        return
    starts = [one for one in backward.values if backward.alike([*used, one])]
    for places in [*backward.iterations, used]:
        if backward.alike([*used, *places]) and not backward.below(group) & {*places}:
            for due in orders(places, len(used), starts[:FEW]):
                make = partial(with_any, place=place, arg=[*map(Ref, due)])
                yield Repair(
                    group.makes(make), partial(_describe_iterations, backward, group, used, due)
                )


def _swapping(step: Step, values: list[Any], place: int, first: int, second: int) -> Any:
    members = list(step.args[place])
    members[first], members[second] = members[second], members[first]
    return with_any(step, values, place, members)


def _other_iterations(backward: ManualBackward, group: Group, place: int) -> Repairs:
    """Use the values of other iterations of a loop."""
    used = [step.args[place].place for step in group.steps.values()]
    if not backward.alike(used):
        return
    below, found = backward.below(group), dict[tuple[int, ...], None]()
    for places in [*backward.iterations, used]:
        if backward.alike([*used, *places]) and not below & {*places}:
            found |= dict.fromkeys(orders(places, len(used), backward.starts(used)))
    others = [
        (partial(_stacked, places=due), partial(_describe_iterations, backward, group, used, due))
        for due in found
        if [*due] != used
    ]
    whole = torch.Size([len(used), *backward.value(used[0]).shape])
    makes = partial(altering, group, [Ref(one) for one in used])
    operand = Operand(group, "", backward.value(used[0]), whole, makes)
    yield Sweep(operand, lambda _, other: other, others, per_iteration=True)


def _stacked(values: list[Any], places: tuple[int, ...]) -> Tensor:
    return torch.stack([values[place] for place in places])


def _describe_iterations(
    backward: ManualBackward, group: Group, used: list[int], due: tuple[int, ...]
) -> Described:
    kind, words = _relation_of_iterations(backward, used, due)
    return kind, backward.at(group, words)


def _relation_of_iterations(
    backward: ManualBackward, used: list[int], due: tuple[int, ...]
) -> Described:
    """Describe the values that a loop uses, compared with the correct ones."""
    a, b = backward.describe(used[0]), backward.describe(due[0])
    prints, own = ([fingerprint(backward.value(one)) for one in places] for places in (due, used))
    if prints == own[::-1]:
        return "transposed", Message("the iterations of the loop are in reverse order")
    if prints[1:] == own[:-1] or prints[:-1] == own[1:]:
        return "shifted", Message(
            "`{a}` is used instead of `{b}`, the value of another iteration", a=a, b=b
        )
    if not all(backward.value(place).any() for place in used):
        return "missing", Message(
            "`{a}`, which is 0 in some iterations of the loop, is used instead of `{b}`", a=a, b=b
        )
    return "operation", Message("`{a}` is used instead of `{b}` in every iteration", a=a, b=b)


def _last_of_iterations(backward: ManualBackward) -> Repairs:
    """Add up the results of a loop of which only the last is kept."""
    lasts = {places[-1]: places for places in backward.iterations}
    for group in backward.groups:
        made = group.first.made
        if isinstance(made, Ref) and made.place in lasts and len(group.steps) == 1:
            places = lasts[made.place]
            words = Message(
                "of the results of the {count} iterations of a loop, only the last is kept",
                count=len(places),
            )
            make = partial(_summed_up, places=places[:-1])
            yield repair(backward, group, "missing", words, make)


def _summed_up(step: Step, values: list[Any], places: list[int]) -> Tensor:
    made: Tensor = sum((values[place] for place in places), Steps.do(step, values))
    return made


def swaps(backward: ManualBackward) -> Repairs:
    """Swap two values, in one line or in all steps that use the cotangent."""
    scopes: dict[int | str, list[int]] = {}
    for number in backward.trace.live:
        step = backward.steps.steps[number]
        scopes.setdefault(step.site.line, []).append(number)
        if backward.trace.reads[number] & backward.flowing:
            scopes.setdefault("all", []).append(number)
    for scope, numbers in scopes.items():
        group = Group({number: backward.steps.steps[number] for number in numbers})
        read = set().union(*(backward.trace.reads[number] for number in numbers))
        for one, other in combinations(sorted(read - backward.trace.moving), 2):
            if backward.alike([one, other]) and {one, other} <= {*backward.steps.names}:
                what = _swapped(backward, one, other)
                words = (
                    Message("in every operation that uses the cotangent: {what}", what=what)
                    if scope == "all"
                    else Message("line {line}: {what}", line=scope, what=what)
                )
                makes = group.makes(partial(_given, instead={one: other, other: one}))
                yield Repair(makes, partial(_described, "operation", words))


def _described(kind: str, words: Message) -> Described:
    return kind, words


def _swapped(backward: ManualBackward, one: int, other: int) -> Message:
    return Message(
        "`{a}` and `{b}` are swapped", a=backward.describe(one), b=backward.describe(other)
    )
