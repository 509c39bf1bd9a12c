"""Reveal in which order a kernel adds, and where it fuses products into additions, by calling it.

The idea is FPRev's (Xie et al., "FPRev: Revealing the Order of Floating-Point Summations", USENIX
ATC 2025): a huge number at summand i, its negative at summand j and a unit everywhere else. Units
that meet the huge number before it is cancelled are swamped, so that the result counts those that
join later, and tells how many summands lie under the lowest common ancestor of i and j.

Here one call carries a pair in every independent position of the output; positions that add alike
are found first, by a sum whose exact value is zero and whose result is therefore rounding alone.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.progress import progress
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.floats.rounding import accumulator, rounded
from autograd_by_hand.summation.add import add_in_order
from autograd_by_hand.summation.library_trees import known_trees
from autograd_by_hand.summation.tree import (
    ADD,
    Order,
    Orders,
    Tree,
    joined_alone,
    leaf,
    summands_under,
)

Array = NDArray[Any]
Axis = Literal["rows", "columns"]
# The result (batch, rows, columns), the operands (batch, rows or columns, terms) and the bias, all
# in the accumulator's format.
Example = tuple[Array, Array, Array, Array | None]

HASHES = 3  # calls that tell positions apart, for long sums; few summands meet few roundings
REPEATED = 2  # of them are made twice: the kernel has to give the same bits again
PAIRS = 16  # masked pairs that have to agree with a library's tree
PATIENCE = 5_000_000_000  # summands handed to a kernel for one order: about half a minute
FIRST_PIVOTS = 4  # levels whose pivot is the first summand: a plain loop needs just one


class NoOrder(Exception):
    """The kernel is no fixed order of rounded additions of two; the message says what it is."""


class Adder(Protocol):
    """A kernel that gives, at each of (batch, rows, columns) positions, the sum of `terms` terms.

    A term is an element times a shared factor where the kernel multiplies; a bias may come on top.
    """

    shape: tuple[int, int, int]
    terms: int
    bias: bool
    multiplies: bool
    axes: tuple[Axis, ...]
    format: str  # of the operands
    result: str  # format of what comes out

    def add(self, axis: Axis, own: Array, shared: float, bias: float) -> Array:
        """One call; own: (slots, terms), a slot per row or column; the result has `shape`."""
        ...

    def example(self, generator: np.random.Generator, cancelling: bool) -> Example:
        """One call on random operands, whose products cancel each other if `cancelling`.

        Where a sum does not multiply, the first operand is 1.
        """
        ...


@dataclass(frozen=True)
class _Scale:
    """The numbers of a probe: `mask` swamps the units; up to `counted` of them can be counted."""

    unit: float
    mask: float
    counted: int


def scale_of(adder: Adder) -> _Scale:
    """Masks and units of the adder's format (float16 has no room for 2^120)."""
    counted = 2 ** precision(adder.result)
    if adder.format == "float16":
        return _Scale(2.0**-24, 2.0**15, counted)
    return _Scale(1.0, 2.0**120, counted)


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
    which, seen = _classes(adder, generator, apart)
    counts = np.bincount(which.ravel())
    found: dict[int, Order] = {}
    many_first = np.argsort(-counts, kind="stable").tolist()  # they are probed in fewer calls
    for number in many_first:
        slots = _Slots(adder, which == number)
        order = None if apart is not None else _known(slots, list(found.values()), seen)
        if order is None:
            tree = _librarys(slots, seen, generator, what)
            order = _finished(slots, _tree(slots, generator, what) if tree is None else tree)
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


@dataclass(frozen=True)
class _Seen:
    """A call that told positions apart: what went in, the same everywhere, and what came out."""

    terms: Array
    shared: float
    bias: float
    result: Array


def _classes(
    adder: Adder, generator: np.random.Generator, apart: NDArray[np.bool_] | None
) -> tuple[NDArray[np.int32], list[_Seen]]:
    """Positions that add alike, numbered: those whose rounding errors agree in every call."""
    axis = adder.axes[0]
    key = np.zeros(adder.shape, np.uint64)
    if apart is not None:
        key += apart
    seen = []
    short = 64 // adder.terms if adder.terms > 2 else 0  # two terms have one tree alone
    for call in range(HASHES + short):
        terms, shared, bias = cancelling(adder, generator)
        own = np.tile(terms, (_slots(adder, axis), 1))
        result = adder.add(axis, own, shared, bias)
        bits = result.view(f"u{result.itemsize}")
        if call < REPEATED and not np.array_equal(
            bits, adder.add(axis, own, shared, bias).view(bits.dtype)
        ):
            raise NoOrder(Message("a second call on the same inputs gives other bits"))
        seen.append(_Seen(terms, shared, bias, result))
        if (bits == bits.flat[0]).all():
            continue
        key = (key ^ bits) * np.uint64(0x9E3779B97F4A7C15)  # odd: no two keys are made one by it
        key ^= key >> np.uint64(29)
    if (key == key.flat[0]).all():
        return np.zeros(adder.shape, np.int32), seen
    _, first, which = np.unique(key.ravel(), return_index=True, return_inverse=True)
    in_turn = np.argsort(np.argsort(first))  # numbered as they come, whatever their bits
    return in_turn[which].reshape(adder.shape).astype(np.int32), seen


