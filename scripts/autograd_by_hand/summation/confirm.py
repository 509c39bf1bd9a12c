"""Reveal the order of a kernel's sums, and check it against the kernel's own bits."""

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
AT_LEAST = 16  # elements to compare; several outputs are compared if one has fewer
EXAMPLES = {"random": False, "amplified": True}  # by kind of data: whether products cancel


@dataclass(frozen=True)
class Proof:
    """The orders of a kernel, or why there are none.

    orders: None if no order was found
    refused: the reason why not, a sentence without its full stop, or None
    compared: by kind of data. On "random" data the final rounding to a half format hides the
        order; on "amplified" data the products cancel, so that the result consists of the
        accumulator's rounding errors alone
    """

    orders: Orders | None
    refused: str | None
    compared: dict[str, ComparedCounts] = field(default_factory=dict)


def prove(adder: Adder, what: str) -> Proof:
    """Reveal how `adder` adds, and check the order against the kernel on data not used to probe it.

    If some positions do not match the kernel's bits, their order is revealed again, separately.

    what: the name of the sum in progress messages
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
    """Reveal the orders, on other data if that fails: short sums can hide that positions differ."""
    try:
        return reveal(adder, what)
    except NoOrder:
        return reveal(adder, what, seed=1)


def _compare(adder: Adder, orders: Orders) -> tuple[dict[str, ComparedCounts], NDArray[np.bool_]]:
    """Compare the replay with the kernel, and return at which positions their bits differ."""
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
