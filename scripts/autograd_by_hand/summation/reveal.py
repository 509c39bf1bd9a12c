"""Reveal in which order a kernel adds, and where it fuses products into additions, by calling it.

The idea is FPRev's (Xie et al., "FPRev: Revealing the Order of Floating-Point Summations", USENIX
ATC 2025): a huge number at summand i, its negative at summand j and a unit everywhere else. Units
that meet the huge number before it is cancelled are swamped, so that the result counts those that
join later, and tells how many summands lie under the lowest common ancestor of i and j.

Here one call carries a pair in every independent position of the output; positions that add alike
are found first, by a sum whose exact value is zero and whose result is therefore rounding alone.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.rounding import accumulator, rounded
from autograd_by_hand.summation.add import add_in_order
from autograd_by_hand.summation.adder import Adder, NoOrder
from autograd_by_hand.summation.equal_positions import Seen, positions_by_order
from autograd_by_hand.summation.library_trees import known_trees
from autograd_by_hand.summation.masked_sums import Pairs, summands_joined, tree_by_masks
from autograd_by_hand.summation.rounding_probes import with_roundings
from autograd_by_hand.summation.slots import Slots
from autograd_by_hand.summation.tree import Order, Orders, Tree, summands_under

Array = NDArray[Any]

PAIRS = 16  # masked pairs that have to agree with a library's tree


def reveal(
    adder: Adder, what: str, seed: int = 0, apart: NDArray[np.bool_] | None = None
) -> Orders:
    """The order at every position of what `adder` gives.

    Orders that are known already are tried before one is probed for: those of other positions of
    the same output, and those of libraries' sums.

    what: names the sum in messages of progress
    apart: positions that add otherwise than those that seem to add as they do

    Raises
        NoOrder: if it is not deterministic, or no tree of rounded additions of two summands, or
            if it would take too long to tell.
    """
    if accumulator(adder.format) != accumulator(adder.result):
        wide = accumulator(adder.result)
        raise NoOrder(Message("it adds {format} in {wide}", format=adder.format, wide=wide))
    generator = np.random.default_rng(seed)
    which, seen = positions_by_order(adder, generator, apart)
    counts = np.bincount(which.ravel())
    found: dict[int, Order] = {}
    many_first = np.argsort(-counts, kind="stable").tolist()  # they are probed in fewer calls
    for number in many_first:
        slots = Slots(adder, which == number)
        order = None if apart is not None else _known(slots, list(found.values()), seen)
        if order is None:
            tree = _librarys(slots, seen, generator, what)
            if tree is None:
                tree = tree_by_masks(slots, generator, what)
            order = with_roundings(slots, tree)
            if not _gives(order, slots, seen):
                raise NoOrder(
                    Message(
                        "the order that masks reveal gives other bits on other data: it depends on "
                        "the values or is not made of {accumulator} additions alone",
                        accumulator=accumulator(adder.format),
                    )
                )
        found[number] = order
    return Orders(which, [found[number] for number in range(len(counts))])


def _known(slots: Slots, known: list[Order], seen: list[Seen]) -> Order | None:
    """One of the orders that are known already, or one with its tree, if it gives what was seen.

    Positions in a corner of the output are few, and slow to probe, but often add as others do
    except for their fused products. What is found so is checked like every order afterwards.
    """
    products = np.arange(slots.summands) < slots.adder.terms
    for order in known:
        each = (order.fused, products, ~products) if slots.adder.multiplies else (order.fused,)
        for candidate in (replace(order, fused=fused & products) for fused in each):
            if _gives(candidate, slots, seen):
                return candidate
    return None


def _gives(order: Order, slots: Slots, seen: list[Seen]) -> bool:
    """Whether an order gives the bits that were seen at a class of positions."""
    adder = slots.adder
    terms = np.stack([call.terms for call in seen], axis=1)
    shared, bias = (
        np.array([getattr(call, name) for call in seen], terms.dtype) for name in ("shared", "bias")
    )
    factors = np.broadcast_to(shared, terms.shape) if adder.multiplies else None
    expected = np.array([call.result.flat[slots.positions[0]] for call in seen])
    result = add_in_order(order, terms, factors, bias if adder.bias else None)
    return np.array_equal(rounded(result, adder.result), expected)


def _librarys(
    slots: Slots, seen: list[Seen], generator: np.random.Generator, what: str
) -> Tree | None:
    """The tree of a library's sum, if it gives what was seen and masked pairs agree with it."""
    if slots.adder.multiplies:
        return None
    for tree in known_trees(slots.summands):
        if _gives(Order(tree, np.zeros(slots.summands, bool)), slots, seen):
            pairs = np.array([generator.choice(slots.summands, 2, False) for _ in range(PAIRS)])
            first, second = pairs.T
            every = [np.arange(slots.summands)]
            under = summands_joined(slots, every, Pairs(np.zeros(PAIRS, int), first, second), what)
            if under.tolist() == [summands_under(tree, *pair) for pair in pairs.tolist()]:
                return tree
    return None
