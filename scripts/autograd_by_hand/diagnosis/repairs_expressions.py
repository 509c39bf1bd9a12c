"""Repairs in which a factor or a term is added, or a value is another function or layout of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import Group, Operand
from autograd_by_hand.diagnosis.backward_sites import Hand
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
    Other,
    Repair,
    Repairs,
    Sweep,
    Tell,
    altered_operand,
    as_it_is,
)
from autograd_by_hand.diagnosis.value_relations import Told


@dataclass(frozen=True)
class Phrase:
    """What is said where a formula of another value sets an operand right.

    words: of the operand, `a`, and of what is named, `b`
    named: the formula that is named
    formula: the one that is tried
    """

    words: Callable[..., Message]
    named: str
    formula: str


def factors(hand: Hand) -> Repairs:
    """A factor that is left out, or is there once too often."""
    yield from _formulas(hand, "missing", FACTORS, torch.mul)


def terms(hand: Hand) -> Repairs:
    """A term that is left out."""
    yield from _formulas(hand, "missing", TERMS, torch.add)


def _formulas(
    hand: Hand,
    kind: str,
    phrases: Sequence[Phrase],
    combine: Callable[[Tensor, Tensor], Tensor],
) -> Repairs:
    """A formula of another value combined with an operand, or of those of a loop's turns."""
    known = [
        (place, phrase)
        for place in range(hand.taken.own)
        if hand.value(place).is_floating_point()
        for phrase in phrases
        if _varies(FORMULAS[phrase.formula](hand.value(place)))
    ]
    for one in hand.operands:
        below = hand.below(one.group)
        others, turned = list[tuple[Other, Tell]](), list[tuple[Other, Tell]]()
        for place, phrase in known:
            value = hand.value(place)
            # A function of the operand itself is tried by `functions`.
            if place not in hand.chosen or place in below or value is one.value:
                continue
            if fits(value.shape, one.shape if combine is not torch.add else one.value.shape):
                formula = FORMULAS[phrase.formula]
                other = partial(_formula_of, place=place, formula=formula, shape=one.shape)
                others.append((other, partial(_told_of_operand, hand, one, kind, phrase, place)))
        for order in hand.orders(one.group) if one.turns else ():
            for phrase in phrases:
                if (order[0], phrase) in known and fits(hand.value(order[0]).shape, one.shape):
                    formula = FORMULAS[phrase.formula]
                    each = partial(_formula_of_each, places=order, formula=formula, shape=one.shape)
                    tell = partial(_told_of_operand, hand, one, kind, phrase, order[0])
                    turned.append((each, tell))
        yield Sweep(one, combine, others)
        yield Sweep(one, combine, turned, turned=True)


def _formula_of(values: list[Any], place: int, formula: Formula, shape: torch.Size) -> Tensor:
    return formula(values[place]).expand(shape)


def _formula_of_each(
    values: list[Any], places: tuple[int, ...], formula: Formula, shape: torch.Size
) -> Tensor:
    return torch.stack([_formula_of(values, place, formula, shape) for place in places])


def _told_of_operand(hand: Hand, one: Operand, kind: str, phrase: Phrase, place: int) -> Told:
    b = written(phrase.named, hand.told(place))
    return kind, hand.at(one.group, phrase.words(a=one.told, b=b))


def _varies(value: Tensor) -> bool:
    """Whether a value is all numbers, and not one number many times."""
    if value.numel() == 0 or not value.isfinite().all():
        return False
    return value.numel() == 1 or bool((value != value.flatten()[0]).any())


def functions(hand: Hand) -> Repairs:
    """A function of a value where the value itself is used."""
    for one in hand.operands:
        for name in FUNCTIONS:
            told = Message("`{a}` is used instead of `{b}`", a=one.told, b=written(name, one.told))
            kind = "factor" if name == "-z" else "operation"
            alter = partial(_function, formula=FORMULAS[name])
            yield altered_operand(hand, one, kind, told, alter)


def _function(_: list[Any], value: Tensor, __: int, formula: Formula) -> Tensor:
    return formula(value)


def moved(hand: Hand) -> Repairs:
    """A factor that is multiplied in at the wrong place."""
    for group in hand.groups:
        step = group.first
        if step.name != "mul" or len(group.steps) > 1 or len(step.refs()) < 2:
            continue
        for place, arg in hand.used(group):
            factor = step.args[1 - place].place
            shape, size = hand.value(step.place).shape, hand.value(arg.place).shape
            if size != shape or not fits(hand.value(factor).shape, shape):
                continue
            for one in hand.operands:
                if group.number in one.group.steps or not fits(hand.value(factor).shape, one.shape):
                    continue
                makes = one.makes(partial(_times, factor=factor))
                makes |= group.makes(partial(as_it_is, place=place, shape=shape))
                words = Message(
                    "`{a}` is multiplied in here instead of at `{b}`",
                    a=hand.told(factor),
                    b=one.told,
                )
                yield Repair(makes, partial(_told_of_moved, hand, group, words))


def _times(values: list[Any], value: Tensor, _: int, factor: int) -> Tensor:
    made: Tensor = value * values[factor]
    return made


def _told_of_moved(hand: Hand, group: Group, words: Message) -> Told:
    return "operation", hand.at(group, words)


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


def layouts(hand: Hand) -> Repairs:
    """A value that is transposed, reversed or read a place too far."""
    for one in hand.operands:
        for layout in _layouts(one.value.shape):
            words = Message("`{a}` {what}", a=one.told, what=layout.words)
            alter = partial(_function, formula=layout.of)
            yield altered_operand(hand, one, layout.kind, words, alter)


def _layouts(shape: torch.Size) -> Iterator[Layout]:
    for axis, size in enumerate(shape):
        if size > 1:
            yield from misread(axis)
    for first, second in pairs_of_axes(shape):
        yield swapped(first, second, len(shape))
        if shape[first] != shape[second]:
            yield swapped_back(first, second, len(shape))
        yield reversed_along_both(first, second)
