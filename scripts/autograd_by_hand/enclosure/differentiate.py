"""Enclose the gradient of a function: execute it in ball arithmetic and pull a cotangent back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.enclosure.balls import Array, Bounds, exact, precision, test
from autograd_by_hand.enclosure.failures import Undecided, Undefined
from autograd_by_hand.enclosure.interpreter import BallInterpreter
from autograd_by_hand.enclosure.tape import Tape, is_lost
from autograd_by_hand.enclosure.tensor import BallTensor, Operand, operand_of

FEWEST_BITS, MOST_BITS = 128, 1024
ACCURACY = 2.0**-70  # the radius that is narrow enough, relative to the gradient's rms
MOST_BALLS = 2e6

Function = Callable[[dict[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Enclosure:
    """A function's result and gradients, each number within proven bounds.

    gradients: by tensor; a wide radius is that of a kink, or of what MOST_BITS do not decide
    bits: the precision that was needed
    kinks: by operation, how many of its derivatives have no single value at these inputs
    """

    result: Bounds
    gradients: dict[str, Bounds]
    bits: int
    kinks: dict[str, int]

    def is_narrow(self) -> bool:
        """Whether every element of every gradient is known to ACCURACY."""
        return all(_is_narrow(bounds) for bounds in self.gradients.values())


def enclose(
    function: Function,
    tensors: Mapping[str, Tensor],
    needed: list[str],
    dout: Tensor,
    most_balls: float = MOST_BALLS,
) -> Enclosure:
    """Enclose a function's result and its vector-Jacobian product, doubling the precision.

    function: gets tensors by name, which look like float64, and returns one
    tensors: the inputs, in float64 or of integers; each number is taken as it is
    needed: the tensors to differentiate by
    dout: the cotangent, shape of the result

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
    dout: Tensor,
    bits: int,
    most_balls: float = MOST_BALLS,
) -> Enclosure:
    """Enclose as `enclose` does, at one precision, however wide the balls become."""
    tape = Tape(most_balls)
    with precision(bits):
        leaves = {name: _leaf(value, name in needed, tape) for name, value in tensors.items()}
        with BallInterpreter(tape):
            result = function(leaves)
        if not isinstance(result, BallTensor):
            result = BallTensor.of(operand_of(result))  # it does not depend on the inputs
        _check_defined(tape, result.values, "the result")
        cotangents = exact(dout.detach().double().numpy()).reshape(result.values.shape)
        every = tape.sweep(result.slots, cotangents)
        gradients = {}
        for name in needed:
            slots = leaves[name].slots  # type: ignore[attr-defined]
            found = every[slots.ravel()].reshape(slots.shape)
            _check_defined(tape, found, f"the gradient of {name}")
            gradients[name] = Bounds.of(found)
        return Enclosure(Bounds.of(result.values), gradients, bits, dict(tape.kinks))


def _leaf(value: Tensor, is_needed: bool, tape: Tape) -> Tensor:
    if not value.is_floating_point():
        return value
    values = exact(value.detach().double().numpy())
    slots = tape.fresh(values.shape) if is_needed else np.zeros(values.shape, np.int64)
    leaf = BallTensor.of(Operand(values, slots))
    return leaf.requires_grad_() if is_needed else leaf


def _check_defined(tape: Tape, values: Array, what: str) -> None:
    if not test(is_lost, values).any():
        return
    if tape.proven:
        raise Undefined(f"{what} does not exist at these inputs: {tape.undefined} has none.")
    raise Undecided(
        f"{what} does not exist at these inputs, or more bits must decide it: {tape.undefined}."
    )


def _is_narrow(bounds: Bounds) -> bool:
    size = float(torch.from_numpy(bounds.head).norm()) / max(1, bounds.head.size) ** 0.5
    return bool((bounds.radius <= ACCURACY * size).all())
