"""Functions of one or more numbers, with their partial derivatives from their own definitions.

A function that is not defined somewhere gives the ball nan there. Constants such as pi or the root
of 2 are exact, whatever double a library uses in their place.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flint import acb, arb

from autograd_by_hand.enclosure.balls import NAN, ONE, ZERO

Function = Callable[..., arb]


@dataclass(frozen=True)
class Pointwise:
    """A function applied element by element.

    partials: by operand, each a function of (value, *operands); None where it is not differentiable
        by that operand at all
    """

    value: Function
    partials: tuple[Function | None, ...]


def _but_at_infinity(function: Function) -> Function:
    """A function that swings without end, and so has no value at infinity."""
    return lambda x: function(x) if x.is_finite() else NAN


def polygamma(order: int, x: arb) -> arb:
    """The derivative of that order of digamma."""
    if order == 0:
        return x.digamma()
    if x > 0:
        factor = arb(order).fac() * (1 if order % 2 else -1)
        return factor * arb(order + 1).zeta(x)
    return acb(x).polygamma(order).real


def sigmoid(x: arb) -> arb:
    """1 / (1 + exp(-x)), without an overflow of exp."""
    if x < 0:
        raised = x.exp()
        return raised / (1 + raised)
    return 1 / (1 + (-x).exp())


def softplus(x: arb) -> arb:
    """The logarithm of 1 + exp(x)."""
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def normal_density(x: arb) -> arb:
    """The density of the standard normal distribution."""
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_distribution(x: arb) -> arb:
    """The probability that a standard normal number is at most x."""
    return (-x / arb(2).sqrt()).erfc() / 2


def sign(x: arb) -> arb:
    """The sign of x; all of [-1, 1] where it is not known or x is 0: the derivative of abs."""
    return ONE if x > 0 else -ONE if x < 0 else arb(0, 1)


def _sigmoid_slope(_: arb, x: arb) -> arb:
    raised = (-abs(x)).exp()
    return raised / (1 + raised) ** 2


def _tanh_slope(_: arb, x: arb) -> arb:
    return 4 * _sigmoid_slope(x, 2 * x)


def _lgamma(x: arb) -> arb:
    return x.lgamma() if x > 0 else abs(x.gamma()).log()


def _sinc_slope(value: arb, x: arb) -> arb:
    return ZERO if x.is_zero() else ((arb.pi() * x).cos() - value) / x


def _gelu_tanh(x: arb) -> arb:
    return x * (1 + _gelu_inner(x).tanh()) / 2


def _gelu_inner(x: arb) -> arb:
    return (2 / arb.pi()).sqrt() * (x + arb(0.044715) * x**3)


def _gelu_tanh_slope(_: arb, x: arb) -> arb:
    inner = _gelu_inner(x)
    rise = (2 / arb.pi()).sqrt() * (1 + 3 * arb(0.044715) * x**2)
    return (1 + inner.tanh()) / 2 + x * _tanh_slope(inner, inner) * rise / 2


def _mish_slope(_: arb, x: arb) -> arb:
    inner = softplus(x)
    return inner.tanh() + x * _tanh_slope(inner, inner) * sigmoid(x)


def _bessel_i(order: int, x: arb) -> arb:
    return x.bessel_i(order)


def _bessel_i_slope(order: int, x: arb) -> arb:
    return (x.bessel_i(abs(order - 1)) + x.bessel_i(order + 1)) / 2


def _scaled_bessel_i(order: int) -> Pointwise:
    def slope(value: arb, x: arb) -> arb:
        return (-abs(x)).exp() * _bessel_i_slope(order, x) - sign(x) * value

    return Pointwise(lambda x: (-abs(x)).exp() * x.bessel_i(order), (slope,))


def _bessel(function: Callable[[arb, int], arb], order: int, rising: int) -> Pointwise:
    """A Bessel function whose derivative is (f_{n-1} + rising f_{n+1}) / 2, K's with a minus."""

    def slope(_: arb, x: arb) -> arb:
        return (function(x, order - 1) + rising * function(x, order + 1)) / 2

    return Pointwise(_but_at_infinity(lambda x: function(x, order)), (slope,))


def power(x: arb, y: arb) -> arb:
    """X to the power y, where it is real."""
    if y.is_zero():
        return ONE
    whole = y.unique_fmpz() if y.is_exact() and abs(y) < 2**20 else None
    found: arb = x**y if whole is None else x ** int(whole)
    return found


def _power_by_exponent(value: arb, x: arb, y: arb) -> arb:
    return ZERO if x.is_zero() and y > 0 else value * x.log()