def _known(slots: "_Slots", known: list[Order], seen: list[_Seen]) -> Order | None:
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


def _gives(order: Order, slots: "_Slots", seen: list[_Seen]) -> bool:
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
    slots: "_Slots", seen: list[_Seen], generator: np.random.Generator, what: str
) -> Tree | None:
    """The tree of a library's sum, if it gives what was seen and masked pairs agree with it."""
    if slots.adder.multiplies:
        return None
    for tree in known_trees(slots.summands):
        if _gives(Order(tree, np.zeros(slots.summands, bool)), slots, seen):
            pairs = np.array([generator.choice(slots.summands, 2, False) for _ in range(PAIRS)])
            first, second = pairs.T
            every = [np.arange(slots.summands)]
            under = _under(slots, every, _Pairs(np.zeros(PAIRS, int), first, second), what)
            if under.tolist() == [summands_under(tree, *pair) for pair in pairs.tolist()]:
                return tree
    return None


def cancelling(adder: Adder, generator: np.random.Generator) -> tuple[Array, float, float]:
    """Terms, a shared factor and a bias whose exact sum is zero and whose partial sums are rounded.

    A sum of them is rounding errors and nothing else, which tells orders apart and, for the half
    formats, shows the errors of a wider accumulator that their own rounding would hide: there the
    terms are of many sizes, since those of one size have room in it.
    """
    bits = precision(adder.format)
    half = adder.terms // 2
    low, high = {"float16": (-13, 16), "bfloat16": (0, 36)}.get(adder.format, (0, 6))
    whole = generator.integers(2 ** (bits - 1), 2**bits, half).astype(np.float64)
    values = np.ldexp(whole, generator.integers(low, high, half) - bits)
    terms = np.zeros(adder.terms)
    places = generator.permutation(adder.terms)
    terms[places[:half]] = values
    terms[places[half : 2 * half]] = -values
    shared = 1 + 5 / 2 ** (bits // 2) if adder.multiplies else 1.0
    bias = 0.0
    if adder.bias:  # against a term whose product is exact
        if adder.terms % 2 == 0:  # no term is left over: one of a pair becomes it
            terms[places[half - 1]] = 0
        terms[places[-1]], bias = 0.75, -0.75 * shared
    return terms.astype(accumulator(adder.format)), shared, bias


def _slots(adder: Adder, axis: Axis) -> int:
    batch, rows, columns = adder.shape
    return batch * (rows if axis == "rows" else columns)


class _Slots:
    """The independent places of one class of positions, and calls that fill them."""

    def __init__(self, adder: Adder, member: NDArray[np.bool_]) -> None:
        self.adder = adder
        self.summands = adder.terms + adder.bias
        self.scale = scale_of(adder)
        _, rows, columns = adder.shape
        best: tuple[int, Axis, Array, Array] | None = None
        for axis in adder.axes:
            across = 2 if axis == "rows" else 1
            slots = np.flatnonzero(member.any(axis=across))
            if best is None or len(slots) > best[0]:
                partner = member.argmax(axis=across).ravel()[slots]
                best = len(slots), axis, slots, partner
        assert best is not None
        self.count, self.axis, self.slots, partner = best
        if self.axis == "rows":
            self.positions = self.slots * columns + partner
        else:
            each, column = np.divmod(self.slots, columns)
            self.positions = (each * rows + partner) * columns + column
        self.size = _slots(adder, self.axis)

    def add(self, values: Array, shared: float = 1.0) -> Array:
        """The sums of `values` (cases, summands), one each; as many calls as that takes."""
        if not self.adder.bias:
            return self._batches(values, shared, 0.0)
        results = np.empty(len(values))
        for bias in np.unique(values[:, -1]):  # the bias is one number in a call
            cases = np.flatnonzero(values[:, -1] == bias)
            results[cases] = self._batches(values[cases, :-1], shared, float(bias))
        return results

    def _batches(self, terms: Array, shared: float, bias: float) -> Array:
        results = np.empty(len(terms))
        own = np.zeros((self.size, self.adder.terms), terms.dtype)
        for start in range(0, len(terms), self.count):
            part = terms[start : start + self.count]
            own[self.slots[: len(part)]] = part
            result = self.adder.add(self.axis, own, shared, bias).ravel()
            results[start : start + len(part)] = result[self.positions[: len(part)]]
        return results


def _tree(slots: _Slots, generator: np.random.Generator, what: str) -> Tree:
    """The order of additions, level by level: all open subtrees share a level's calls."""
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
    chains: dict[int, tuple[int, list[int]]] = {}  # set -> its pivot, then what joins it
    level, open_sets = 0, [0]
    while open_sets:
        pivots, others = [], []
        for number in open_sets:
            members = sets[number]
            pick = 0 if level < FIRST_PIVOTS else int(generator.integers(len(members)))
            pivots.append(int(members[pick]))
            others.append(np.delete(members, pick))
        sizes = [len(one) for one in others]
        pairs = _Pairs(
            np.repeat(open_sets, sizes), np.repeat(pivots, sizes), np.concatenate(others)
        )
        under = np.split(_under(slots, sets, pairs, what), np.cumsum(sizes)[:-1])
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


@dataclass(frozen=True)
class _Pairs:
    """Pairs of summands: which set each lies in, the first of it, and the second."""

    sets: Array
    first: Array
    second: Array


def _groups(joining: Array, counts: Array) -> tuple[Array, Array]:
    """Summands in the order in which they join a pivot, and where each group that does ends.

    counts: for each of `joining`, how many lie under its lowest common ancestor with the pivot
    """
    order = np.argsort(counts, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(counts[order])), len(order) - 1) + 1
    if not np.array_equal(counts[order[ends - 1]], ends + 1):
        raise NoOrder(Message("more than two summands are added at once, or not by a tree"))
    return joining[order], ends


