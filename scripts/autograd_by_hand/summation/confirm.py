"""Reveal the order of a kernel's sums and hold it against the kernel's own bits."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.bits import same_bits
from autograd_by_hand.floats.rounding import accumulator, rounded
from autograd_by_hand.summation.add import product_in_order
from autograd_by_hand.summation.adder import Adder, NoOrder
from autograd_by_hand.summation.orders_file import ComparedCounts
from autograd_by_hand.summation.reveal import reveal
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]
AT_MOST = 20_000_000  # summands added in one comparison; a larger output is sampled
AT_LEAST = 16  # elements of an output, or more than one output is compared
EXAMPLES = {"random": False, "amplified": True}  # kinds of data; whether products cancel


@dataclass(frozen=True)
class Proof:
    """The orders of a kernel, or why there are none.

    orders: None where the kernel was refused
    refused: the reason, a sentence without its stop, or None
    compared: by kind of data. On "random" data the half formats hide an order behind the rounding
        of the result; on "amplified" data the products cancel, so that only the errors of the
        accumulator are left to be rounded
    """

    orders: Orders | None
    refused: str | None
    compared: dict[str, ComparedCounts] = field(default_factory=dict)


def prove(adder: Adder, what: str) -> Proof:
    """Reveal how `adder` adds, and compare it with the kernel on data that it was not probed with.

    Where some positions miss the kernel's bits they are revealed once more, apart from the others.

    what: names the sum in messages of progress
    """
    try:
        orders = _reveal(adder, what)
        compared, missed = _compare(adder, orders)
        if missed.any() and not missed.all():
            orders = reveal(adder, what, apart=missed)
            compared, missed = _compare(adder, orders)
    except NoOrder as reason:
        return Proof(None, reason.args[0])
    if missed.any():
        count = sum(one["elements"] - one["identical"] for one in compared.values())
        total = sum(one["elements"] for one in compared.values())
        return Proof(
            None,
            Message(
                "the order that was revealed misses {count} of {total} elements on other data, so "
                "it depends on the values or is not made of {accumulator} additions alone",
                count=count,
                total=total,
                accumulator=accumulator(adder.format),
            ),
            compared,
        )
    return Proof(orders, None, compared)


def _reveal(adder: Adder, what: str) -> Orders:
    """`reveal`, and again with other data: few summands may hide that positions add otherwise."""
    try:
        return reveal(adder, what)
    except NoOrder:
        return reveal(adder, what, seed=1)


def _compare(adder: Adder, orders: Orders) -> tuple[dict[str, ComparedCounts], NDArray[np.bool_]]:
    """The replay against the kernel; and at which positions it gives other bits."""
    generator = np.random.default_rng(1)
    batch, rows, columns = adder.shape
    missed = np.zeros(adder.shape, bool)
    compared: dict[str, ComparedCounts] = {}
    for kind, cancelling in EXAMPLES.items():
        room = max(1, AT_MOST // max(adder.terms, 1))
        some_columns = _sample(generator, columns, room)
        some_rows = _sample(generator, rows, max(1, room // len(some_columns)))
        each = np.ix_(np.arange(batch), some_rows, some_columns)
        examples = [
            adder.example(generator, cancelling) for _ in range(-(-AT_LEAST // missed.size))
        ]
        result, left, right = (
            np.stack(one, axis=-1) for one in zip(*(e[:3] for e in examples), strict=True)
        )
        biases = [e[3][each] for e in examples if e[3] is not None]
        with np.errstate(all="ignore"):
            replayed = product_in_order(
                replace(orders, which=orders.which[each]),
                left[:, some_rows],
                right[:, some_columns].swapaxes(1, 2),
                np.stack(biases, axis=-1) if biases else None,
            )
        differs = ~same_bits(rounded(replayed, adder.result), result[each])
        missed[each] |= differs.any(axis=-1)
        compared[kind] = {
            "elements": differs.size,
            "identical": int(differs.size - differs.sum()),
        }
    return compared, missed


def _sample(generator: np.random.Generator, count: int, most: int) -> Array:
    if count <= most:
        return np.arange(count)
    return np.sort(generator.choice(count, most, replace=False))
