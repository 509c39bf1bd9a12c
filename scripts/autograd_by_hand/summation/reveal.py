"""Call a kernel to reveal in which order it adds, and where it fuses products into additions.

The idea is FPRev's (Xie et al., "FPRev: Revealing the Order of Floating-Point Summations", USENIX
ATC 2025): summand i is a huge number, summand j its negative, and every other summand a unit. The
huge number swamps the units that are added before it is cancelled, so that the result counts the
units that join later. The others lie under the lowest common ancestor of i and j.

Here one call probes a pair at every independent position of the output. Positions that add in the
same order are found first, by a sum whose exact value is zero: its result is rounding error alone.
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

PAIRS = 16  # masked pairs that must agree with a library's tree


def reveal(
    adder: Adder, what: str, seed: int = 0, apart: NDArray[np.bool_] | None = None
) -> Orders:
    """Return the order at every position of the result of `adder`.

    Before a class of positions is probed, known orders are tried: those of other positions of the
    same output, and those of libraries' sums.

    what: the name of the sum in progress messages
    seed: of the data and of the pivots
    apart: positions whose order differs from that of the positions they were grouped with

    Raises
        NoOrder: if the kernel is not deterministic, if it is not a tree of rounded additions of
            two summands each, or if probing it would take too long.
    """
    if accumulator(adder.format) != accumulator(adder.result):
        wide = accumulator(adder.result)
        raise NoOrder(Message("it adds {format} in {wide}", format=adder.format, wide=wide))
    generator = np.random.default_rng(seed)
    which, seen = positions_by_order(adder, generator, apart)
    counts = np.bincount(which.ravel())
    found: dict[int, Order] = {}
    many_first = np.argsort(-counts, kind="stable").tolist()  # large classes need fewer calls
    for number in many_first:
        slots = Slots(adder, which == number)
        order = None if apart is not None else _known(slots, list(found.values()), seen)
        if order is None:
            tree = _library_tree(slots, seen, generator, what)
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
    """Return a known order, perhaps with other fused products, that gives the seen bits, or None.

    A corner of the output has few positions, which are slow to probe, but they often add as other
    positions do except for fused products. The order is checked afterwards like any other.
    """
    products = np.arange(slots.summands) < slots.adder.terms
    for order in known:
        each = (order.fused, products, ~products) if slots.adder.multiplies else (order.fused,)
        for candidate in (replace(order, fused=fused & products) for fused in each):
            if _gives(candidate, slots, seen):
                return candidate
    return None


def _gives(order: Order, slots: Slots, seen: list[Seen]) -> bool:
    """Return whether an order gives the bits that were seen at a class of positions."""
    adder = slots.adder
    terms = np.stack([call.terms for call in seen], axis=1)
    shared, bias = (
        np.array([getattr(call, name) for call in seen], terms.dtype) for name in ("shared", "bias")
    )
    factors = np.broadcast_to(shared, terms.shape) if adder.multiplies else None
    expected = np.array([call.result.flat[slots.positions[0]] for call in seen])
    result = add_in_order(order, terms, factors, bias if adder.bias else None)
    return np.array_equal(rounded(result, adder.result), expected)


def _library_tree(
    slots: Slots, seen: list[Seen], generator: np.random.Generator, what: str
) -> Tree | None:
    """Return a library's tree that gives the seen bits and agrees with masked pairs, or None."""
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
