"""The enclosure of every function and of its derivatives, against mpmath at 60 digits."""

import mpmath
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from autograd_by_hand.enclosure.balls import precision
from autograd_by_hand.enclosure.functions import FUNCTIONS, VARIANTS
from autograd_by_hand.enclosure.piecewise import CONTINUOUS, EXTREMES

DIGITS, BITS = 60, 256
KNOWN = FUNCTIONS | VARIANTS | CONTINUOUS | EXTREMES


def between(low, high):
    numbers = st.floats(low, high, allow_subnormal=False)
    return numbers.filter(lambda x: x == 0 or abs(x) > 1e-30)


def sized(least, most):
    """Positive numbers of all magnitudes from 10^least to 10^most."""
    return st.floats(least, most).map(lambda power: 10.0**power)


def signed(least, most):
    return st.tuples(sized(least, most), st.sampled_from([-1, 1])).map(
        lambda pair: pair[0] * pair[1]
    )


REAL, POSITIVE, MODERATE, UNIT = (
    signed(-30, 3),
    sized(-30, 3),
    between(-30, 30),
    between(-0.999, 0.999),
)
PROBABILITY = st.one_of(between(1e-6, 1 - 1e-6), sized(-30, -1))
# Poles lie at the integers from 0 down.
GAMMA = st.one_of(sized(-5, 3), between(-8, -0.1).filter(lambda x: abs(x - round(x)) > 1e-3))


def normal(x):
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def sinc(x):
    return mpf(1) if x == 0 else mpmath.sin(mp.pi * x) / (mp.pi * x)


def softplus(x):
    return x + mpmath.log1p(mpmath.exp(-x)) if x > 0 else mpmath.log1p(mpmath.exp(x))


def logaddexp(x, y):
    return max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))


def elu(x, alpha, scale, input_scale):
    return scale * x if x > 0 else scale * alpha * mpmath.expm1(x * input_scale)


def gelu_tanh(x):
    return x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mp.pi) * (x + mpf(0.044715) * x**3)))


def lgamma(x):
    return mpmath.log(abs(mpmath.gamma(x)))


