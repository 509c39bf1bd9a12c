"""The decisions of a program that rounding may turn: relu near 0, two numbers near a maximum.

A turned decision changes a gradient by a jump, however small the rounding. A few draws of the
rounding noise may not meet it; if they do, it drowns the noise of everything else. Therefore the
noise is measured with all decisions made as without rounding, and the jumps by themselves: the
program is executed again, without rounding, with those decisions turned whose operands lie within
NEAR times their own rounding noise: first all of them, then one half and the other half. An
element's jump is its greatest change in any of these runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from autograd_by_hand.verdict.deciding_operations import DECIDING

NEAR = 4.0  # noises; rounding to nearest moves a number further once in 7e7 times
HALVES = 2  # times that the decisions are divided into two halves


@dataclass
class _Operand:
    """What a decision looks at.

    value: as it is without rounding
    squares: the sum of the squares of its changes over the draws
    """

    func: Any
    value: Tensor
    squares: Tensor
    draws: int = 0

    def noise(self) -> Tensor:
        """Return each number's noise; where the few draws found little, that of most of them."""
        noise = (self.squares / max(1, self.draws)).sqrt_().nan_to_num_(0, 0, 0)
        moved = noise[noise > 0]
        return (
            torch.where(noise > 0, noise.clamp_min(moved.median()), noise) if len(moved) else noise
        )


class Decisions:
    """The decisions of a program, in the order in which it makes them.

    scale: the rounding noise of the dtype, as a part of that which the draws have
    near: whether a run with turned decisions met any that rounding may turn
    """

    def __init__(self, scale: float) -> None:
        self._reach = NEAR * scale
        self._operands: list[_Operand] = []
        self._at = 0
        self._doing: Literal["record", "hold", "turn"] = "record"
        self._chosen: Callable[[Tensor], Tensor] = _all
        self._reaches: list[Tensor] = []
        self.near = False

    def hold(self) -> None:
        """Decide as without rounding, in the draw to come, and see how much the operands change."""
        self._doing, self._at = "hold", 0

    def turned(self) -> Iterator[None]:
        """Yield before each run of the program in which decisions are turned."""
        self._doing = "turn"
        self._reaches = [one.noise() * self._reach for one in self._operands]
        if not self._operands:
            return
        halves = (_half(seed, first) for seed in range(HALVES) for first in (True, False))
        for self._chosen in (_all, *halves):
            self._at = 0
            yield
            if not self.near:
                return

    def decide(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of an operation that decides, or NotImplemented if it does not here."""
        decision = DECIDING[func](func, args, kwargs)
        value = decision.operand()
        if value is None:
            return NotImplemented
        if self._doing == "record":
            self._operands.append(_Operand(func, value.clone(), torch.zeros_like(value)))
            return decision.result(value)
        known = self._operands[self._at] if self._at < len(self._operands) else None
        if known is None or known.func is not func or known.value.shape != value.shape:
            return NotImplemented  # the program goes another way than without rounding
        at, self._at = self._at, self._at + 1
        if self._doing == "hold":
            known.squares += (value - known.value).square_()
            known.draws += 1
            return decision.result(known.value)
        turned, near = decision.turned(known.value, self._reaches[at], self._chosen)
        self.near |= near
        return decision.result(turned)


def _all(like: Tensor) -> Tensor:
    """Choose all of a tensor's elements."""
    return torch.ones_like(like, dtype=torch.bool)


def _half(seed: int, first: bool) -> Callable[[Tensor], Tensor]:
    """Return a function that chooses one half of a tensor's elements, or the other."""
    random = torch.Generator().manual_seed(seed)

    def chosen(like: Tensor) -> Tensor:
        return ((torch.rand(like.shape, generator=random) < 0.5) == first).to(like.device)

    return chosen
