"""The JSON file of an experiment's summation orders, each with a key of what it depends on."""

import hashlib
import json
from itertools import groupby
from typing import Any, NotRequired, TypedDict, final

import numpy as np

from autograd_by_hand.aten.arguments import Argument
from autograd_by_hand.summation.tree import (
    Order,
    Orders,
    everywhere,
    numbers_read,
    read,
    written,
    written_list,
)


@final
class WrittenLayout(TypedDict):
    """How a tensor lies in memory; see `kernels.Layout`."""

    shape: list[int]
    strides: list[int]
    dtype: str
    offset: int
    device: str


class SumCall(TypedDict):
    """A call of a sum: the operation, the layouts of its operands and its other arguments."""

    op: str
    args: list[WrittenLayout | Argument]
    kwargs: dict[str, Argument]


class WrittenOrder(TypedDict):
    """One order.

    tree: in the notation of `tree`
    fused: in the same notation, the summands whose products are fused, or null
    """

    tree: str
    fused: str | None
    from_zero: bool


class WrittenOrders(TypedDict):
    """The orders at all positions of a kernel's result.

    shape: (batch, rows, columns) of the positions
    which: the number of the order at each position, run-length encoded: [rows, line] for rows in
        succession with the same line, a line being [[columns, number], ...]; the rows of the
        first batch come first
    """

    shape: list[int]
    which: list[tuple[int, list[tuple[int, int]]]]
    orders: list[WrittenOrder]


class ComparedCounts(TypedDict):
    """How many elements were compared with the kernel's, and how many have the same bits."""

    elements: int
    identical: int


class KernelOrders(TypedDict):
    """What was revealed of one kernel.

    refused: why it has no order, or null
    compared: by kind of data
    shape, which, orders: as in `WrittenOrders`; absent if refused
    """

    refused: str | None
    compared: dict[str, ComparedCounts]
    shape: NotRequired[list[int]]
    which: NotRequired[list[tuple[int, list[tuple[int, int]]]]]
    orders: NotRequired[list[WrittenOrder]]


class RevealedSum(SumCall):
    """A sum with torch's orders and, if the author's backward contains it, numpy's."""

    key: str
    torch: KernelOrders
    numpy: KernelOrders | None


def key_of(described: SumCall, depends_on: Any) -> str:
    """Return the key of an order: a hash of everything that it depends on.

    depends_on: versions, processor, threads and settings
    """
    text = json.dumps([described, depends_on], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def orders_of(entry: KernelOrders | None) -> Orders | None:
    """Return the orders of one kernel, None if it has none."""
    if entry is None or entry["refused"]:
        return None
    return orders_read(
        {"shape": entry["shape"], "which": entry["which"], "orders": entry["orders"]}
    )


def orders_written(orders: Orders) -> WrittenOrders:
    """Return orders in JSON's types."""
    rows = orders.which.reshape(-1, orders.which.shape[-1])
    changes = (np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1).tolist()
    return {
        "shape": list(orders.which.shape),
        "which": [
            (end - start, [(len(list(same)), one) for one, same in groupby(rows[start].tolist())])
            for start, end in zip([0, *changes], [*changes, len(rows)], strict=True)
        ],
        "orders": [
            {
                "tree": written(order.tree),
                "fused": written_list(np.flatnonzero(order.fused).tolist())
                if order.fused.any()
                else None,
                "from_zero": order.from_zero,
            }
            for order in orders.orders
        ],
    }


def orders_read(plain: WrittenOrders) -> Orders:
    """Read orders that `orders_written` returned.

    Raises
        ValueError: if a tree cannot be read, or the numbers do not fill the shape.
    """
    orders = []
    for one in plain["orders"]:
        tree = read(one["tree"])
        fused = np.zeros(len(tree) // 2 + 1, bool)
        if one["fused"]:
            fused[list(numbers_read(one["fused"].strip("()")))] = True
        orders.append(Order(tree, fused, one["from_zero"]))
    if len(orders) == 1:
        return everywhere(orders[0], plain["shape"])
    lines = []
    for rows, line in plain["which"]:
        columns, numbers = zip(*line, strict=True)
        lines.append(np.repeat(np.repeat(np.array([numbers], np.int32), columns, 1), rows, 0))
    return Orders(np.concatenate(lines).reshape(plain["shape"]), orders)
