"""Tensors that look like float64 to torch and hold balls and their slots on the tape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import Keywords
from autograd_by_hand.aten.torch_private import plain_torch_function, shell
from autograd_by_hand.enclosure.balls import (
    ZERO,
    Array,
    complex_balls,
    exact,
    filled,
    midpoints,
    parts_of,
)
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.tape import Pull, Slots, Tape


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


class ComplexOperand(Operand):
    """Complex numbers: balls and slots of their real and imaginary parts, along a last axis."""

    @classmethod
    def of_real(cls, operand: Operand) -> "ComplexOperand":
        """Real numbers as complex ones, whose imaginary parts are zero and depend on nothing."""
        zeros = filled(operand.shape, ZERO)
        return cls(
            np.stack([operand.values, zeros], -1),
            np.stack([operand.slots, np.zeros(operand.shape, np.int64)], -1),
        )


@dataclass
class Memory:
    """The storage that views share: real numbers, flat, those of a complex one side by side.

    writes: how often it was written to
    """

    values: Array
    slots: Slots
    writes: int = 0


class BallTensor(Tensor):
    """A tensor of balls. A view of it shares their memory, as views of any tensor do.

    values, slots: arrays with the tensor's own shape and strides, and a last axis of the real and
        the imaginary part if it is complex
    memory: the same of the whole storage, flat
    shown: the memory that it shows although it has its own, as a conjugate does, and how often that
        was written to before; or None
    """

    values: Array  # type: ignore[assignment]  # torch's is a method of sparse tensors
    slots: Slots
    memory: Memory
    shown: tuple[Memory, int] | None

    # Results of torch's functions are not wrapped again.
    __torch_function__ = plain_torch_function  # type: ignore[assignment]

    @staticmethod
    def __new__(  # noqa: D102, PYI034
        cls: type["BallTensor"],
        values: Array,
        slots: Slots,
        memory: Memory,
        offset: int,
        is_complex: bool = False,
    ) -> "BallTensor":
        per_number = 1 + is_complex
        axes = values.ndim - is_complex
        strides = tuple(step // values.itemsize // per_number for step in values.strides[:axes])
        dtype = torch.complex128 if is_complex else torch.float64
        tensor = shell(cls, values.shape[:axes], dtype, strides, offset)
        assert isinstance(tensor, BallTensor)
        tensor.values, tensor.slots, tensor.memory, tensor.shown = values, slots, memory, None
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
        is_complex = isinstance(operand, ComplexOperand)
        axes = values.ndim - is_complex
        order = sorted(range(axes), key=lambda axis: -abs(values.strides[axis]))
        order += range(axes, values.ndim)
        laid_out = values.transpose(order).copy()
        slots = operand.slots.transpose(order).copy()
        back = [order.index(axis) for axis in range(values.ndim)]
        memory = Memory(laid_out.reshape(-1), slots.reshape(-1))
        return cls(laid_out.transpose(back), slots.transpose(back), memory, 0, is_complex)

    def viewed(self, size: Any, stride: Any, offset: int, is_complex: bool) -> "BallTensor":
        """A view of the same memory, with strides and an offset in elements of its dtype."""
        parts = []
        for flat in (self.memory.values, self.memory.slots):
            shape, steps, start = list(size), [step * flat.itemsize for step in stride], offset
            if is_complex:
                shape, steps, start = [*shape, 2], [2 * s for s in steps], 2 * offset
                steps.append(flat.itemsize)
            parts.append(np.lib.stride_tricks.as_strided(flat[start:], shape, steps))
        found = BallTensor(parts[0], parts[1], self.memory, offset, is_complex)
        found.shown = self.shown
        return found

    def showing(self, other: "BallTensor") -> "BallTensor":
        """Note that to torch the tensor is a view of another; return it."""
        self.shown = other.shown or (other.memory, other.memory.writes)
        return self

    def check_current(self) -> None:
        """Refuse a conjugate of what has been written to since."""
        if self.shown and self.shown[0].writes != self.shown[1]:
            raise NoEnclosure("a tensor is written to after a conjugate or negative view is taken.")

    def write(self, operand: Operand) -> None:
        """Overwrite the elements, for an operation that works in place."""
        if self.shown:
            raise NoEnclosure("forward writes to a conjugate or negative view of a tensor.")
        if self.is_complex() and not isinstance(operand, ComplexOperand):
            operand = ComplexOperand.of_real(operand)
        elif isinstance(operand, ComplexOperand) and not self.is_complex():
            raise NoEnclosure("forward writes complex numbers to a real tensor.")
        self.values[...] = np.broadcast_to(operand.values, self.values.shape)
        self.slots[...] = np.broadcast_to(operand.slots, self.slots.shape)
        self.memory.writes += 1


def operand_of(argument: Any) -> Operand:
    """A real tensor of any kind or a number as an operand; what torch stores is exact."""
    if is_complex(argument):
        raise NoEnclosure("complex numbers where ball arithmetic has a rule for real ones only.")
    if isinstance(argument, BallTensor):
        argument.check_current()
        return Operand(argument.values, argument.slots)
    if isinstance(argument, Tensor):
        held = argument.detach()
        return Operand.constant((held.double() if held.is_floating_point() else held).numpy())
    return Operand.constant(argument)


def complex_operand_of(argument: Any) -> ComplexOperand:
    """A tensor or a number as complex numbers."""
    if not is_complex(argument):
        return ComplexOperand.of_real(operand_of(argument))
    if isinstance(argument, BallTensor):
        argument.check_current()
        return ComplexOperand(argument.values, argument.slots)
    if isinstance(argument, Tensor):
        held = argument.detach().resolve_conj().to(torch.complex128)
        numbers = torch.view_as_real(held).resolve_neg().numpy()
    else:
        numbers = np.array([argument.real, argument.imag])
    values = exact(numbers)
    return ComplexOperand(values, np.zeros(values.shape, np.int64))


def any_operand_of(argument: Any) -> Operand:
    """A tensor or a number as what it is, real or complex."""
    return complex_operand_of(argument) if is_complex(argument) else operand_of(argument)


def alike(*arguments: Any) -> list[Operand]:
    """Tensors or numbers as operands: all complex if one of them is."""
    made = complex_operand_of if any(map(is_complex, arguments)) else operand_of
    return [made(argument) for argument in arguments]


def numbers_of(operand: Operand) -> Array:
    """One ball for each number: `acb` of complex ones."""
    return complex_balls(operand.values) if isinstance(operand, ComplexOperand) else operand.values


def recorded(tape: Tape, operands: list[Operand], numbers: Array, pull: Pull) -> Operand:
    """The results of an operation on operands that are alike, and recorded on the tape.

    numbers: one ball for each result
    pull: from and to cotangents with one ball for each number; those of complex ones are complex,
        with the derivatives by the real and the imaginary part as theirs
    """
    slots = [operand.slots for operand in operands]
    if not any(isinstance(operand, ComplexOperand) for operand in operands):
        return Operand(numbers, tape.record(numbers.shape, slots, pull))

    def pulled(cotangents: Array) -> list[Array | None]:
        found = pull(complex_balls(cotangents))
        return [None if part is None else parts_of(part) for part in found]

    values = parts_of(numbers)
    return ComplexOperand(values, tape.record(values.shape, slots, pulled))


def is_complex(argument: Any) -> bool:
    """Whether a tensor or a number is complex."""
    if isinstance(argument, Tensor):
        return argument.is_complex()
    return isinstance(argument, complex)


def balls_of(tensor: Tensor) -> Array:
    """The real and imaginary parts of a tensor's numbers, along a last axis."""
    return complex_operand_of(tensor).values


def midpoints_of(tensor: Tensor) -> Tensor:
    """The midpoints as a plain tensor of the same shape, in float64 or complex128."""
    heads = torch.from_numpy(midpoints(any_operand_of(tensor).values))
    return torch.view_as_complex(heads) if is_complex(tensor) else heads