TRUTHS = {  # the function in mpmath, and where to try it, by operand
    "exp": (mpmath.exp, REAL),
    "exp2": (lambda x: mpf(2) ** x, REAL),
    "expm1": (mpmath.expm1, REAL),
    "log": (mpmath.log, POSITIVE),
    "log1p": (mpmath.log1p, st.one_of(POSITIVE, between(-0.999, 0))),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), POSITIVE),
    "log10": (mpmath.log10, POSITIVE),
    "sin": (mpmath.sin, REAL),
    "cos": (mpmath.cos, REAL),
    "tan": (mpmath.tan, REAL),
    "asin": (mpmath.asin, UNIT),
    "acos": (mpmath.acos, UNIT),
    "atan": (mpmath.atan, REAL),
    "sinh": (mpmath.sinh, REAL),
    "cosh": (mpmath.cosh, REAL),
    "tanh": (mpmath.tanh, MODERATE),
    "asinh": (mpmath.asinh, REAL),
    "acosh": (mpmath.acosh, sized(0.01, 3)),
    "atanh": (mpmath.atanh, UNIT),
    "sqrt": (mpmath.sqrt, POSITIVE),
    "rsqrt": (lambda x: 1 / mpmath.sqrt(x), POSITIVE),
    "reciprocal": (lambda x: 1 / x, REAL),
    "square": (lambda x: x * x, REAL),
    "sigmoid": (
        lambda x: 1 / (1 + mpmath.exp(-x)),
        MODERATE,
    ),
    "silu": (lambda x: x / (1 + mpmath.exp(-x)), MODERATE),
    "mish": (lambda x: x * mpmath.tanh(softplus(x)), MODERATE),
    "log_sigmoid": (lambda x: -softplus(-x), MODERATE),
    "gelu_none": (lambda x: x * normal(x), between(-8, 8)),
    "gelu_tanh": (gelu_tanh, between(-4, 4)),
    "erf": (mpmath.erf, between(-8, 8)),
    "erfc": (mpmath.erfc, between(-8, 8)),
    "erfinv": (mpmath.erfinv, UNIT),
    "special_erfcx": (lambda x: mpmath.exp(x * x) * mpmath.erfc(x), between(-6, 8)),
    "special_ndtr": (normal, between(-8, 8)),
    "special_log_ndtr": (lambda x: mpmath.log(normal(x)), between(-8, 8)),
    "special_ndtri": (
        lambda p: mpmath.sqrt(2) * mpmath.erfinv(2 * p - 1),
        between(0.001, 0.999),
    ),
    "special_entr": (lambda x: -x * mpmath.log(x), POSITIVE),
    "lgamma": (lgamma, GAMMA),
    "digamma": (mpmath.digamma, GAMMA),
    "sinc": (sinc, between(-20, 20)),
    "logit": (lambda x: mpmath.log(x / (1 - x)), PROBABILITY),
    "i0": (lambda x: mpmath.besseli(0, x), MODERATE),
    "special_i1": (lambda x: mpmath.besseli(1, x), MODERATE),
    "special_i0e": (lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(0, x), signed(-2, 1.5)),
    "special_i1e": (lambda x: mpmath.exp(-abs(x)) * mpmath.besseli(1, x), signed(-2, 1.5)),
    "special_bessel_j0": (lambda x: mpmath.besselj(0, x), MODERATE),
    "special_bessel_j1": (lambda x: mpmath.besselj(1, x), MODERATE),
    "special_bessel_y0": (lambda x: mpmath.bessely(0, x), between(0.01, 30)),
    "special_bessel_y1": (lambda x: mpmath.bessely(1, x), between(0.01, 30)),
    "special_airy_ai": (mpmath.airyai, between(-10, 10)),
    "div": (lambda x, y: x / y, REAL, REAL),
    "pow": (lambda x, y: x**y, sized(-5, 3), between(-20, 20)),
    "atan2": (mpmath.atan2, REAL, REAL),
    "hypot": (mpmath.hypot, REAL, REAL),
    "logaddexp": (logaddexp, MODERATE, MODERATE),
    "logaddexp2": (
        lambda x, y: logaddexp(x * mpmath.log(2), y * mpmath.log(2)) / mpmath.log(2),
        MODERATE,
        MODERATE,
    ),
    "xlogy": (lambda x, y: x * mpmath.log(y), REAL, POSITIVE),
    "special_xlog1py": (lambda x, y: x * mpmath.log1p(y), REAL, POSITIVE),
    "special_zeta": (mpmath.zeta, between(1.1, 20), between(0.1, 20)),
    "polygamma": (
        lambda n, x: mpmath.psi(int(n), x),
        st.sampled_from([1.0, 2.0, 3.0]),
        between(0.1, 50),
    ),
    "igamma": (
        lambda a, x: mpmath.gammainc(a, 0, x, regularized=True),
        between(0.2, 10),
        between(0.1, 20),
    ),
    "igammac": (
        lambda a, x: mpmath.gammainc(a, x, regularized=True),
        between(0.2, 10),
        between(0.1, 20),
    ),
    "abs": (abs, REAL),
    "relu": (lambda x: max(x, mpf(0)), REAL),
    "leaky_relu": (lambda x, slope: x if x > 0 else slope * x, REAL, between(0.001, 0.5)),
    "elu": (elu, signed(-3, 1), between(0.1, 2), between(0.1, 2), between(0.1, 2)),
    "celu": (lambda x, a: x if x > 0 else a * mpmath.expm1(x / a), signed(-3, 1), between(0.1, 2)),
    "softshrink": (
        lambda x, size: x - size if x > size else x + size if x < -size else mpf(0),
        signed(-3, 1),
        between(0.1, 2),
    ),
    "hardsigmoid": (lambda x: min(max((x + 3) / 6, mpf(0)), mpf(1)), between(-5, 5)),
    "hardswish": (lambda x: x * min(max((x + 3) / 6, mpf(0)), mpf(1)), between(-5, 5)),
    "maximum": (max, REAL, REAL),
    "minimum": (min, REAL, REAL),
}


