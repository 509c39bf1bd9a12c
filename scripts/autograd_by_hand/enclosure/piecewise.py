"""Functions with kinks, and predicates of balls.

At a kink the derivative is enclosed by the hull of those on both sides, which holds whatever a
library chooses there; so is that of a ball which straddles a kink. A function that jumps, such as
sign or a comparison, must be decided, else `Undecided` is raised.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from flint import arb

from autograd_by_hand.enclosure.balls import ONE, ZERO
from autograd_by_hand.enclosure.failures import Undecided
from autograd_by_hand.enclosure.functions import Function, Pointwise


@dataclass(frozen=True)
class _Piece:
    """A part of a continuous function of one number and constants, with its derivative."""

    value: Function
    slope: Function


def _continuous(breaks: Callable[..., Sequence[arb]], *pieces: _Piece) -> Pointwise:
    """A function of pieces between increasing breaks, which are computed from the constants.

    All of the pieces that a ball may be on count; at a break these are the two beside it.
    """

    def touched(x: arb, constants: tuple[arb, ...]) -> list[_Piece]:
        bounds = breaks(*constants)
        return [
            piece
            for i, piece in enumerate(pieces)
            if not (i > 0 and x < bounds[i - 1]) and not (i < len(bounds) and x > bounds[i])
        ]

    def value(x: arb, *constants: arb) -> arb:
        return hull([piece.value(x, *constants) for piece in touched(x, constants)])

    def slope(_: arb, x: arb, *constants: arb) -> arb:
        return hull([piece.slope(x, *constants) for piece in touched(x, constants)])

    return Pointwise(value, (slope,))


def hull(balls: Sequence[arb]) -> arb:
    """A ball that contains all of these; itself if they are the same."""
    first = balls[0]
    if all(first.is_exact() and ball.is_exact() and ball == first for ball in balls):
        return first
    return reduce(arb.union, balls)


def _zero(*_: arb) -> arb:
    return ZERO


def _one(*_: arb) -> arb:
    return ONE


def _same(x: arb, *_: arb) -> arb:
    return x


def _at_zero(*_: arb) -> Sequence[arb]:
    return (ZERO,)


def _at_three(*_: arb) -> Sequence[arb]:
    return (arb(-3), arb(3))


_IDENTITY, _NOTHING = _Piece(_same, _one), _Piece(_zero, _zero)


def _elu_value(x: arb, alpha: arb, scale: arb, input_scale: arb) -> arb:
    return scale * alpha * (x * input_scale).expm1()


def _elu_slope(x: arb, alpha: arb, scale: arb, input_scale: arb) -> arb:
    return scale * alpha * input_scale * (x * input_scale).exp()


CONTINUOUS: dict[str, Pointwise] = {
    "abs": _continuous(_at_zero, _Piece(lambda x: -x, lambda _: -ONE), _IDENTITY),
    "relu": _continuous(_at_zero, _NOTHING, _IDENTITY),
    "leaky_relu": _continuous(_at_zero, _Piece(lambda x, s: s * x, lambda _, s: s), _IDENTITY),
    "elu": _continuous(
        _at_zero,
        _Piece(_elu_value, _elu_slope),
        _Piece(lambda x, _, scale, __: scale * x, lambda _, __, scale, ___: scale),
    ),
    "celu": _continuous(
        _at_zero,
        _Piece(lambda x, a: a * (x / a).expm1(), lambda x, a: (x / a).exp()),
        _IDENTITY,
    ),
    "softshrink": _continuous(
        lambda size: (-size, size),
        _Piece(lambda x, size: x + size, _one),
        _NOTHING,
        _Piece(lambda x, size: x - size, _one),
    ),
    "hardsigmoid": _continuous(
        _at_three,
        _NOTHING,
        _Piece(lambda x: (x + 3) / 6, lambda _: ONE / 6),
        _Piece(_one, _zero),
    ),
    "hardswish": _continuous(
        _at_three,
        _NOTHING,
        _Piece(lambda x: x * (x + 3) / 6, lambda x: (2 * x + 3) / 6),
        _IDENTITY,
    ),
}


def _by_first(_: arb, x: arb, y: arb) -> arb:
    return ONE if x > y else ZERO if x < y else arb(0.5, 0.5)


def _by_second(value: arb, x: arb, y: arb) -> arb:
    return _by_first(value, y, x)


def _opposite(function: Function) -> Function:
    return lambda value, x, y: function(value, y, x)


EXTREMES: dict[str, Pointwise] = {
    "maximum": Pointwise(arb.max, (_by_first, _by_second)),
    "minimum": Pointwise(arb.min, (_opposite(_by_first), _opposite(_by_second))),
}


def order(first: arb, second: arb, operation: str) -> int:
    """-1, 0 or 1 as one number is less than, equal to or greater than another, by proof.

    Raises
        Undecided: if the balls overlap and are not the same exact number.
    """
    if first < second:
        return -1
    if first > second:
        return 1
    if first.is_exact() and second.is_exact() and not first.is_nan() and first == second:
        return 0
    raise Undecided(
        f"{operation}: it is not decided whether two numbers near {_shown(first)} are equal."
    )


def step(function: Callable[[arb], arb], operation: str) -> Callable[[arb], arb]:
    """A function with jumps, which must be decided.

    Raises
        Undecided: if the value is not one exact number.
    """

    def decided(x: arb) -> arb:
        value = function(x)
        if not value.is_exact():
            raise Undecided(
                f"{operation}: it is not decided on which side of a jump {_shown(x)} is."
            )
        return value

    return decided


def nearest_integer(x: arb) -> arb:
    """The nearest integer, and the even one of two."""
    found = (x + ONE / 2).floor()
    tie = (x + ONE / 2 - found).is_zero()
    return found - 1 if tie and not (found / 2).is_integer() else found


def toward_zero(x: arb) -> arb:
    """The integer part."""
    return x.floor() if x >= 0 else x.ceil() if x <= 0 else x.floor().union(x.ceil())


STEPS: dict[str, Callable[[arb], arb]] = {
    "sign": arb.sgn,
    "sgn": arb.sgn,
    "floor": arb.floor,
    "ceil": arb.ceil,
    "trunc": toward_zero,
    "round": nearest_integer,
}


def _shown(ball: arb) -> str:
    return f"{float(ball.mid()):.6g}"
