"""Where the difference between the hand's formula on numpy's sums and autograd comes from.

The two are the ends of a game: each factor, an order of additions or the fusing of products, is
played numpy's way or torch's, and every mixture is replayed exactly. A factor's share is its
Shapley value (Shapley, "A value for n-person games", 1953): how much of the squared difference goes
away when the factor changes sides, on average over all orders in which the factors may do so.
Shares add up to what changes between the ends.

In a half format the game begins at the hand's formula in float32, from the same rounded inputs; the
fifth factor rounds what each operation gives to the format. Whether products are fused is a
question of that beginning alone: products of two halves are exact in float32.
"""

from collections.abc import Callable
from hashlib import sha256
from itertools import combinations, product
from math import factorial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.replay.interpreter import (
    BIASED,
    CONSTANT,
    IN_PLACE,
    interpret,
    is_given,
    numbers_in,
    results_of,
)
from autograd_by_hand.summation.tree import (
    Order,
    Orders,
    Tree,
    everywhere,
    fuses_throughout,
    in_turn,
    joined_alone,
    pairwise,
)

Array = NDArray[Any]
Said = TypeVar("Said")
CarryOut = Callable[[dict[str, Any], dict[int, Array], bool], None]

FACTORS = ("forward_order", "forward_fma", "backward_order", "backward_fma", "output_rounding")
OTHER = "other_operations"  # what is left when every factor is torch's
COUNTERFACTUALS = ("in turn", "reversed", "shuffled", "pairwise", "compensated")
SEED = 0  # of the shuffled order
REMEMBERED = 2**26  # bytes of a value that is kept; a larger one is made again


class Hand:
    """The hand's program on some runs, carried out with any orders, and nothing small twice.

    inputs: by name, held
    recorded: the program's constants by (CONSTANT, number), held
    carry_out: does a call that only torch can do, on arrays by number, with or without rounding
    """

    def __init__(
        self,
        program: dict[str, Any],
        inputs: dict[str, Array],
        recorded: dict[tuple[int, int], Array],
        carry_out: CarryOut,
    ) -> None:
        self.program, self.carry_out = program, carry_out
        self._start = {number: inputs[name] for name, number in program["inputs"].items()}
        self._start |= {number: recorded[CONSTANT, number] for number in program["constants"]}
        self._memory: dict[Any, Array] = {}
        self._said: dict[Any, Any] = {}
        self._names: dict[Any, int] = {}
        self._keeps = not any(call["op"] in IN_PLACE for call in program["calls"])

    def measured(
        self,
        what: str,
        measure: Callable[[str, Array], Said],
        orders: list[Orders | None],
        rounding: bool = True,
    ) -> dict[str, Said]:
        """What `measure` says of each gradient, (*shape, runs), by its name, one after the other.

        orders: the calls' own, None where a call is no sum
        what: tells measures apart; of a gradient that comes about as an earlier one did, it is
            said what was said of that
        """
        ways, said = self._ways(orders, rounding), {}
        last = {number: way for way, numbers in ways for number in numbers}
        for name, number in self.program["outputs"].items():
            key = (what, name, last.get(number))
            if key not in self._said or not self._keeps:
                values = self._carried_out(orders, rounding, ways, {number})
                self._said[key] = measure(name, values[number]["runs"])
            said[name] = self._said[key]
        return said

    def values(self, orders: list[Orders | None], rounding: bool = True) -> dict[int, Array]:
        """Every value by its number, held."""
        every = {number for call in self.program["calls"] for number in results_of(call)}
        return self._carried_out(orders, rounding, self._ways(orders, rounding), every)

    def _ways(self, orders: list[Orders | None], rounding: bool) -> list[tuple[int, list[int]]]:
        """How the results of each call come about, and their numbers: alike ways, alike values."""
        latest: dict[int, Any] = {}  # a call may write into a value, which keeps its number
        ways = []
        for place, (call, own) in enumerate(zip(self.program["calls"], orders, strict=True)):
            used = tuple(latest.get(n, n) for n in numbers_in(call))
            way = self._names.setdefault((place, own, rounding, used), len(self._names))
            ways.append((way, results_of(call)))
            latest |= {number: (way, number) for number in results_of(call)}
        return ways

    def _carried_out(
        self,
        orders: list[Orders | None],
        rounding: bool,
        ways: list[tuple[int, list[int]]],
        wanted: set[int],
    ) -> dict[int, Array]:
        """The wanted values, and those on the way to them; large ones are not remembered."""
        arrays = dict(self._start)
        if not self._keeps:
            arrays = {number: value.copy() for number, value in arrays.items()}
        for place in self._places(ways, wanted):
            call, own, (way, results) = self.program["calls"][place], orders[place], ways[place]
            if self._remembers(way, results):
                arrays |= {number: self._memory[way, number] for number in results}
                continue
            if is_given(call, own):
                self.carry_out(call, arrays, rounding)
            else:
                interpret(call, arrays, own, rounding)
            small = [number for number in results if arrays[number].nbytes <= REMEMBERED]
            if self._keeps:
                self._memory |= {(way, number): arrays[number] for number in small}
        return arrays

    def _remembers(self, way: int, results: list[int]) -> bool:
        return self._keeps and all((way, number) in self._memory for number in results)

    def _places(self, ways: list[tuple[int, list[int]]], wanted: set[int]) -> list[int]:
        """The calls that must be carried out or remembered for some values, in order."""
        calls = self.program["calls"]
        if not self._keeps:
            return list(range(len(calls)))
        needed, found = set(wanted), []
        for place in range(len(calls) - 1, -1, -1):
            way, results = ways[place]
            if needed.intersection(results):
                found.append(place)
                if not self._remembers(way, results):
                    needed.update(numbers_in(calls[place]))
        return found[::-1]


