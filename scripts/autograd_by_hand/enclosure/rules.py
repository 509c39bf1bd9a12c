"""Rules of the operations that compute: their values as balls, and how cotangents pass them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flint import arb

from autograd_by_hand.aten.numpy_axes import axes
from autograd_by_hand.enclosure.balls import (
    ONE,
    ZERO,
    Array,
    adjoint,
    as_array,
    ball,
    filled,
    mapped,
    product,
    test,
)
from autograd_by_hand.enclosure.failures import NoEnclosure
from autograd_by_hand.enclosure.functions import FUNCTIONS, VARIANTS, Pointwise
from autograd_by_hand.enclosure.piecewise import CONTINUOUS, EXTREMES, STEPS, step
from autograd_by_hand.enclosure.tape import PRODUCTS_PER_BALL, Tape, weighted
from autograd_by_hand.enclosure.tensor import Operand, alike, numbers_of, operand_of, recorded

WIDE = 1e-3  # a derivative in [0, 1] at a kink is wider than any that is decided
Rule = Callable[..., Any]


def pointwise(tape: Tape, name: str, rule: Pointwise, *arguments: Any) -> Operand:
    """Apply a function element by element to tensors and numbers."""
    operands = [operand_of(argument) for argument in arguments]
    inputs = [operand.values.copy() for operand in operands]
    values = mapped(rule.value, *inputs)
    tape.notice(name, values, inputs)

    def pull(cotangents: Array) -> list[Array | None]:
        parts: list[Array | None] = []
        for partial, operand in zip(rule.partials, operands, strict=False):
            if not operand.slots.any():
                parts.append(None)
                continue
            if partial is None:
                raise NoEnclosure(f"{name} is not differentiated by this argument here.")
            slopes = mapped(partial, values, *inputs)
            tape.notice(f"the derivative of {name}", slopes, [cotangents, values])
            if name in KINKED:
                used = test(lambda c: not c.is_zero(), cotangents)
                tape.kink(name, int((test(is_wide, slopes) & used).sum()))
            parts.append(weighted(cotangents, slopes))
        return parts + [None] * (len(operands) - len(parts))

    slots = tape.record(values.shape, [operand.slots for operand in operands], pull)
    return Operand(values, slots)


def is_wide(slope: arb) -> bool:
    """Whether a derivative has no single value, as at a kink."""
    return not slope.is_exact() and not slope.rad() < WIDE * (abs(slope) + WIDE)


KINKED = {*CONTINUOUS, *EXTREMES, "special_i0e", "special_i1e"}


def _pointwise(name: str, rule: Pointwise) -> Rule:
    defaults = DEFAULTS.get(name, ())

    def applied(tape: Tape, *arguments: Any, **named: Any) -> Operand:
        given = [*arguments, *named.values()]
        missing = len(defaults) - len(given) + 1
        return pointwise(tape, name, rule, *given, *defaults[len(defaults) - max(0, missing) :])

    return applied


DEFAULTS = {  # of the arguments after the tensor, as ATen declares them
    "leaky_relu": (0.01,),
    "elu": (1, 1, 1),
    "celu": (1,),
    "softshrink": (0.5,),
}


def _stepping(name: str, function: Callable[[arb], arb]) -> Rule:
    """A function with jumps: constant between them."""

    def rule(_: Tape, argument: Any, *, decimals: int = 0) -> Any:
        if decimals:
            return NotImplemented
        values = mapped(step(function, name), operand_of(argument).values)
        return Operand(values, np.zeros(values.shape, np.int64))

    return rule


def add(tape: Tape, first: Any, second: Any, *, alpha: float = 1) -> Operand:
    """The sum, the second operand times `alpha`."""
    return _added(tape, operand_of(first), operand_of(second), ball(alpha))


def subtract(tape: Tape, first: Any, second: Any, *, alpha: float = 1) -> Operand:
    """The difference, the second operand times `alpha`."""
    return _added(tape, operand_of(first), operand_of(second), -ball(alpha))


def _added(tape: Tape, first: Operand, second: Operand, factor: arb) -> Operand:
    plain = factor == ONE
    scaled = second.values if plain else as_array(second.values * factor)
    values = as_array(first.values + scaled)
    tape.notice("add", values, [first.values, second.values])

    def pull(cotangents: Array) -> list[Array | None]:
        return [cotangents, cotangents if plain else as_array(cotangents * factor)]

    return Operand(values, tape.record(values.shape, [first.slots, second.slots], pull))


def multiply(tape: Tape, first: Any, second: Any) -> Operand:
    """The product, element by element."""
    one, two = operand_of(first), operand_of(second)
    left, right = one.values.copy(), two.values.copy()
    values = as_array(left * right)
    tape.notice("mul", values, [left, right])

    def pull(cotangents: Array) -> list[Array | None]:
        return [
            weighted(cotangents, right) if one.slots.any() else None,
            weighted(cotangents, left) if two.slots.any() else None,
        ]

    return Operand(values, tape.record(values.shape, [one.slots, two.slots], pull))


def negate(tape: Tape, argument: Any) -> Operand:
    """The number with the other sign."""
    operand = operand_of(argument)
    values = as_array(-operand.values)
    return Operand(values, tape.record(values.shape, [operand.slots], lambda c: [as_array(-c)]))


def total(tape: Tape, argument: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Operand:
    """The sum over axes."""
    operand = operand_of(argument)
    over = _over(dim, operand)
    values = as_array(operand.values.sum(axis=over, keepdims=True)) if over else operand.values
    tape.spend(operand.values.size)
    if not operand.values.size:
        values = filled(values.shape, ZERO)

    def pull(cotangents: Array) -> list[Array | None]:
        return [np.broadcast_to(cotangents, operand.shape)]

    slots = tape.record(values.shape, [operand.slots], pull)
    return _kept(Operand(values, slots), over, keepdim)


def _over(dim: Any, operand: Operand) -> tuple[int, ...]:
    found = axes(dim, operand.values.ndim)
    return tuple(range(operand.values.ndim)) if found is None else found


def _kept(result: Operand, over: tuple[int, ...], keepdim: bool) -> Operand:
    """A reduced result without the axes of size 1 that are left."""
    if keepdim:
        return result
    return Operand(as_array(result.values.squeeze(over)), np.asarray(result.slots.squeeze(over)))


def _extreme(name: str, direction: int) -> Rule:
    def rule(tape: Tape, argument: Any, dim: Any = (), keepdim: bool = False) -> Operand:
        """The greatest or least over axes; of those that may be it, each has a share."""
        operand = operand_of(argument)
        over = _over(dim, operand)
        if not operand.values.size:
            raise NoEnclosure(f"{name} of nothing.")
        inputs, pick = operand.values.copy(), (arb.max, arb.min)[direction < 0]
        values = inputs
        for axis in over:
            values = as_array(np.frompyfunc(pick, 2, 1).reduce(values, axis=axis, keepdims=True))

        def pull(cotangents: Array) -> list[Array | None]:
            away = mapped(
                lambda x, m: ONE if (x < m, x > m)[direction < 0] else ZERO, inputs, values
            )
            eligible = test(arb.is_zero, away)
            alone = eligible.sum(axis=over, keepdims=True) == 1
            slopes = filled(inputs.shape, ZERO)
            slopes[eligible] = arb(0.5, 0.5)
            slopes[eligible & alone] = ONE
            used = test(lambda c: not c.is_zero(), cotangents)
            tape.kink(name, int((~alone & used).sum()))
            return [weighted(np.broadcast_to(cotangents, inputs.shape), slopes)]

        slots = tape.record(values.shape, [operand.slots], pull)
        return _kept(Operand(values, slots), over, keepdim)

    return rule


def matrix_product(tape: Tape, first: Any, second: Any) -> Operand:
    """The matrix product of (..., m, k) and (..., k, n) with the same leading axes."""
    operands = alike(first, second)
    left, right = (numbers_of(operand).copy() for operand in operands)
    tape.spend(left.size * right.shape[-1] / PRODUCTS_PER_BALL)

    def pull(cotangents: Array) -> list[Array | None]:
        by_first, by_second = (bool(operand.slots.any()) for operand in operands)
        return [
            product(cotangents, adjoint(right)) if by_first else None,
            product(adjoint(left), cotangents) if by_second else None,
        ]

    return recorded(tape, operands, product(left, right), pull)


def _variant(tape: Tape, name: str, argument: Any) -> Operand:
    return pointwise(tape, name, VARIANTS[name], argument)


def _gelu(tape: Tape, argument: Any, *, approximate: str = "none") -> Operand:
    return _variant(tape, f"gelu_{approximate}", argument)


def _logit(tape: Tape, argument: Any, eps: float | None = None) -> Any:
    return _variant(tape, "logit", argument) if eps is None else NotImplemented


def _log_sigmoid(tape: Tape, argument: Any) -> Any:
    return _variant(tape, "log_sigmoid", argument), torch.empty(0)


def _quotient(tape: Tape, first: Any, second: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is not None:
        return NotImplemented
    return pointwise(tape, "div", FUNCTIONS["div"], first, second)


RULES: dict[str, Rule] = {
    **{name: _pointwise(name, rule) for name, rule in (FUNCTIONS | CONTINUOUS | EXTREMES).items()},
    **{name: _stepping(name, function) for name, function in STEPS.items()},
    "div": _quotient,
    "gelu": _gelu,
    "logit": _logit,
    "log_sigmoid_forward": _log_sigmoid,
    "add": add,
    "sub": subtract,
    "rsub": lambda tape, first, second, alpha=1: subtract(tape, second, first, alpha=alpha),
    "mul": multiply,
    "neg": negate,
    "sum": total,
    "amax": _extreme("amax", 1),
    "amin": _extreme("amin", -1),
    "mm": matrix_product,
    "bmm": matrix_product,
}
