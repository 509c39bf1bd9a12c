"""Operations on complex numbers: their values, and how cotangents pass them.

A complex number is its real and its imaginary part, each with a slot of its own on the tape. So a
cotangent is the pair of the derivatives by both, which is torch's convention, and whatever is made
of real operations needs no rule for conjugates.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb
from torch import Tensor

from autograd_by_hand.enclosure.balls import (
    Array,
    as_array,
    complex_balls,
    conjugated,
    mapped,
    parts_of,
)
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.holomorphic import HOLOMORPHIC, Holomorphic
from autograd_by_hand.enclosure.linear_algebra import LINEAR_ALGEBRA
from autograd_by_hand.enclosure.rules import matrix_product
from autograd_by_hand.enclosure.tape import Tape, weighted
from autograd_by_hand.enclosure.tensor import (
    BallTensor,
    ComplexOperand,
    Operand,
    complex_operand_of,
    operand_of,
)

Rule = Callable[..., Any]


def holomorphic(tape: Tape, name: str, rule: Holomorphic, *arguments: Any) -> ComplexOperand:
    """Apply a function with a complex derivative element by element."""
    operands = [complex_operand_of(argument) for argument in arguments]
    inputs = [complex_balls(operand.values) for operand in operands]
    numbers = mapped(rule.value, *inputs)
    values = parts_of(numbers)
    wide = [np.broadcast_to(operand.values, values.shape) for operand in operands]
    tape.notice(name, values, wide)

    def pull(cotangents: Array) -> list[Array | None]:
        parts: list[Array | None] = []
        arriving = complex_balls(cotangents)
        for partial, operand in zip(rule.partials, operands, strict=True):
            if not operand.slots.any():
                parts.append(None)
                continue
            slopes = mapped(partial, numbers, *inputs)
            tape.notice(f"the derivative of {name}", parts_of(slopes), [cotangents, values])
            parts.append(parts_of(weighted(arriving, conjugated(slopes))))
        return parts

    slots = tape.record(values.shape, [operand.slots for operand in operands], pull)
    return ComplexOperand(values, slots)


def _holomorphic(name: str, rule: Holomorphic) -> Rule:
    return lambda tape, *arguments, **_: holomorphic(tape, name, rule, *arguments)


def _quotient(tape: Tape, first: Any, second: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is not None:
        raise NoEnclosure("a complex quotient is not rounded.")
    return holomorphic(tape, "div", HOLOMORPHIC["div"], first, second)


def conjugate(tape: Tape, argument: Any) -> ComplexOperand:
    """The complex conjugates."""
    operand = complex_operand_of(argument)
    values, slots = operand.values.copy(), operand.slots.copy()
    values[..., 1] = as_array(-values[..., 1])
    own = operand.slots[..., 1].copy()
    slots[..., 1] = tape.record(own.shape, [own], lambda c: [as_array(-c)])
    return ComplexOperand(values, slots)


def joined(_: Tape, real: Any, imaginary: Any) -> ComplexOperand:
    """Complex numbers of their real and imaginary parts."""
    parts = [operand_of(real), operand_of(imaginary)]
    values = np.stack(np.broadcast_arrays(*(part.values for part in parts)), -1)
    slots = np.stack(np.broadcast_arrays(*(part.slots for part in parts)), -1)
    return ComplexOperand(values, slots)


def split(argument: Any) -> tuple[Tensor, Tensor]:
    """The real and the imaginary parts of a tensor or a number."""
    operand = complex_operand_of(argument)
    real, imaginary = (
        BallTensor.of(Operand(operand.values[..., at], operand.slots[..., at])) for at in (0, 1)
    )
    return real, imaginary


def transform(
    tape: Tape, argument: Any, dim: list[int], normalization: int, forward: bool
) -> ComplexOperand:
    """The discrete Fourier transform along axes.

    normalization: 0 for none, 1 to divide by the root of the number of summands, 2 by that number
    """
    operand = complex_operand_of(argument)
    numbers = complex_balls(operand.values)
    count = int(np.prod([numbers.shape[axis] for axis in dim], dtype=np.int64))
    if not numbers.size:
        raise NoEnclosure("a Fourier transform of nothing.")

    def transformed(given: Array, downwards: bool) -> Array:
        for axis in dim:
            given = np.apply_along_axis(_transformed, axis, given, downwards)
        scale = acb(count) ** (1 if normalization == 2 else acb(1) / 2 if normalization else 0)
        return as_array(given / scale)

    def pull(cotangents: Array) -> list[Array | None]:
        return [parts_of(transformed(complex_balls(cotangents), not forward))]

    tape.spend(numbers.size * max(1, count).bit_length())
    values = parts_of(transformed(numbers, forward))
    return ComplexOperand(values, tape.record(values.shape, [operand.slots], pull))


def _transformed(lane: Array, downwards: bool) -> Array:
    """The sums over x_j exp(-2 pi i j k / n), or with exp(+...)."""
    found = np.empty(len(lane), object)
    made = acb.dft(lane.tolist(), inverse=not downwards)
    found[:] = made if downwards else [one * len(lane) for one in made]
    return found


def _spectrum(
    tape: Tape, argument: Any, dim: list[int], normalization: int, onesided: bool
) -> ComplexOperand:
    """The transform of real numbers; with onesided the first half along the last axis."""
    found = transform(tape, argument, dim, normalization, forward=True)
    if not onesided:
        return found
    kept = found.shape[dim[-1]] // 2 + 1
    index = [slice(None)] * len(found.shape)
    index[dim[-1]] = slice(kept)
    return ComplexOperand(found.values[tuple(index)], found.slots[tuple(index)])


COMPLEX_RULES: dict[str, Rule] = {
    **{name: _holomorphic(name, rule) for name, rule in HOLOMORPHIC.items()},
    "div": _quotient,
    "_conj": conjugate,
    "_conj_physical": conjugate,
    "conj_physical": conjugate,
    "_fft_c2c": transform,
    "mm": matrix_product,
    "bmm": matrix_product,
    **LINEAR_ALGEBRA,
}
MAKING_COMPLEX: dict[str, Rule] = {"complex": joined, "_fft_r2c": _spectrum}