def mixed(order_from: Orders, fma_from: Orders, terms: int) -> Orders:
    """One kernel's orders of additions with the other's fused products.

    terms: how many of the summands are products
    """
    others = len(fma_from.orders)
    if others == len(order_from.orders) == 1:
        return everywhere(
            _mixed(order_from.orders[0], fma_from.orders[0], terms), order_from.which.shape
        )
    pairs, which = np.unique(order_from.which * others + fma_from.which, return_inverse=True)
    orders = [
        _mixed(order_from.orders[pair // others], fma_from.orders[pair % others], terms)
        for pair in pairs.tolist()
    ]
    return Orders(which.reshape(order_from.which.shape).astype(np.int32), orders)


def _mixed(tree: Order, other: Order, terms: int) -> Order:
    fused = other.fused
    if fused.any() and fuses_throughout(other, terms):
        fused = np.arange(len(fused)) < terms
    return Order(tree.tree, fused & _added_singly(tree.tree), tree.from_zero)


def shapley(value: Callable[[frozenset[str]], float], players: tuple[str, ...]) -> dict[str, float]:
    """Each player's Shapley value in the game `value`."""
    count = len(players)
    worth = {
        coalition: value(coalition)
        for size in range(count + 1)
        for coalition in map(frozenset, combinations(players, size))
    }
    return {
        player: sum(
            factorial(len(others)) * factorial(count - len(others) - 1) / factorial(count)
            * (worth[others | {player}] - worth[others])
            for others in worth
            if player not in others
        )
        for player in players
    }  # fmt: skip


class Game:
    """Every mixture of numpy's ways and torch's, for the sums of the hand's program.

    numpys, torchs: the orders of each call, None where it is no sum
    forward: which calls belong to the forward pass
    rounds: whether rounding to the format is a factor
    """

    def __init__(
        self,
        hand: Hand,
        numpys: list[Orders | None],
        torchs: list[Orders | None],
        forward: set[int],
        rounds: bool,
    ) -> None:
        self.hand, self.numpys, self.torchs, self.forward = hand, numpys, torchs, forward
        self.players = FACTORS if rounds else FACTORS[:-1]
        self.rounds = rounds
        alike: dict[Any, Orders] = {}  # where the two add alike, mixtures are one and the same
        self._mixtures = {
            (place, order, fma): alike.setdefault((place, _content(found)), found)
            for place, own in enumerate(numpys)
            if own is not None
            for order, fma in product((False, True), repeat=2)
            for found in [self._mixture(place, order, fma)]
        }

    def _mixture(self, place: int, torchs_order: bool, torchs_fma: bool) -> Orders:
        ways = self.numpys[place], self.torchs[place]
        order, fma = ways[torchs_order], ways[torchs_fma]
        assert order is not None
        assert fma is not None
        call = self.hand.program["calls"][place]
        return mixed(order, fma, len(order.orders[0].fused) - (call["op"] in BIASED))

    def measured(
        self, what: str, measure: Callable[[str, Array], Said], torchs: frozenset[str]
    ) -> dict[str, Said]:
        """As `Hand.measured`, where the factors in `torchs` are played torch's way."""
        return self.hand.measured(what, measure, *self._play(torchs))

    def _play(self, torchs: frozenset[str]) -> tuple[list[Orders | None], bool]:
        """The calls' orders, and whether results are rounded to the format."""
        orders = [
            None if own is None else self._mixtures[
                place,
                ("forward_order" if place in self.forward else "backward_order") in torchs,
                ("forward_fma" if place in self.forward else "backward_fma") in torchs,
            ]
            for place, own in enumerate(self.numpys)
        ]  # fmt: skip
        return orders, not self.rounds or "output_rounding" in torchs

    def shares(self, autograd: dict[str, Array]) -> dict[str, dict[str, float] | None]:
        """For each gradient each factor's share of its squared difference from autograd's.

        autograd: (*shape, runs) by name
        returns: shares by factor, with "other_operations" for what torch's ways leave; None where
            there is no difference, or one that is no number
        """
        distances: dict[frozenset[str], dict[str, float]] = {}

        def distance(torchs: frozenset[str]) -> dict[str, float]:
            if torchs not in distances:
                distances[torchs] = self.measured(
                    "squared distance",
                    lambda name, found: squared_distance(found, autograd[name]),
                    torchs,
                )
            return distances[torchs]

        shares: dict[str, dict[str, float] | None] = {}
        for name in autograd:
            whole, rest = distance(frozenset())[name], distance(frozenset(self.players))[name]
            if whole == 0 or not np.isfinite(whole):
                shares[name] = None
                continue
            gains = shapley(lambda torchs, name=name: -distance(torchs)[name], self.players)  # type: ignore[misc]
            shares[name] = {factor: gains.get(factor, 0.0) / whole for factor in FACTORS}
            shares[name][OTHER] = rest / whole  # type: ignore[index]
        return shares


def _added_singly(tree: Tree) -> NDArray[np.bool_]:
    """Which summands are added to something; the product of any other cannot be fused."""
    singly = np.zeros(len(tree) // 2 + 1, bool)
    singly[[summand for _, summand, _, _ in joined_alone(tree)]] = True
    return singly


def _content(orders: Orders) -> Any:
    """What tells two kernels' orders apart."""
    each = [(one.tree.tobytes(), one.fused.tobytes(), one.from_zero) for one in orders.orders]
    which = b"" if len(orders.orders) == 1 else sha256(orders.which.tobytes()).digest()
    return which, tuple(each)


def squared_distance(found: Array, expected: Array) -> float:
    """The sum of the squared differences, taken in float64."""
    one, other = found.reshape(-1), np.asarray(expected).reshape(-1)
    with np.errstate(all="ignore"):
        parts = (
            one[part].astype(np.float64) - other[part].astype(np.float64)
            for part in blocks(one.size)
        )
        return float(sum(np.sum(apart * apart) for apart in parts))


def forward_calls(
    hand: dict[str, Any],
    values: dict[int, Array],
    autograd: dict[str, Any],
    forwards: dict[int, Array],
    precision: int,
) -> set[int]:
    """The calls of the hand's program that compute what forward computes, by their places.

    A value is forward's if forward has one of its shape that shares at least half of its digits,
    normwise; the calls on the way to such a value are forward's too.

    values, forwards: all values of the two programs by number, held
    precision: bits of the format
    """
    theirs: dict[tuple[int, ...], list[Array]] = {}
    for call in autograd["calls"][: autograd["forward"]]:
        for number in results_of(call):
            theirs.setdefault(forwards[number].shape, []).append(forwards[number]["runs"])
    found: set[int] = set()
    wanted: set[int] = set()
    for place in range(len(hand["calls"]) - 1, -1, -1):
        call = hand["calls"][place]
        made = results_of(call)
        is_forwards = any(
            _alike(values[number]["runs"], other, precision)
            for number in made
            for other in theirs.get(values[number].shape, [])
        )
        if is_forwards or wanted & set(made):
            found.add(place)
            wanted |= set(numbers_in(call))
    return found


def _alike(one: Array, other: Array, precision: int) -> bool:
    size = squared_distance(other, np.broadcast_to(other.dtype.type(0), other.shape))
    return squared_distance(one, other) <= 2.0**-precision * size


def counterfactual(kind: str, orders: Orders) -> Orders:
    """The orders of a kernel that adds its summands as `kind` says, no product fused."""
    count = len(orders.orders[0].fused)
    generator = np.random.default_rng(SEED)
    trees = {
        "in turn": lambda: in_turn(range(count)),
        "reversed": lambda: in_turn(range(count - 1, -1, -1)),
        "shuffled": lambda: in_turn(generator.permutation(count)),
        "pairwise": lambda: pairwise(count),
        "compensated": lambda: in_turn(range(count)),
    }
    order = Order(trees[kind](), np.zeros(count, bool), compensated=kind == "compensated")
    return everywhere(order, orders.which.shape)
