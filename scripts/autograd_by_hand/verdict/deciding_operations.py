"""ATen operations whose result jumps where their operand crosses a threshold, or a winner changes.

Each can be told what to decide: by the operand that it would have without rounding, or by one that
lies on the other side.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

aten = torch.ops.aten

TINY = torch.finfo(torch.float64).tiny
Choose = Callable[[Tensor], Tensor]  # returns some of a tensor's elements, as bool


@dataclass(frozen=True)
class Decision(ABC):
    """A call of an operation that decides by an operand."""

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def operand(self) -> Tensor | None:
        """Return what decides, in float64; None if nothing is decided here."""
        value = self.args[0]
        is_real = isinstance(value, Tensor) and value.dtype == torch.float64 and value.dim() > 0
        return value if is_real and value.numel() else None

    @abstractmethod
    def result(self, operand: Tensor) -> Any:
        """Return the operation's result with the decisions that `operand` makes."""

    @abstractmethod
    def turned(self, operand: Tensor, reach: Tensor, choose: Choose) -> tuple[Tensor, bool]:
        """Return an operand that decides otherwise in some places, and whether it could anywhere.

        reach: how far each element of the operand can be moved
        choose: of the elements that can decide otherwise, those that do
        """


class _Sign(Decision):
    """The sign of a number decides."""

    def result(self, operand: Tensor) -> Any:
        return self.func(operand)

    def turned(self, operand: Tensor, reach: Tensor, choose: Choose) -> tuple[Tensor, bool]:
        jump = self.jump(operand)
        apart = operand - jump
        near = (apart.abs() <= reach) & (reach > 0)
        other = torch.where(apart == 0, jump + reach, jump - apart)
        return torch.where(near & choose(operand), other, operand), bool(near.any())

    def jump(self, operand: Tensor) -> Tensor:
        """Return the place where each number would decide otherwise."""
        return torch.zeros_like(operand)


class _Step(_Sign):
    """A function of steps at the integers."""

    def jump(self, operand: Tensor) -> Tensor:
        return operand.round()


class _StepHalfWay(_Sign):
    """A function of steps half-way between the integers."""

    def jump(self, operand: Tensor) -> Tensor:
        return operand.floor() + 0.5


class _Relu(_Sign):
    def result(self, operand: Tensor) -> Any:
        # The smallest number, where a rounded one is 0 or less, keeps the decision for backward.
        given = self.args[0]
        result = torch.where(operand <= 0, 0.0, given.clamp_min(TINY))
        return given.copy_(result) if self.func is aten.relu_.default else result


class _Comparison(_Sign):
    """A comparison of two numbers: the sign of their difference decides."""

    def operand(self) -> Tensor | None:
        first, second = self.args
        if any(isinstance(one, Tensor) and one.dtype != torch.float64 for one in self.args):
            return None
        apart = torch.where(torch.as_tensor(first == second), 0.0, first - second)
        return apart if apart.numel() else None

    def result(self, operand: Tensor) -> Any:
        return getattr(aten, self.func.overloadpacket.__name__).Scalar(operand, 0.0)


class _Equality(_Comparison):
    def turned(self, operand: Tensor, reach: Tensor, choose: Choose) -> tuple[Tensor, bool]:
        near = (operand.abs() <= reach) & (reach > 0)
        other = torch.where(operand == 0, reach, 0.0)
        return torch.where(near & choose(operand), other, operand), bool(near.any())


class _Greatest(Decision):
    """The greatest number along an axis wins, and its index is a result."""

    sign: ClassVar[float] = 1.0

    def result(self, operand: Tensor) -> Any:
        indices = self.func(operand, *self.args[1:], **self.kwargs)[1]
        axis, keep = self.args[1], len(self.args) > 2 and self.args[2]
        if keep:
            return self.args[0].gather(axis, indices), indices
        return self.args[0].gather(axis, indices.unsqueeze(axis)).squeeze(axis), indices

    def turned(self, operand: Tensor, reach: Tensor, choose: Choose) -> tuple[Tensor, bool]:
        axis = self.args[1]

        def winners(of: Tensor) -> Tensor:
            indices: Tensor = self.func(of, axis, True)[1]
            return indices

        return self.moved_back(operand, reach, choose, axis, winners)

    def moved_back(
        self,
        operand: Tensor,
        reach: Tensor,
        choose: Choose,
        axis: int,
        winners: Callable[[Tensor], Tensor],
    ) -> tuple[Tensor, bool]:
        """Move those winners back that would not win then."""
        indices = winners(operand)
        won = operand.gather(axis, indices)
        back = won - self.sign * 2**0.5 * reach.gather(axis, indices)
        near = winners(operand.scatter(axis, indices, back)) != indices
        moved = torch.where(near & choose(won), back, won)
        return operand.scatter(axis, indices, moved), bool(near.any())


class _Smallest(_Greatest):
    """The smallest number along an axis wins, and its index is a result."""

    sign = -1.0


class _Pool(_Greatest):
    """The greatest number of each window wins; indices count along the last two axes."""

    def result(self, operand: Tensor) -> Any:
        indices = self.func(operand, *self.args[1:], **self.kwargs)[1]
        picked = self.args[0].flatten(-2).gather(-1, indices.flatten(-2))
        return picked.reshape(indices.shape), indices

    def turned(self, operand: Tensor, reach: Tensor, choose: Choose) -> tuple[Tensor, bool]:
        def winners(of: Tensor) -> Tensor:
            indices: Tensor = self.func(of.reshape(operand.shape), *self.args[1:])[1]
            return indices.flatten(-2)

        flat, near = self.moved_back(operand.flatten(-2), reach.flatten(-2), choose, -1, winners)
        return flat.reshape(operand.shape), near


class _Order(Decision):
    """Numbers are put into an order along an axis."""

    axis: ClassVar[int] = 1  # which argument the axis is

    def result(self, operand: Tensor) -> Any:
        indices = self.func(operand, *self.args[1:], **self.kwargs)[1]
        given = self.args[self.axis :]
        axis = given[0] if given else self.kwargs.get("dim", -1)
        return self.args[0].gather(axis, indices), indices

    def turned(self, operand: Tensor, reach: Tensor, choose: Choose) -> tuple[Tensor, bool]:
        moved = torch.where(choose(operand), operand + reach, operand - reach)
        return moved, bool((reach > 0).any())


class _OrderOfTheFirst(_Order):
    axis = 2


COMPARED = ("gt", "ge", "lt", "le")
EQUATED = ("eq", "ne")
DECIDING: dict[Any, type[Decision]] = {
    **{
        getattr(getattr(aten, name), overload): kind
        for names, kind in ((COMPARED, _Comparison), (EQUATED, _Equality))
        for name in names
        for overload in ("Scalar", "Tensor")
    },
    aten.relu.default: _Relu,
    aten.relu_.default: _Relu,
    aten.sgn.default: _Sign,
    aten.sign.default: _Sign,
    aten.floor.default: _Step,
    aten.ceil.default: _Step,
    aten.trunc.default: _Step,
    aten.round.default: _StepHalfWay,
    aten.max.dim: _Greatest,
    aten.min.dim: _Smallest,
    aten.max_pool2d_with_indices.default: _Pool,
    aten.sort.default: _Order,
    aten.topk.default: _OrderOfTheFirst,
}
