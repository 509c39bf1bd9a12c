"""Enclose the gradient of a function: execute it in ball arithmetic and pull a cotangent back.

It is the gradient of the function's values, even through a detach.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from autograd_by_hand.enclosure.balls import Array, Bounds, precision, test
from autograd_by_hand.enclosure.failures import NoEnclosure, Undecided, Undefined
from autograd_by_hand.enclosure.interpreter import BallInterpreter
from autograd_by_hand.enclosure.tape import Tape, is_lost
from autograd_by_hand.enclosure.tensor import (
    BallTensor,
    ComplexOperand,
    Operand,
    any_operand_of,
    complex_operand_of,
    operand_of,
)

FEWEST_BITS, MOST_BITS = 128, 1024
ACCURACY = 2.0**-70  # the radius that is narrow enough, relative to the gradient's rms
NOTHING = 2.0**-900  # a radius that is narrow whatever the gradient is, which may be zero
MOST_BALLS = 2e6

Outputs = Mapping[str, Tensor]
Function = Callable[[dict[str, Tensor]], Tensor | Outputs]
ONLY = "result"  # the name of a single output


@dataclass(frozen=True)
class Enclosure:
    """A function's outputs and gradients, each number within proven bounds.

    outputs: by name; a single one is "result"
    gradients: by tensor; a wide radius is that of a kink, or of what MOST_BITS do not decide; of
        complex numbers the bounds of both parts, in the shape that `torch.view_as_real` gives them
    bits: the precision that was needed
    kinks: by operation, how many of its derivatives have no single value at these inputs
    work: how many numbers were computed, as `most_balls` counts them
    """

    outputs: dict[str, Bounds]
    gradients: dict[str, Bounds]
    bits: int
    kinks: dict[str, int]
    work: float

    def is_narrow(self) -> bool:
        """Whether every element of every gradient is known to ACCURACY."""
        return all(_is_narrow(bounds) for bounds in self.gradients.values())


def enclose(
    function: Function,
    tensors: Mapping[str, Tensor],
    needed: list[str],
    dout: Tensor | Outputs,
    most_balls: float = MOST_BALLS,
) -> Enclosure:
    """Enclose a function's outputs and their vector-Jacobian product, doubling the precision.

    function: gets tensors by name, which look like float64, and returns one, or several by name
    tensors: the inputs, in float64 or of integers; each number is taken as it is
    needed: the tensors to differentiate by
    dout: the cotangent, in the shape of the result; or those of the outputs to pull back, by name

    Raises
        NoEnclosure: if the function uses an operation that is not covered.
        TooLarge: if it computes more than `most_balls` numbers.
        Undefined: if its value or gradient does not exist at these inputs.
        Undecided: if MOST_BITS do not decide one of its comparisons.
    """
    bits = FEWEST_BITS
    while True:
        try:
            found = enclose_at(function, tensors, needed, dout, bits, most_balls)
        except Undecided:
            if bits >= MOST_BITS:
                raise
        else:
            if bits >= MOST_BITS or found.is_narrow() or (found.kinks and bits > FEWEST_BITS):
                return found
        bits *= 2


def enclose_at(
    function: Function,
    tensors: Mapping[str, Tensor],
    needed: list[str],
    dout: Tensor | Outputs,
    bits: int,
    most_balls: float = MOST_BALLS,
) -> Enclosure:
    """Enclose as `enclose` does, at one precision, however wide the balls become."""
    tape = Tape(most_balls)
    with precision(bits):
        leaves = {name: _leaf(value, name in needed, tape) for name, value in tensors.items()}
        with BallInterpreter(tape):
            returned = function(leaves)
        douts = {ONLY: dout} if isinstance(dout, Tensor) else dout
        named = {ONLY: returned} if isinstance(returned, Tensor) else returned
        outputs = {name: any_operand_of(named[name]) for name in douts}
        for name, output in outputs.items():
            _check_defined(tape, output.values, f"the {name}")
        seeds = [
            (output.slots, _cotangents(output, douts[name])) for name, output in outputs.items()
        ]
        try:
            every = tape.sweep(seeds)
        except (ArithmeticError, ValueError, RuntimeError) as error:
            raise NoEnclosure(f"the gradient has no case in ball arithmetic: {error}.") from error
        gradients = {}
        for name in needed:
            slots = leaves[name].slots  # type: ignore[attr-defined]
            found = every[slots.ravel()].reshape(slots.shape)
            _check_defined(tape, found, f"the gradient of {name}")
            gradients[name] = _bounds(found, f"the gradient of {name}")
        kinks = dict(tape.kinks)
        bounds = {name: _bounds(one.values, f"the {name}") for name, one in outputs.items()}
        return Enclosure(bounds, gradients, bits, kinks, tape.work)


def _cotangents(output: Operand, dout: Tensor) -> Array:
    wide = dout.detach().to(torch.complex128 if dout.is_complex() else torch.float64)
    return (complex_operand_of if isinstance(output, ComplexOperand) else operand_of)(wide).values


def _leaf(value: Tensor, is_needed: bool, tape: Tape) -> Tensor:
    if not value.is_floating_point() and not value.is_complex():
        return value
    tape.spend(value.numel())
    operand = any_operand_of(value.detach())
    slots = tape.fresh(operand.shape) if is_needed else operand.slots
    leaf = BallTensor.of(type(operand)(operand.values, slots))
    return leaf.requires_grad_() if is_needed else leaf


def _check_defined(tape: Tape, values: Array, what: str) -> None:
    if not test(is_lost, values).any():
        return
    if not tape.undefined:
        raise Undefined(f"{what} does not exist at these inputs, which are not all numbers.")
    if tape.proven:
        raise Undefined(f"{what} does not exist at these inputs: {tape.undefined} has none.")
    raise Undecided(
        f"{what} does not exist at these inputs, or more bits must decide it: {tape.undefined}."
    )


def _bounds(values: Array, what: str) -> Bounds:
    bounds = Bounds.of(values)
    if bounds.overflows():
        raise NoEnclosure(f"{what} is too large for float64.")
    return bounds


def _is_narrow(bounds: Bounds) -> bool:
    size = float(torch.from_numpy(bounds.head).norm()) / max(1, bounds.head.size) ** 0.5
    return bool((bounds.radius <= max(ACCURACY * size, NOTHING)).all())