def slope_of(name):
    """The derivative by a function's first operand."""
    partial = KNOWN[name].partials[0]
    assert partial is not None
    return partial


def test_every_function_is_held_against_mpmath():
    assert TRUTHS.keys() == KNOWN.keys()


def near(truth):
    """A ball around what mpmath computed, as wide as its own rounding may be."""
    if truth == 0:
        return arb(0)
    text = mpmath.nstr(truth, DIGITS + 10)
    return arb(text) * arb(1, arb(10) ** -(DIGITS - 10))


SLOW = {"special_bessel_y0", "special_bessel_y1", "igammac", "special_zeta"}  # in mpmath


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.thorough if one in SLOW else ()) for one in sorted(KNOWN)],
)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_the_value_and_the_derivatives_hold_the_truth(name, data):
    function, *domains = TRUTHS[name]
    rule = KNOWN[name]
    numbers = [data.draw(domain) for domain in domains]
    with mp.workdps(DIGITS + 60), precision(BITS):
        balls, exact = [arb(x) for x in numbers], [mpf(x) for x in numbers]
        value = rule.value(*balls)
        truth = function(*exact)
        assert value.is_finite()
        assert value.overlaps(near(truth)), (numbers, value, truth)
        for position, partial in enumerate(rule.partials):
            if partial is None:
                continue
            if name in EXTREMES and exact[0] == exact[1]:
                continue
            slope = partial(value, *balls)
            derived = _derivative(function, exact, position)
            if derived is None:
                continue
            assert slope.is_finite()
            wide = near(derived) + arb(0, abs(near(truth)) * arb(10) ** -(DIGITS - 20))
            assert slope.overlaps(wide), (numbers, position, slope, derived)


def _derivative(function, numbers, position):
    """The derivative by central differences at 220 digits; None across a kink."""

    def moved(step):
        return function(*(x + step * (i == position) for i, x in enumerate(numbers)))

    step = (abs(numbers[position]) or mpf(1)) * mpf(10) ** -60
    with mp.workdps(220):
        left, here, right = moved(-step), moved(mpf(0)), moved(step)
        one, two = (here - left) / step, (right - here) / step
        if abs(one - two) > mpf(10) ** -20 * (abs(one) + abs(two)):
            return None
        return (right - left) / (2 * step)


def test_a_wrong_derivative_would_be_noticed():
    with mp.workdps(DIGITS + 60), precision(BITS):
        derived = _derivative(mpmath.digamma, [mpf(1.5)], 0)
        slope = slope_of("digamma")(arb(0), arb(1.5))
        assert slope.overlaps(near(derived))
        assert not (slope * (1 + arb(10) ** -30)).overlaps(near(derived))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("log", [-1.0]),
        ("sqrt", [-1.0]),
        ("asin", [2.0]),
        ("acosh", [0.5]),
        ("div", [1.0, 0.0]),
        ("reciprocal", [0.0]),
        ("lgamma", [-2.0]),
        ("digamma", [0.0]),
        ("pow", [-2.0, 0.5]),
        ("pow", [0.0, -1.0]),
        ("special_zeta", [0.5, 1.0]),
        ("atanh", [1.5]),
    ],
)
def test_where_a_function_is_not_defined_nothing_is_claimed(name, numbers):
    with precision(BITS):
        assert not KNOWN[name].value(*map(arb, numbers)).is_finite()


def test_a_kink_holds_the_derivatives_of_both_sides():
    slope = slope_of("relu")(arb(0), arb(0))
    assert slope.contains(0)
    assert slope.contains(1)
    assert slope_of("relu")(arb(1), arb(1)) == 1
    assert slope_of("abs")(arb(0), arb(0)).contains(-1)
    smooth = slope_of("elu")(arb(0), arb(0), arb(1), arb(1), arb(1))
    assert smooth == 1
