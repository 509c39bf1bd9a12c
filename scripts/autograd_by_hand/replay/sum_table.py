"""Describe each sum of autograd's program: what it computes, and how torch and numpy add it."""

from typing import NotRequired, TypedDict

import numpy as np

from autograd_by_hand.core.messages import Message
from autograd_by_hand.replay.interpreter import BIASED
from autograd_by_hand.replay.program import Operations, names_of_sums
from autograd_by_hand.summation.describe import described
from autograd_by_hand.summation.orders_file import KernelOrders, RevealedSum, orders_of
from autograd_by_hand.summation.tree import Order, fuses_throughout


class SumOrder(TypedDict):
    """How a kernel adds at most positions of its result; without an order, `refused` is all.

    refused: why it has no order, or None
    words, fused: the order and its fused products, in words
    others: how many other orders there are, at how many `positions` out of `all`
    """

    refused: str | None
    words: NotRequired[str]
    fused: NotRequired[str | None]
    order: NotRequired[Order]
    summands: NotRequired[int]
    others: NotRequired[int]
    positions: NotRequired[int]
    all: NotRequired[int]


class SumRow(TypedDict):
    """A sum: the name of its result, and how torch and numpy add it.

    numpy: None if the author's backward has no such sum
    """

    name: str
    operation: str
    torch: SumOrder
    numpy: SumOrder | None


def described_sums(operations: Operations, revealed: list[RevealedSum]) -> list[SumRow]:
    """Return one row per sum of autograd's program, in the program's order.

    operations, revealed: as observe_operations and reveal_orders write them
    """
    by_hand = dict(reversed(names_of_sums(operations["hand"])))
    rows: list[SumRow] = []
    for name, number in names_of_sums(operations["autograd"]):
        entry = revealed[number]
        other = entry["numpy"] or revealed[by_hand.get(name, number)]["numpy"]
        rows.append(
            {
                "name": name,
                "operation": entry["op"].split(".")[1],
                "torch": _order_in_words(entry["torch"], entry["op"]),
                "numpy": None if other is None else _order_in_words(other, entry["op"]),
            }
        )
    return rows


def _order_in_words(revealed: KernelOrders, op: str) -> SumOrder:
    orders = orders_of(revealed)
    if orders is None:
        return {"refused": revealed["refused"]}
    counts = np.array([(orders.which == one).sum() for one in range(len(orders.orders))])
    commonest = int(counts.argmax())
    order = orders.orders[commonest]
    biased = op in BIASED
    return {
        "refused": None,
        "words": described(order.tree, biased),
        "fused": _fused(order, op),
        "order": order,
        "summands": len(order.fused),
        "others": len(orders.orders) - 1,
        "positions": int(counts.sum() - counts[commonest]),
        "all": int(counts.sum()),
    }


def _fused(order: Order, op: str) -> str | None:
    """Describe which products are fused into additions; None if the sum has no products."""
    if op.split(".")[1] in ("sum", "mean"):
        return None
    terms = len(order.fused) - (op in BIASED)
    if not order.fused.any():
        return Message("none")
    if fuses_throughout(order, terms):
        return Message("all")
    return Message("{count} of {all}", count=int(order.fused.sum()), all=terms)
