"""Repairs in which a factor or a term is added, or a value is another function or layout of it."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.diagnosis.backward_groups import Group, Operand
from autograd_by_hand.diagnosis.backward_sites import Hand
from autograd_by_hand.diagnosis.layouts import fits
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

Formula = Callable[[Tensor], Tensor]


def factors(hand: Hand) -> Repairs:
    """A factor that is left out, or is there once too often."""
    yield from _formulas(hand, "missing", FACTORS, torch.mul)


def terms(hand: Hand) -> Repairs:
    """A term that is left out."""
    yield from _formulas(hand, "missing", TERMS, torch.add)


def formulas(hand: Hand) -> Repairs:
    """Another formula where a value is used."""
    yield from _formulas(hand, "operation", FORMULAS, lambda _, other: other)


def _formulas(
    hand: Hand,
    kind: str,
    formulas: dict[str, Formula],
    combine: Callable[[Tensor, Tensor], Tensor],
) -> Repairs:
    """A formula of another value combined with an operand, or of those of a loop's turns."""
    known = {
        (place, words): formula
        for place in range(hand.taken.own)
        if hand.value(place).is_floating_point()
        for words, formula in formulas.items()
        if _varies(formula(hand.value(place)))
    }
    for one in hand.operands:
        below = hand.below(one.group)
        others, turned = list[tuple[Other, Tell]](), list[tuple[Other, Tell]]()
        for (place, words), formula in known.items():
            value = hand.value(place)
            # A function of the operand itself is tried by `functions`.
            if place not in hand.chosen or place in below or value is one.value:
                continue
            if fits(value.shape, one.shape if combine is not torch.add else one.value.shape):
                other = partial(_formula_of, place=place, formula=formula, shape=one.shape)
                others.append((other, partial(_told_of_operand, hand, one, kind, words, place)))
        for order in hand.orders(one.group) if one.turns else ():
            for words, formula in formulas.items():
                if (order[0], words) in known and fits(hand.value(order[0]).shape, one.shape):
                    each = partial(_formula_of_each, places=order, formula=formula, shape=one.shape)
                    tell = partial(_told_of_operand, hand, one, kind, words, order[0])
                    turned.append((each, tell))
        yield Sweep(one, combine, others)
        yield Sweep(one, combine, turned, turned=True)


def _formula_of(values: list[Any], place: int, formula: Formula, shape: torch.Size) -> Tensor:
    return formula(values[place]).expand(shape)


def _formula_of_each(
    values: list[Any], places: tuple[int, ...], formula: Formula, shape: torch.Size
) -> Tensor:
    return torch.stack([_formula_of(values, place, formula, shape) for place in places])


def _told_of_operand(hand: Hand, one: Operand, kind: str, words: str, place: int) -> Told:
    words = words.replace("z", hand.told(place))
    return kind, f"{hand.where(one.group)}: `{one.told}` {words}"


def _varies(value: Tensor) -> bool:
    """Whether a value is all numbers, and not one number many times."""
    if value.numel() == 0 or not value.isfinite().all():
        return False
    return value.numel() == 1 or bool((value != value.flatten()[0]).any())


def functions(hand: Hand) -> Repairs:
    """A function of a value where the value itself is used."""
    for one in hand.operands:
        for words, formula in FUNCTIONS.items():
            told = f"stands in the place of `{words.replace('z', one.told)}`"
            kind = "factor" if words == "-z" else "operation"
            yield altered_operand(hand, one, kind, told, partial(_function, formula=formula))


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
            shape, size = hand.value(step.made.place).shape, hand.value(arg.place).shape
            if size != shape or not fits(hand.value(factor).shape, shape):
                continue
            for one in hand.operands:
                if group.number in one.group.steps or not fits(hand.value(factor).shape, one.shape):
                    continue
                makes = one.makes(partial(_times, factor=factor))
                makes |= group.makes(partial(as_it_is, place=place, shape=shape))
                words = f"`{hand.told(factor)}` is multiplied in here, and not with `{one.told}`"
                yield Repair(makes, partial(_told_of_moved, hand, group, words))


