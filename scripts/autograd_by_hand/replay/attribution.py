"""Attribute the difference between the manual formula on numpy's sums and autograd to its causes.

The two are the ends of a game: each factor (a summation order, or fused products) is assigned
numpy's way or torch's, and every mixture is replayed exactly. A factor's share is its Shapley value
(Shapley, "A value for n-person games", 1953): how much of the squared difference disappears when
the factor changes from numpy's way to torch's, on average over all orders in which the factors may
change. The shares add up to the change between the ends.

For a half format the game starts from the manual formula in float32, with the same rounded inputs,
and a fifth factor rounds the result of each operation to the half format. Fused products matter
only before that rounding is on: products of two half-format numbers are exact in float32.
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
Measured = TypeVar("Measured")

FACTORS = ("forward_order", "forward_fma", "backward_order", "backward_fma", "output_rounding")
OTHER = "other_operations"  # the difference that remains when every factor is torch's


def shapley(value: Callable[[frozenset[str]], float], players: tuple[str, ...]) -> dict[str, float]:
    """Return each player's Shapley value in the game `value`, which maps coalitions to worths."""
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
    """Every mixture of numpy's and torch's ways to add, for the sums of the manual program.

    manual: the replay of the author's backward
    numpys, torchs: the orders of each call, None if it is not a sum
    forward: the indices of the calls that belong to the forward pass
    rounds: whether rounding to the half format is a factor
    """

    def __init__(
        self,
        manual: RepeatedReplay,
        numpys: list[Orders | None],
        torchs: list[Orders | None],
        forward: set[int],
        rounds: bool,
    ) -> None:
        self.manual, self.numpys, self.torchs, self.forward = manual, numpys, torchs, forward
        self.players = FACTORS if rounds else FACTORS[:-1]
        self.rounds = rounds
        alike: dict[Any, Orders] = {}  # equal mixtures are the same object
        self._mixtures = {
            (index, order, fma): alike.setdefault((index, _content(found)), found)
            for index, own in enumerate(numpys)
            if own is not None
            for order, fma in product((False, True), repeat=2)
            for found in [self._mixture(index, order, fma)]
        }

    def _mixture(self, index: int, torchs_order: bool, torchs_fma: bool) -> Orders:
        ways = self.numpys[index], self.torchs[index]
        order, fma = ways[torchs_order], ways[torchs_fma]
        assert order is not None
        assert fma is not None
        call = self.manual.program["calls"][index]
        return mixed(order, fma, len(order.orders[0].fused) - (call["op"] in BIASED))

    def measured(
        self, what: str, measure: Callable[[str, Array], Measured], torchs: frozenset[str]
    ) -> dict[str, Measured]:
        """Measure as `RepeatedReplay.measured`, with torch's way for the factors in `torchs`."""
        return self.manual.measured(what, measure, *self._assigned(torchs))

    def _assigned(self, torchs: frozenset[str]) -> tuple[list[Orders | None], bool]:
        """Return the calls' orders, and whether results are rounded to the half format."""
        orders = [
            None if own is None else self._mixtures[
                index,
                ("forward_order" if index in self.forward else "backward_order") in torchs,
                ("forward_fma" if index in self.forward else "backward_fma") in torchs,
            ]
            for index, own in enumerate(self.numpys)
        ]  # fmt: skip
        return orders, not self.rounds or "output_rounding" in torchs

    def shares(self, autograd: dict[str, Array]) -> dict[str, dict[str, float] | None]:
        """Return each factor's share of the squared difference from autograd, for each gradient.

        autograd: (*shape, runs) by name
        returns: shares by factor, with "other_operations" for the difference that remains when
            every factor is torch's; None if there is no difference, or it is not finite
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
    """Return a key that is equal for equal orders of two kernels."""
    each = [(one.tree.tobytes(), one.fused.tobytes(), one.from_zero) for one in orders.orders]
    which = b"" if len(orders.orders) == 1 else sha256(orders.which.tobytes()).digest()
    return which, tuple(each)