def _under(slots: _Slots, sets: list[Array], pairs: _Pairs, what: str) -> Array:
    """For each pair: how many of its set lie under the lowest common ancestor of the two.

    what: names the sum in messages of progress
    """
    scale, turn = slots.scale, max(slots.count, 64)
    under = np.array([len(one) for one in sets])[pairs.sets]
    slices = -(-under // scale.counted)  # of a set, no longer than can be counted
    cases = np.repeat(np.arange(len(under)), slices)
    starts = scale.counted * (np.arange(len(cases)) - np.repeat(np.cumsum(slices) - slices, slices))
    total = np.zeros(len(under), np.int64)
    turns = range(0, len(cases), turn)
    for at in progress(turns, f"{what}: {slots.summands} summands, probes of {turn}"):
        part, start = cases[at : at + turn], starts[at : at + turn]
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
    """The tree, the operand with more summands first; of two alike, the one with the lower.

    chains: of each of `count` sets its pivot, and what joins it: a set, or a summand's complement
    """
    built: dict[int, tuple[list[int], int]] = {}  # set -> its steps, and its lowest summand
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


def _finished(slots: _Slots, tree: Tree) -> Order:
    """The order with what the tree leaves open: fused products, the start, the precision."""
    adder = slots.adder
    from_zero = _starts_from_zero(slots, tree)
    fused = np.zeros(slots.summands, bool)
    if adder.multiplies and precision(adder.format) * 2 > precision(accumulator(adder.format)):
        tree, fused = _fused(slots, tree)
    return Order(tree, fused, from_zero)


def _fused(slots: _Slots, tree: Tree) -> tuple[Tree, NDArray[np.bool_]]:
    """Which products are fused. Where one of two sibling products is, it is put second.

    (1 + e)^2 on the product and its negative on a summand that it is added to: the square's last
    bit is lost where the product is rounded, and stays where it is not.
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
    turn = max(slots.count, 64)
    for start in range(0, len(probes), turn):
        part = probes[start : start + turn]
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


def _starts_from_zero(slots: _Slots, tree: Tree) -> bool:
    """Whether a sum of -0 is +0; and that each addition is rounded as expected, operands are not.

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
            # the lesser is the last bit of the accumulator, or half of it, which goes to even
            values[case, leaves] = 2.0**top, 2.0 ** (top - short), -(2.0**top)
    zero, kept, last, half = slots.add(values)
    if precision(adder.result) >= bits and kept != last_bit:
        raise NoOrder(
            Message("it rounds its operands to fewer bits than {format} has", format=adder.format)
        )
    if slots.summands >= 3 and (half or not last):
        told = {"bits": expected, "accumulator": accumulator(adder.format)}
        raise NoOrder(
            Message("it adds in more than the {bits} bits of {accumulator}", **told)
            if half
            else Message("it adds in less than the {bits} bits of {accumulator}", **told)
        )
    return not np.signbit(zero)


def _first_three(tree: Tree) -> list[int]:
    """Two summands that meet before a third does."""
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
