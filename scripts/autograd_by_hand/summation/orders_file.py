"""The orders of an experiment's sums as JSON holds them, each known by what it depends on."""

import hashlib
import json
from typing import Any

from autograd_by_hand.summation.tree import Orders, orders_read


def key_of(described: dict[str, Any], depends_on: dict[str, Any]) -> str:
    """What an order is known by: a hash of all that it depends on.

    described: the operation, the layouts of its operands and its other arguments
    depends_on: versions, processor, threads and settings
    """
    text = json.dumps([described, depends_on], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def orders_of(entry: dict[str, Any] | None) -> Orders | None:
    """The orders of one kernel; None where it has none."""
    return None if entry is None or entry["refused"] else orders_read(entry)
