"""Functions of complex numbers that have a complex derivative, by FLINT's `acb`.

On a branch cut a function has no derivative, and its value depends on the side; there, as wherever
it is not defined, the ball is nan.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flint import acb, arb

from autograd_by_hand.enclosure.balls import NAN

Function = Callable[..., acb]
NOWHERE = acb(NAN, NAN)
LARGEST_POWER = 2**20  # beyond it a power is computed with a logarithm


@dataclass(frozen=True)
class Holomorphic:
    """A function with complex derivatives, applied element by element.

    partials: by operand, each a function of (value, *operands)
    """

    value: Function
    partials: tuple[Function, ...]


def _but(is_cut: Callable[[acb], bool], function: Function) -> Function:
    """A function that is nan where its argument may lie on a branch cut."""
    return lambda z: NOWHERE if is_cut(z) else function(z)


def _not_positive(z: acb) -> bool:
    """Whether z may be a real number up to 0: the cut of log and of sqrt."""
    return bool(z.imag.contains(0)) and not z.real > 0


def _outside(z: acb) -> bool:
    """Whether z may be a real number from 1 on, or up to -1."""
    return bool(z.imag.contains(0)) and not abs(z.real) < 1


def _outside_times_i(z: acb) -> bool:
    return bool(z.real.contains(0)) and not abs(z.imag) < 1


def _up_to_one(z: acb) -> bool:
    return bool(z.imag.contains(0)) and not z.real > 1


_log = _but(_not_positive, acb.log)


def _ln2() -> arb:
    return arb.const_log2()


def _beside_one(z: acb) -> acb:
    """The root of 1 - z^2, whose cuts are those of asin."""
    return (1 - z).sqrt() * (1 + z).sqrt()


def _sigmoid(z: acb) -> acb:
    return 1 / (1 + (-z).exp())


def _sigmoid_slope(z: acb) -> acb:
    return 1 / ((z / 2).exp() + (-z / 2).exp()) ** 2


def _sinc_slope(value: acb, z: acb) -> acb:
    return acb(0) if z.is_zero() else ((arb.pi() * z).cos() - value) / z


def _whole(exponent: acb) -> int | None:
    """An exponent that is an integer by proof, and not too large."""
    if not exponent.imag.is_zero() or not exponent.real.is_exact():
        return None
    whole = exponent.real.unique_fmpz() if abs(exponent.real) < LARGEST_POWER else None
    return None if whole is None else int(whole)


def power(base: acb, exponent: acb) -> acb:
    """The principal value of a power."""
    whole = _whole(exponent)
    if whole is None:
        return (exponent * _log(base)).exp()
    found: acb = base**whole
    return found


def _power_by_base(_: acb, base: acb, exponent: acb) -> acb:
    return acb(0) if exponent.is_zero() else exponent * power(base, exponent - 1)


def _power_by_exponent(value: acb, base: acb, _: acb) -> acb:
    return value * _log(base)


HOLOMORPHIC: dict[str, Holomorphic] = {
    "exp": Holomorphic(acb.exp, (lambda v, _: v,)),
    "exp2": Holomorphic(lambda z: (z * _ln2()).exp(), (lambda v, _: v * _ln2(),)),
    "expm1": Holomorphic(acb.expm1, (lambda _, z: z.exp(),)),
    "log": Holomorphic(_log, (lambda _, z: 1 / z,)),
    "log1p": Holomorphic(
        _but(lambda z: _not_positive(1 + z), acb.log1p), (lambda _, z: 1 / (1 + z),)
    ),
    "log2": Holomorphic(lambda z: _log(z) / _ln2(), (lambda _, z: 1 / (z * _ln2()),)),
    "log10": Holomorphic(
        lambda z: _log(z) / arb.const_log10(), (lambda _, z: 1 / (z * arb.const_log10()),)
    ),
    "sin": Holomorphic(acb.sin, (lambda _, z: z.cos(),)),
    "cos": Holomorphic(acb.cos, (lambda _, z: -z.sin(),)),
    "tan": Holomorphic(acb.tan, (lambda _, z: z.sec() ** 2,)),
    "asin": Holomorphic(_but(_outside, acb.asin), (lambda _, z: 1 / _beside_one(z),)),
    "acos": Holomorphic(_but(_outside, acb.acos), (lambda _, z: -1 / _beside_one(z),)),
    "atan": Holomorphic(_but(_outside_times_i, acb.atan), (lambda _, z: 1 / (1 + z * z),)),
    "sinh": Holomorphic(acb.sinh, (lambda _, z: z.cosh(),)),
    "cosh": Holomorphic(acb.cosh, (lambda _, z: z.sinh(),)),
    "tanh": Holomorphic(acb.tanh, (lambda _, z: z.sech() ** 2,)),
    "asinh": Holomorphic(
        _but(_outside_times_i, acb.asinh),
        (lambda _, z: 1 / _beside_one(z * acb(0, 1)),),
    ),
    "acosh": Holomorphic(
        _but(_up_to_one, acb.acosh), (lambda _, z: 1 / ((z - 1).sqrt() * (z + 1).sqrt()),)
    ),
    "atanh": Holomorphic(_but(_outside, acb.atanh), (lambda _, z: 1 / ((1 - z) * (1 + z)),)),
    "sqrt": Holomorphic(_but(_not_positive, acb.sqrt), (lambda v, _: 1 / (2 * v),)),
    "rsqrt": Holomorphic(_but(_not_positive, acb.rsqrt), (lambda v, z: -v / (2 * z),)),
    "reciprocal": Holomorphic(lambda z: 1 / z, (lambda v, _: -v * v,)),
    "square": Holomorphic(lambda z: z * z, (lambda _, z: 2 * z,)),
    "sigmoid": Holomorphic(_sigmoid, (lambda _, z: _sigmoid_slope(z),)),
    "silu": Holomorphic(
        lambda z: z * _sigmoid(z), (lambda _, z: _sigmoid(z) + z * _sigmoid_slope(z),)
    ),
    "sinc": Holomorphic(acb.sinc_pi, (_sinc_slope,)),
    # of two numbers
    "mul": Holomorphic(lambda x, y: x * y, (lambda _, __, y: y, lambda _, x, __: x)),
    "div": Holomorphic(lambda x, y: x / y, (lambda _, __, y: 1 / y, lambda v, _, y: -v / y)),
    "pow": Holomorphic(power, (_power_by_base, _power_by_exponent)),
}
