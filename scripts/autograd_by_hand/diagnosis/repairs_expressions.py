"""Repairs that add a factor or a term, or replace a value by a function or layout of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import Group, Operand
from autograd_by_hand.diagnosis.backward_sites import ManualBackward
from autograd_by_hand.diagnosis.formulas import FORMULAS, Formula, written
from autograd_by_hand.diagnosis.layouts import (
    Layout,
    fits,
    misread,
    pairs_of_axes,
    reversed_along_both,
    swapped,
    swapped_back,
)
from autograd_by_hand.diagnosis.repair import (
    Describe,
    Other,
    Repair,
    Repairs,
    Sweep,
    altered_operand,
    as_it_is,
)
from autograd_by_hand.diagnosis.value_relations import Described


@dataclass(frozen=True)
class Phrase:
    """The words for a repair that combines an operand with a formula of another value.

    words: the message, from the operand `a` and the formula `b`
    named: the formula in the message
    formula: the formula that the repair applies
    """

    words: Callable[..., Message]
    named: str
    formula: str


def factors(backward: ManualBackward) -> Repairs:
    """Supply a missing factor, or remove one that is there once too often."""
    yield from _formulas(backward, "missing", FACTORS, torch.mul)


def terms(backward: ManualBackward) -> Repairs:
    """Supply a missing term."""
    yield from _formulas(backward, "missing", TERMS, torch.add)


def _formulas(
    backward: ManualBackward,
    kind: str,
    phrases: Sequence[Phrase],
    combine: Callable[[Tensor, Tensor], Tensor],
) -> Repairs:
    """Combine an operand with a formula of another value, or of one value per iteration."""
    known = [
        (place, phrase)
        for place in range(backward.trace.own)
        if backward.value(place).is_floating_point()
        for phrase in phrases
        if _varies(FORMULAS[phrase.formula](backward.value(place)))
    ]
    for one in backward.operands:
        below = backward.below(one.group)
        others, per_iteration = list[tuple[Other, Describe]](), list[tuple[Other, Describe]]()
        for place, phrase in known:
            value = backward.value(place)
            # A function of the operand itself is tried by `functions`.
            if place not in backward.chosen or place in below or value is one.value:
                continue
            if fits(value.shape, one.shape if combine is not torch.add else one.value.shape):
                formula = FORMULAS[phrase.formula]
                other = partial(_formula_of, place=place, formula=formula, shape=one.shape)
                others.append(
                    (other, partial(_describe_operand, backward, one, kind, phrase, place))
                )
        for order in backward.orders(one.group) if one.iterations else ():
            for phrase in phrases:
                if (order[0], phrase) in known and fits(backward.value(order[0]).shape, one.shape):
                    formula = FORMULAS[phrase.formula]
                    each = partial(_formula_of_each, places=order, formula=formula, shape=one.shape)
                    describe = partial(_describe_operand, backward, one, kind, phrase, order[0])
                    per_iteration.append((each, describe))
        yield Sweep(one, combine, others)
        yield Sweep(one, combine, per_iteration, per_iteration=True)


def _formula_of(values: list[Any], place: int, formula: Formula, shape: torch.Size) -> Tensor:
    return formula(values[place]).expand(shape)


def _formula_of_each(
    values: list[Any], places: tuple[int, ...], formula: Formula, shape: torch.Size
) -> Tensor:
    return torch.stack([_formula_of(values, place, formula, shape) for place in places])


def _describe_operand(
    backward: ManualBackward, one: Operand, kind: str, phrase: Phrase, place: int
) -> Described:
    b = written(phrase.named, backward.describe(place))
    return kind, backward.at(one.group, phrase.words(a=one.description, b=b))


def _varies(value: Tensor) -> bool:
    """Whether a value is finite and not constant."""
    if value.numel() == 0 or not value.isfinite().all():
        return False
    return value.numel() == 1 or bool((value != value.flatten()[0]).any())


def functions(backward: ManualBackward) -> Repairs:
    """Replace a value by a function of it."""
    for one in backward.operands:
        for name in COMPLEX_FUNCTIONS if one.value.is_complex() else FUNCTIONS:
            description = Message(
                "`{a}` is used instead of `{b}`",
                a=one.description,
                b=written(name, one.description),
            )
            kind = "factor" if name == "-z" else "operation"
            alter = partial(_function, formula=FORMULAS[name])
            yield altered_operand(backward, one, kind, description, alter)


def _function(_: list[Any], value: Tensor, __: int, formula: Formula) -> Tensor:
    return formula(value)


def moved(backward: ManualBackward) -> Repairs:
    """Multiply a factor in at another place."""
    for group in backward.groups:
        step = group.first
        if step.name != "mul" or len(group.steps) > 1 or len(step.refs()) < 2:
            continue
        for place, arg in backward.used(group):
            factor = step.args[1 - place].place
            shape, size = backward.value(step.place).shape, backward.value(arg.place).shape
            if size != shape or not fits(backward.value(factor).shape, shape):
                continue
            for one in backward.operands:
                if group.number in one.group.steps or not fits(
                    backward.value(factor).shape, one.shape
                ):
                    continue
                makes = one.makes(partial(_times, factor=factor))
                makes |= group.makes(partial(as_it_is, place=place, shape=shape))
                words = Message(
                    "`{a}` is multiplied in here instead of at `{b}`",
                    a=backward.describe(factor),
                    b=one.description,
                )
                yield Repair(makes, partial(_describe_moved, backward, group, words))


def _times(values: list[Any], value: Tensor, _: int, factor: int) -> Tensor:
    made: Tensor = value * values[factor]
    return made


def _describe_moved(backward: ManualBackward, group: Group, words: Message) -> Described:
    return "operation", backward.at(group, words)


NOT_MULTIPLIED = partial(Message, "`{a}` is not multiplied by `{b}`")
NOT_DIVIDED = partial(
    Message, "`{a}` is not divided by `{b}`, or is multiplied by it once too often"
)
NOT_DIVIDED_BY_SQUARE = partial(Message, "`{a}` is not divided by the square of `{b}`")
NOT_MULTIPLIED_BY_SIGN = partial(Message, "`{a}` is not multiplied by the sign of `{b}`")
LACKS_TERM = partial(Message, "`{a}` lacks the term `{b}`")
FACTORS = (
    Phrase(NOT_MULTIPLIED, "z", "z"),
    Phrase(NOT_DIVIDED, "z", "1 / z"),
    Phrase(NOT_MULTIPLIED, "1 - z**2", "1 - z**2"),
    Phrase(NOT_MULTIPLIED, "z * (1 - z)", "z * (1 - z)"),
    Phrase(NOT_MULTIPLIED, "1 - z", "1 - z"),
    Phrase(NOT_DIVIDED_BY_SQUARE, "z", "1 / (z * z)"),
    Phrase(NOT_MULTIPLIED_BY_SIGN, "z", "sign(z)"),
    Phrase(NOT_MULTIPLIED, "(z > 0)", "(z > 0)"),
)
TERMS = (Phrase(LACKS_TERM, "z", "z"), Phrase(LACKS_TERM, "-z", "-z"))
COMPLEX_FUNCTIONS = ("conj(z)", "-z", "1 / z", "z**2")
FUNCTIONS = (
    "-z",
    "1 - z",
    "1 + z",
    "1 / z",
    "z**2",
    "sqrt(z)",
    "exp(z)",
    "log(z)",
    "abs(z)",
    "sign(z)",
    "sigmoid(z)",
    "tanh(z)",
    "relu(z)",
    "softmax(z)",
)


# layouts


def layouts(backward: ManualBackward) -> Repairs:
    """Undo a transposition, a reversal or a shift of a value."""
    for one in backward.operands:
        for layout in _layouts(one.value.shape):
            words = Message("`{a}` {what}", a=one.description, what=layout.words)
            alter = partial(_function, formula=layout.of)
            yield altered_operand(backward, one, layout.kind, words, alter)


def _layouts(shape: torch.Size) -> Iterator[Layout]:
    for axis, size in enumerate(shape):
        if size > 1:
            yield from misread(axis)
    for first, second in pairs_of_axes(shape):
        yield swapped(first, second, len(shape))
        if shape[first] != shape[second]:
            yield swapped_back(first, second, len(shape))
        yield reversed_along_both(first, second)