def _power_by_base(_: arb, x: arb, y: arb) -> arb:
    return ZERO if y.is_zero() else y * power(x, y - 1)


def _entropy(x: arb) -> arb:
    return ZERO if x.is_zero() else -x * x.log()


def _logaddexp(x: arb, y: arb) -> arb:
    return y + softplus(x - y) if y > x else x + softplus(y - x)


def _atan2_slope(component: arb, y: arb, x: arb) -> arb:
    """A derivative of atan2, which has none where it jumps, nor is its value certain there."""
    return NAN if y.contains(0) and not x > 0 else component / (x * x + y * y)


def _ln2() -> arb:
    return arb.const_log2()


def _logaddexp2(x: arb, y: arb) -> arb:
    return _logaddexp(x * _ln2(), y * _ln2()) / _ln2()


def _xlogy(x: arb, y: arb) -> arb:
    return ZERO if x.is_zero() and not y.is_nan() else x * y.log()


def _xlog1py(x: arb, y: arb) -> arb:
    return ZERO if x.is_zero() and not y.is_nan() else x * y.log1p()


def _erfcx(x: arb) -> arb:
    return (x * x).exp() * x.erfc()


def _hurwitz(x: arb, q: arb) -> arb:
    return x.zeta(q) if x > 1 and q > 0 else NAN


def _gammainc_slope(_: arb, a: arb, x: arb) -> arb:
    return power(x, a - 1) * (-x).exp() * a.rgamma()


