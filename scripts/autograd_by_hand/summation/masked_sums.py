"""Find a kernel's summation tree by masked sums (FPRev's idea; see `reveal`)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.progress import progress
from autograd_by_hand.floats.rounding import accumulator
from autograd_by_hand.summation.adder import NoOrder
from autograd_by_hand.summation.slots import Slots
from autograd_by_hand.summation.tree import ADD, Tree, leaf

Array = NDArray[Any]

PATIENCE = 5_000_000_000  # summands that a kernel may add for one order: about half a minute
FIRST_PIVOTS = 4  # levels whose pivot is the first summand: a plain loop needs only one level


@dataclass(frozen=True)
class Pairs:
    """Pairs of summands: the set that each pair lies in, its first and its second summand."""

    sets: Array
    first: Array
    second: Array


def tree_by_masks(slots: Slots, generator: np.random.Generator, what: str) -> Tree:
    """Find the tree level by level; the subtrees of a level share its calls.

    what: the name of the sum in progress messages

    Raises
        NoOrder: if the kernel does not add by a tree, or probing it would take too long.
    """
    if slots.summands == 1:
        return leaf(0)
    slices = -(-slots.summands // slots.scale.counted)
    calls = -(-slots.summands * slices // slots.count)
    if calls * slots.summands > PATIENCE:
        raise NoOrder(
            Message(
                "it adds {summands} summands at {count} places that can be probed at once, so that "
                "its order would take {calls} calls",
                summands=slots.summands,
                count=slots.count,
                calls=calls,
            )
        )
    sets: list[Array] = [np.arange(slots.summands)]
    chains: dict[int, tuple[int, list[int]]] = {}  # by set: its pivot, then what is added to it
    level, open_sets = 0, [0]
    while open_sets:
        pivots, others = [], []
        for number in open_sets:
            members = sets[number]
            pick = 0 if level < FIRST_PIVOTS else int(generator.integers(len(members)))
            pivots.append(int(members[pick]))
            others.append(np.delete(members, pick))
        sizes = [len(one) for one in others]
        pairs = Pairs(np.repeat(open_sets, sizes), np.repeat(pivots, sizes), np.concatenate(others))
        under = np.split(summands_joined(slots, sets, pairs, what), np.cumsum(sizes)[:-1])
        opened: list[int] = []
        for number, pivot, joining, counts in zip(open_sets, pivots, others, under, strict=True):
            inner, ends = _groups(joining, counts)
            alone, start, groups = (~inner).tolist(), 0, []
            for end in ends.tolist():
                if end - start == 1:
                    groups.append(alone[start])
                else:
                    groups.append(len(sets))
                    opened.append(len(sets))
                    sets.append(inner[start:end])
                start = end
            chains[number] = pivot, groups
        level, open_sets = level + 1, opened
    return _assembled(len(sets), chains)


def _groups(joining: Array, counts: Array) -> tuple[Array, Array]:
    """Return the summands in the order in which they join a pivot, and where each group ends.

    counts: for each of `joining`, how many lie under its lowest common ancestor with the pivot
    """
    order = np.argsort(counts, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(counts[order])), len(order) - 1) + 1
    if not np.array_equal(counts[order[ends - 1]], ends + 1):
        raise NoOrder(Message("more than two summands are added at once, or not by a tree"))
    return joining[order], ends


def summands_joined(slots: Slots, sets: list[Array], pairs: Pairs, what: str) -> Array:
    """Count for each pair the summands of its set under the lowest common ancestor of the two.

    what: the name of the sum in progress messages

    Raises
        NoOrder: if the results are not counts.
    """
    scale, batch = slots.scale, max(slots.count, 64)
    under = np.array([len(one) for one in sets])[pairs.sets]
    slices = -(-under // scale.counted)  # a set is probed in slices that can be counted
    cases = np.repeat(np.arange(len(under)), slices)
    starts = scale.counted * (np.arange(len(cases)) - np.repeat(np.cumsum(slices) - slices, slices))
    total = np.zeros(len(under), np.int64)
    batches = range(0, len(cases), batch)
    for at in progress(batches, f"{what}: {slots.summands} summands, probes of {batch}"):
        part, start = cases[at : at + batch], starts[at : at + batch]
        values = np.zeros((len(part), slots.summands), accumulator(slots.adder.format))
        change = np.flatnonzero(np.diff(pairs.sets[part]) | np.diff(start)) + 1
        first = 0
        for end in [*change.tolist(), len(part)]:  # rows of one slice of one set
            row = np.zeros(slots.summands, values.dtype)
            members = sets[pairs.sets[part[first]]]
            row[members[start[first] : start[first] + scale.counted]] = scale.unit
            values[first:end] = row
            first = end
        rows = np.arange(len(part))
        values[rows, pairs.first[part]] = scale.mask
        values[rows, pairs.second[part]] = -scale.mask
        result = slots.add(values) / scale.unit
        survivors = np.rint(result)
        counts = np.isfinite(result) & (np.abs(result) <= slots.summands)
        if not counts.all() or np.abs(result - survivors).max() > 0.25:
            raise NoOrder(Message("masked sums are no counts: it is no tree of rounded additions"))
        np.add.at(total, part, survivors.astype(np.int64))
    return under - total


def _assembled(count: int, chains: dict[int, tuple[int, list[int]]]) -> Tree:
    """Build the tree: in each addition the operand with more summands comes first.

    Of two operands with as many summands, the one with the lowest summand comes first.

    chains: for each of `count` sets its pivot, and what is added to it: the number of a set, or
        the bitwise complement of a summand
    """
    built: dict[int, tuple[list[int], int]] = {}  # by set: its steps, and its lowest summand
    for number in range(count - 1, -1, -1):  # a set comes after the one that it joins
        pivot, groups = chains[number]
        steps, lowest = [pivot], pivot
        for group in groups:
            other, low = built.pop(group) if group >= 0 else ([~group], ~group)
            if (-len(steps), lowest) < (-len(other), low):
                steps.extend(other)
            else:
                steps = other + steps
            steps.append(ADD)
            lowest = min(lowest, low)
        built[number] = steps, lowest
    return np.array(built[0][0], np.int32)
