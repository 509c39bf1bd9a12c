"""Repairs that replace a number: an index, a bound, a padding, a constant or a factor."""

from collections.abc import Callable, Iterator
from functools import partial
from math import log10
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import Group, Makes, Operand
from autograd_by_hand.diagnosis.backward_sites import ManualBackward, has_fractions
from autograd_by_hand.diagnosis.factor_names import is_named
from autograd_by_hand.diagnosis.forward_edits import with_argument
from autograd_by_hand.diagnosis.repair import Repair, Repairs, repair, with_any
from autograd_by_hand.diagnosis.steps import Step
from autograd_by_hand.diagnosis.value_relations import Described, shapes_of

aten = torch.ops.aten


def places(backward: ManualBackward) -> Repairs:
    """Replace an index, a bound, a step, a padding or a threshold."""
    numbers = _numbers(backward)
    for group in backward.groups:
        step = group.first
        if step.name == "slice":
            yield from _slices(backward, group)
        elif step.name == "select":
            yield from _selections(backward, group)
        elif step.name == "constant_pad_nd":
            for by in (1, -1, 2, -2, 3, -3):
                words = Message("the padding is on the wrong side")
                make = partial(_padding_moved, by=by)
                yield repair(backward, group, "shifted", words, make)
        elif step.name in {*THRESHOLDS, *ARITHMETIC}:
            for place, arg in enumerate(step.args):
                for number in numbers if type(arg) in (int, float) else ():
                    yield _with_number(backward, group, place, number)
        for place, arg in backward.used(group):
            value = backward.value(arg.place)
            if not has_fractions(value) and value.dtype != torch.bool:
                for by in (1, -1):
                    words = Message("`{a}` is off by one", a=backward.describe(arg.place))
                    yield repair(
                        backward, group, "shifted", words, partial(_off, place=place, by=by)
                    )


def _numbers(backward: ManualBackward) -> list[float]:
    """The numbers that occur in the code, and a few simple ones."""
    found = [0.0, 1.0, -1.0, 0.5]
    reals = [one for one in backward.steps.values if one.dim() == 0 and one.is_floating_point()]
    found += map(float, reals)
    for step in backward.steps.steps:
        if step.name in {*THRESHOLDS, *ARITHMETIC}:
            found += [float(arg) for arg in step.args if type(arg) in (int, float)]
    return [*dict.fromkeys(found)]


def _slices(backward: ManualBackward, group: Group) -> Repairs:
    for by in (1, -1, 2, -2, 3, -3, 4, -4):
        words = (
            Message("the slice begins {count} too early", count=by)
            if by > 0
            else Message("the slice begins {count} too late", count=-by)
        )
        yield repair(backward, group, "shifted", words, partial(_sliced, by=by))
    for stride in (1, 2, 3, 4):
        words = Message("the step of the slice is not {stride}", stride=stride)
        yield repair(backward, group, "operation", words, partial(_sliced, stride=stride))


def _sliced(step: Step, values: list[Any], by: int = 0, stride: int | None = None) -> Tensor:
    """A slice of the same length, but with another start or step."""
    (target, dim), bounds = (*step.args, 0)[:2], (*step.args[2:], None, None, None)[:3]
    value = values[target.place]
    own = range(*slice(*bounds).indices(value.shape[dim]))
    start, stride = own.start + by, stride or own.step
    stop = start + (len(own) - 1) * stride + 1
    if start < 0 or stop > value.shape[dim]:
        raise IndexError("it is past the end")
    made: Tensor = aten.slice.Tensor(value, dim, start, stop, stride)
    return made


def _selections(backward: ManualBackward, group: Group) -> Repairs:
    for by in (1, -1, 2, -2):
        words = (
            Message("the index is off by one")
            if abs(by) == 1
            else Message("the index is off by two")
        )
        yield repair(backward, group, "shifted", words, partial(_selected, by=by))
    if len(group.steps) > 1:
        backwards = [step.args[2] for step in group.steps.values()][::-1]
        makes = group.each([partial(with_any, place=2, arg=index) for index in backwards])
        words = Message("the iterations of the loop are in reverse order")
        yield Repair(makes, lambda: ("transposed", backward.at(group, words)))


def _selected(step: Step, values: list[Any], by: int) -> Any:
    size = values[step.args[0].place].shape[step.args[1]]
    return with_any(step, values, 2, (step.args[2] + by) % size)


def _padding_moved(step: Step, values: list[Any], by: int) -> Any:
    pads = [pad - by if place % 2 else pad + by for place, pad in enumerate(step.args[1])]
    if min(pads) < 0:
        raise ValueError("there is no such padding")
    return with_any(step, values, 1, pads)


def _off(step: Step, values: list[Any], place: int, by: int) -> Any:
    return with_argument(step, values, place, values[step.args[place].place] + by)


THRESHOLDS = {"gt", "lt", "ge", "le", "clamp", "clamp_min", "clamp_max", "threshold"}


# numbers that are fitted


def fitted(backward: ManualBackward) -> Iterator[tuple[float, Callable[[float], Repair]]]:
    """Constants that may be wrong: the start of the fit, and the repair for a given value."""
    for group in backward.groups:
        if group.first.name in ARITHMETIC:
            for place, arg in enumerate(group.first.args):
                if type(arg) in (int, float):
                    yield float(arg), partial(_with_number, backward, group, place)
    for one in backward.operands:
        yield 1.0, partial(_scaled, backward, one)


def _with_number(backward: ManualBackward, group: Group, place: int, value: float) -> Repair:
    arg = float(group.first.args[place])
    words = Message(
        "the constant is {value} instead of {other}", value=f"{arg:.7g}", other=f"{value:.7g}"
    )
    makes = group.makes(partial(with_argument, place=place, value=value))

    def describe() -> Described:
        scales = group.first.name in ("mul", "div") and arg and value
        forgotten = scales and _is_count(backward, arg, value)
        return "factor" if forgotten else "constant", backward.at(group, words)

    return Repair(makes, describe)


def _is_count(backward: ManualBackward, arg: float, value: float) -> bool:
    """Whether a number lacks a count as a factor; a fraction off by a power of ten is a typo."""
    ratio, counts = arg / value, all(one > 1 and one.is_integer() for one in (arg, value))
    power = log10(abs(ratio))
    if not counts and abs(power - round(power)) < 1e-9:
        return False
    whole = any(abs(one - round(one)) < 1e-9 and 2 <= one < 10 for one in (ratio, 1 / ratio))
    return whole or is_named(ratio, shapes_of(backward))


def _scaled(backward: ManualBackward, one: Operand, value: float) -> Repair:
    def makes(number: float) -> Makes:
        return one.makes(lambda _, tensor, __: tensor * number)

    def describe() -> Described:
        kind = "factor" if _is_linear(backward, makes) else "constant"
        words = Message(
            "`{a}` must be multiplied by {factor}", a=one.description, factor=f"{value:.7g}"
        )
        return kind, backward.at(one.group, words)

    return Repair(makes(value), describe)


def _is_linear(backward: ManualBackward, makes: Callable[[float], Makes]) -> bool:
    """Whether the gradients change in proportion to a number."""
    three = [backward.trace.again(makes(number)) for number in (1.0, 2.0, 3.0)]
    if any(one is None for one in three):
        return False
    first, second, third = (torch.cat([g.flatten() for g in one.values()]) for one in three if one)
    bent = float((third - 2 * second + first).norm())
    return bent <= 1e-9 * float((second - first).norm())


ARITHMETIC = {"add", "sub", "rsub", "mul", "div", "pow", "clamp", "where", "full", "leaky_relu"}