FUNCTIONS: dict[str, Pointwise] = {
    "exp": Pointwise(arb.exp, (lambda v, _: v,)),
    "exp2": Pointwise(lambda x: (x * _ln2()).exp(), (lambda v, _: v * _ln2(),)),
    "expm1": Pointwise(arb.expm1, (lambda _, x: x.exp(),)),
    "log": Pointwise(arb.log, (lambda _, x: 1 / x,)),
    "log1p": Pointwise(arb.log1p, (lambda _, x: 1 / (1 + x),)),
    "log2": Pointwise(lambda x: x.log() / _ln2(), (lambda _, x: 1 / (x * _ln2()),)),
    "log10": Pointwise(
        lambda x: x.log() / arb.const_log10(), (lambda _, x: 1 / (x * arb.const_log10()),)
    ),
    "sin": Pointwise(_but_at_infinity(arb.sin), (lambda _, x: x.cos(),)),
    "cos": Pointwise(_but_at_infinity(arb.cos), (lambda _, x: -x.sin(),)),
    "tan": Pointwise(arb.tan, (lambda v, _: 1 + v * v,)),
    "asin": Pointwise(arb.asin, (lambda _, x: 1 / ((1 - x) * (1 + x)).sqrt(),)),
    "acos": Pointwise(arb.acos, (lambda _, x: -1 / ((1 - x) * (1 + x)).sqrt(),)),
    "atan": Pointwise(arb.atan, (lambda _, x: 1 / (1 + x * x),)),
    "sinh": Pointwise(arb.sinh, (lambda _, x: x.cosh(),)),
    "cosh": Pointwise(arb.cosh, (lambda _, x: x.sinh(),)),
    "tanh": Pointwise(arb.tanh, (_tanh_slope,)),
    "asinh": Pointwise(arb.asinh, (lambda _, x: 1 / (1 + x * x).sqrt(),)),
    "acosh": Pointwise(arb.acosh, (lambda _, x: 1 / ((x - 1) * (x + 1)).sqrt(),)),
    "atanh": Pointwise(arb.atanh, (lambda _, x: 1 / ((1 - x) * (1 + x)),)),
    "sqrt": Pointwise(arb.sqrt, (lambda v, _: 1 / (2 * v),)),
    "rsqrt": Pointwise(arb.rsqrt, (lambda v, x: -v / (2 * x),)),
    "reciprocal": Pointwise(lambda x: 1 / x, (lambda v, _: -v * v,)),
    "square": Pointwise(lambda x: x**2, (lambda _, x: 2 * x,)),
    "sigmoid": Pointwise(sigmoid, (_sigmoid_slope,)),
    "silu": Pointwise(
        lambda x: x * sigmoid(x), (lambda v, x: sigmoid(x) + x * _sigmoid_slope(v, x),)
    ),
    "mish": Pointwise(lambda x: x * softplus(x).tanh(), (_mish_slope,)),
    "erf": Pointwise(arb.erf, (lambda _, x: 2 * (-x * x).exp() / arb.const_sqrt_pi(),)),
    "erfc": Pointwise(arb.erfc, (lambda _, x: -2 * (-x * x).exp() / arb.const_sqrt_pi(),)),
    "erfinv": Pointwise(arb.erfinv, (lambda v, _: arb.const_sqrt_pi() / 2 * (v * v).exp(),)),
    "special_erfcx": Pointwise(_erfcx, (lambda v, x: 2 * x * v - 2 / arb.const_sqrt_pi(),)),
    "special_ndtr": Pointwise(normal_distribution, (lambda _, x: normal_density(x),)),
    "special_log_ndtr": Pointwise(
        lambda x: normal_distribution(x).log(),
        (lambda _, x: normal_density(x) / normal_distribution(x),),
    ),
    "special_ndtri": Pointwise(
        lambda p: arb(2).sqrt() * (2 * p - 1).erfinv(), (lambda v, _: 1 / normal_density(v),)
    ),
    "special_entr": Pointwise(_entropy, (lambda _, x: -x.log() - 1,)),
    "lgamma": Pointwise(_lgamma, (lambda _, x: x.digamma(),)),
    "digamma": Pointwise(arb.digamma, (lambda _, x: polygamma(1, x),)),
    "sinc": Pointwise(_but_at_infinity(arb.sinc_pi), (_sinc_slope,)),
    "i0": Pointwise(lambda x: _bessel_i(0, x), (lambda _, x: x.bessel_i(1),)),
    "special_i1": Pointwise(lambda x: _bessel_i(1, x), (lambda _, x: _bessel_i_slope(1, x),)),
    "special_i0e": _scaled_bessel_i(0),
    "special_i1e": _scaled_bessel_i(1),
    "special_bessel_j0": _bessel(arb.bessel_j, 0, -1),
    "special_bessel_j1": _bessel(arb.bessel_j, 1, -1),
    "special_bessel_y0": _bessel(arb.bessel_y, 0, -1),
    "special_bessel_y1": _bessel(arb.bessel_y, 1, -1),
    "special_airy_ai": Pointwise(_but_at_infinity(arb.airy_ai), (lambda _, x: x.airy_ai(1),)),
    # of two and more numbers
    "div": Pointwise(lambda x, y: x / y, (lambda _, __, y: 1 / y, lambda v, _, y: -v / y)),
    "pow": Pointwise(power, (_power_by_base, _power_by_exponent)),
    "atan2": Pointwise(
        lambda y, x: NAN if y.is_zero() and not x > 0 else arb.atan2(y, x),
        (lambda _, y, x: _atan2_slope(x, y, x), lambda _, y, x: _atan2_slope(-y, y, x)),
    ),
    "hypot": Pointwise(
        lambda x, y: (x * x + y * y).sqrt(), (lambda v, x, _: x / v, lambda v, _, y: y / v)
    ),
    "logaddexp": Pointwise(
        _logaddexp, (lambda _, x, y: sigmoid(x - y), lambda _, x, y: sigmoid(y - x))
    ),
    "logaddexp2": Pointwise(
        _logaddexp2,
        (lambda _, x, y: sigmoid((x - y) * _ln2()), lambda _, x, y: sigmoid((y - x) * _ln2())),
    ),
    "xlogy": Pointwise(_xlogy, (lambda _, __, y: y.log(), lambda _, x, y: x / y)),
    "special_xlog1py": Pointwise(
        _xlog1py, (lambda _, __, y: y.log1p(), lambda _, x, y: x / (1 + y))
    ),
    "special_zeta": Pointwise(_hurwitz, (None, lambda _, x, q: -x * _hurwitz(x + 1, q))),
    "polygamma": Pointwise(
        lambda n, x: polygamma(int(n.unique_fmpz()), x),
        (None, lambda _, n, x: polygamma(int(n.unique_fmpz()) + 1, x)),
    ),
    "igamma": Pointwise(lambda a, x: x.gamma_lower(a, 1), (None, _gammainc_slope)),
    "igammac": Pointwise(
        lambda a, x: x.gamma_upper(a, 1), (None, lambda v, a, x: -_gammainc_slope(v, a, x))
    ),
}
VARIANTS: dict[str, Pointwise] = {  # of operations that have further arguments or results
    "gelu_none": Pointwise(
        lambda x: x * normal_distribution(x),
        (lambda _, x: normal_distribution(x) + x * normal_density(x),),
    ),
    "gelu_tanh": Pointwise(_gelu_tanh, (_gelu_tanh_slope,)),
    "log_sigmoid": Pointwise(lambda x: -softplus(-x), (lambda _, x: sigmoid(-x),)),
    "logit": Pointwise(lambda x: (x / (1 - x)).log(), (lambda _, x: 1 / (x * (1 - x)),)),
}
