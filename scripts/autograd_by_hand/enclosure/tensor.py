"""Tensors that look like float64 to torch and hold balls and their slots on the tape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import Keywords
from autograd_by_hand.aten.torch_private import plain_torch_function, shell
from autograd_by_hand.enclosure.balls import Array, exact
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.tape import Slots


@dataclass(frozen=True)
class Operand:
    """What an operation computes with: balls, and the slots of equal shape."""

    values: Array
    slots: Slots

    @classmethod
    def constant(cls, numbers: Any) -> "Operand":
        """Numbers that do not depend on the inputs."""
        values = exact(numbers)
        return cls(values, np.zeros(values.shape, np.int64))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of both arrays."""
        shape: tuple[int, ...] = self.values.shape
        return shape


class BallTensor(Tensor):
    """A tensor of balls. A view of it shares their memory, as views of any tensor do.

    values, slots: arrays with the tensor's own shape and strides
    memory: the same of the whole storage, flat
    """

    values: Array  # type: ignore[assignment]  # torch's is a method of sparse tensors
    slots: Slots
    memory: Operand

    # Results of torch's functions are not wrapped again.
    __torch_function__ = plain_torch_function  # type: ignore[assignment]

    @staticmethod
    def __new__(  # noqa: D102, PYI034
        cls: type["BallTensor"], values: Array, slots: Slots, memory: Operand, offset: int
    ) -> "BallTensor":
        strides = tuple(step // values.itemsize for step in values.strides)
        tensor = shell(cls, values.shape, torch.float64, strides, offset)
        assert isinstance(tensor, BallTensor)
        tensor.values, tensor.slots, tensor.memory = values, slots, memory
        return tensor

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"BallTensor({self.values})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Keywords | None = None
    ) -> Any:
        raise NoEnclosure(f"{func} is executed outside of ball arithmetic.")

    @classmethod
    def of(cls, operand: Operand) -> "BallTensor":
        """A tensor with memory of its own, laid out as `operand.values` is."""
        values = operand.values
        order = sorted(range(values.ndim), key=lambda axis: -abs(values.strides[axis]))
        laid_out = values.transpose(order).copy()
        slots = operand.slots.transpose(order).copy()
        back = [order.index(axis) for axis in range(values.ndim)]
        memory = Operand(laid_out.reshape(-1), slots.reshape(-1))
        return cls(laid_out.transpose(back), slots.transpose(back), memory, 0)

    def viewed(self, size: Any, stride: Any, offset: int) -> "BallTensor":
        """A view of the same memory, with strides and an offset in elements."""
        parts = []
        for flat in (self.memory.values, self.memory.slots):
            steps = [step * flat.itemsize for step in stride]
            parts.append(np.lib.stride_tricks.as_strided(flat[offset:], tuple(size), steps))
        return BallTensor(parts[0], parts[1], self.memory, offset)

    def write(self, operand: Operand) -> None:
        """Overwrite the elements, for an operation that works in place."""
        self.values[...] = np.broadcast_to(operand.values, self.values.shape)
        self.slots[...] = np.broadcast_to(operand.slots, self.slots.shape)


def operand_of(argument: Any) -> Operand:
    """A tensor of any kind or a number as an operand; what torch stores is exact."""
    if isinstance(argument, BallTensor):
        return Operand(argument.values, argument.slots)
    if isinstance(argument, Tensor):
        held = argument.detach()
        return Operand.constant((held.double() if held.is_floating_point() else held).numpy())
    return Operand.constant(argument)
