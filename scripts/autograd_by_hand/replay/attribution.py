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

from autograd_by_hand.floats.ulp import squared_distance
from autograd_by_hand.replay.interpreter import BIASED
from autograd_by_hand.replay.repeated_replay import RepeatedReplay
from autograd_by_hand.summation.hypothetical_orders import mixed
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]
Said = TypeVar("Said")

FACTORS = ("forward_order", "forward_fma", "backward_order", "backward_fma", "output_rounding")
OTHER = "other_operations"  # what is left when every factor is torch's


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
        hand: RepeatedReplay,
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
        """As `RepeatedReplay.measured`, where the factors in `torchs` are played torch's way."""
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


def _content(orders: Orders) -> Any:
    """What tells two kernels' orders apart."""
    each = [(one.tree.tobytes(), one.fused.tobytes(), one.from_zero) for one in orders.orders]
    which = b"" if len(orders.orders) == 1 else sha256(orders.which.tobytes()).digest()
    return which, tuple(each)
