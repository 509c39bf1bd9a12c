"""Probe what the tree does not determine: fused products, the initial value, the precision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.floats.rounding import accumulator
from autograd_by_hand.summation.adder import NoOrder
from autograd_by_hand.summation.slots import Slots
from autograd_by_hand.summation.tree import ADD, Order, Tree, joined_alone

Array = NDArray[Any]


def with_roundings(slots: Slots, tree: Tree) -> Order:
    """Probe for fused products, the initial value and the precision, and return the whole order.

    Raises
        NoOrder: if the accumulator is wider or narrower than expected, or operands are rounded.
    """
    adder = slots.adder
    from_zero = _starts_from_zero(slots, tree)
    fused = np.zeros(slots.summands, bool)
    if adder.multiplies and precision(adder.format) * 2 > precision(accumulator(adder.format)):
        tree, fused = _fused(slots, tree)
    return Order(tree, fused, from_zero)


def _fused(slots: Slots, tree: Tree) -> tuple[Tree, NDArray[np.bool_]]:
    """Return which products are fused, and the tree, with a fused product second among siblings.

    The probe adds (1 + e)^2 as a product to the negative of its rounded value. The last bit of the
    square is lost if the product is rounded, and remains if it is fused.
    """
    bits = precision(slots.adder.format)
    factor = 1 + 2.0 ** -(bits // 2 + 1)
    square = factor * factor if bits == 53 else float(np.float32(factor * factor))
    bias = slots.adder.terms if slots.adder.bias else -1
    probes = [
        (at, other, one, both) if one == bias else (at, one, other, both)
        for at, one, other, both in joined_alone(tree)
        if one != bias or both
    ]
    fused, tree = np.zeros(slots.summands, bool), tree.copy()
    batch = max(slots.count, 64)
    for start in range(0, len(probes), batch):
        part = probes[start : start + batch]
        leaves, others = (np.array([probe[side] for probe in part]) for side in (1, 2))
        values = np.zeros((len(part), slots.summands), accumulator(slots.adder.format))
        rows = np.arange(len(part))
        values[rows, leaves] = factor
        values[rows, others] = np.where(others == bias, -square, -factor)
        for (at, one, other, both), result in zip(part, slots.add(values, factor), strict=True):
            if result > 0:
                fused[one] = True
                if both:
                    tree[at - 2 : at] = other, one
            elif result < 0 and both:
                fused[other] = True
                tree[at - 2 : at] = one, other
    return tree, fused


def _starts_from_zero(slots: Slots, tree: Tree) -> bool:
    """Return whether a sum of -0 is +0, and check that additions round as expected, operands not.

    Raises
        NoOrder: if the accumulator is wider or narrower than expected, or operands are rounded.
    """
    adder = slots.adder
    bits, expected = precision(adder.format), precision(accumulator(adder.format))
    values = np.full((4, slots.summands), -0.0, accumulator(adder.format))
    last_bit = 1 + 2.0 ** (1 - bits)
    values[1, 0] = last_bit
    if slots.summands >= 3:
        leaves, top = _first_three(tree), 15 if adder.format == "float16" else 60
        for case, short in ((2, expected - 1), (3, expected)):
            # the small number is the accumulator's last bit, or half of it, which ties to even
            values[case, leaves] = 2.0**top, 2.0 ** (top - short), -(2.0**top)
    zero, kept, last, half = slots.add(values)
    if precision(adder.result) >= bits and kept != last_bit:
        raise NoOrder(
            Message("it rounds its operands to fewer bits than {format} has", format=adder.format)
        )
    if slots.summands >= 3 and (half or not last):
        expectation = {"bits": expected, "accumulator": accumulator(adder.format)}
        raise NoOrder(
            Message("it adds in more than the {bits} bits of {accumulator}", **expectation)
            if half
            else Message("it adds in less than the {bits} bits of {accumulator}", **expectation)
        )
    return not np.signbit(zero)


def _first_three(tree: Tree) -> list[int]:
    """Return three summands, of which the first two are added before the third joins."""
    stack: list[list[int]] = []
    for step in tree.tolist():
        if step != ADD:
            stack.append([step])
            continue
        second, first = stack.pop(), stack.pop()
        met = [first[0], second[0]]
        if len(first) > 1:
            return [*first, second[0]]
        if len(second) > 1:
            return [*second, first[0]]
        stack.append(met)
    raise ValueError("a tree of fewer than three summands")