def _times(values: list[Any], value: Tensor, _: int, factor: int) -> Tensor:
    made: Tensor = value * values[factor]
    return made


def _told_of_moved(hand: Hand, group: Group, words: str) -> Told:
    return "operation", f"{hand.where(group)}: {words}"


FACTORS: dict[str, Formula] = {
    "is not multiplied by `z`": lambda z: z,
    "is not divided by `z`, or is multiplied by it once too often": lambda z: 1 / z,
    "is not multiplied by `1 - z**2`": lambda z: 1 - z * z,
    "is not multiplied by `z * (1 - z)`": lambda z: z * (1 - z),
    "is not multiplied by `1 - z`": lambda z: 1 - z,
    "is not divided by the square of `z`": lambda z: 1 / (z * z),
    "is not multiplied by the sign of `z`": torch.sign,
    "is not multiplied by `(z > 0)`": lambda z: (z > 0).to(z.dtype),
}
FORMULAS: dict[str, Formula] = {
    "stands in the place of `1 - z**2`": lambda z: 1 - z * z,
    "stands in the place of `z * (1 - z)`": lambda z: z * (1 - z),
    "stands in the place of `1 - z`": lambda z: 1 - z,
    "stands in the place of `z**2`": lambda z: z * z,
    "stands in the place of `sign(z)`": torch.sign,
    "stands in the place of `(z > 0)`": lambda z: (z > 0).to(z.dtype),
}
TERMS: dict[str, Formula] = {
    "lacks the term `z`": lambda z: z,
    "lacks the term `-z`": lambda z: -z,
}
FUNCTIONS: dict[str, Formula] = {
    "-z": lambda z: -z,
    "1 - z": lambda z: 1 - z,
    "1 + z": lambda z: 1 + z,
    "1 / z": lambda z: 1 / z,
    "z**2": lambda z: z * z,
    "sqrt(z)": torch.sqrt,
    "exp(z)": torch.exp,
    "log(z)": torch.log,
    "abs(z)": torch.abs,
    "sign(z)": torch.sign,
    "sigmoid(z)": torch.sigmoid,
    "tanh(z)": torch.tanh,
    "relu(z)": torch.relu,
    "softmax(z)": lambda z: z.softmax(-1),
}


# layouts


def layouts(hand: Hand) -> Repairs:
    """A value that is transposed, reversed or read a place too far."""
    for one in hand.operands:
        for kind, words, alter in _laid_out(one.value.shape):
            yield altered_operand(hand, one, kind, words, partial(_function, formula=alter))


def _laid_out(shape: torch.Size) -> Iterator[tuple[str, str, Formula]]:
    for axis, size in enumerate(shape):
        if size > 1:
            for by in (1, -1):
                rolled = partial(torch.roll, shifts=by, dims=axis)
                yield "shifted", f"is read one place off along axis {axis}", rolled
            yield "transposed", f"is reversed along axis {axis}", partial(torch.flip, dims=[axis])
    for first, second in combinations(range(len(shape)), 2):
        if shape[first] > 1 < shape[second]:
            words = f"has its axes {first} and {second} swapped"
            yield "transposed", words, partial(_swapped, first=first, second=second)
            if shape[first] != shape[second]:
                yield "transposed", words, partial(_swapped_back, first=first, second=second)
            reversed_ = partial(torch.flip, dims=[first, second])
            yield "transposed", f"is reversed along axes {first} and {second}", reversed_


def _swapped(value: Tensor, first: int, second: int) -> Tensor:
    return value.transpose(first, second).reshape(value.shape)


def _swapped_back(value: Tensor, first: int, second: int) -> Tensor:
    shape = list(value.shape)
    shape[first], shape[second] = shape[second], shape[first]
    return value.reshape(shape).transpose(first, second)
