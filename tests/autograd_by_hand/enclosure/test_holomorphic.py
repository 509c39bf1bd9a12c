"""Every function of complex numbers and its derivatives, against mpmath at 60 digits."""

from typing import Any

import mpmath
import pytest
from flint import acb, arb
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpc, mpf

from autograd_by_hand.enclosure.balls import precision
from autograd_by_hand.enclosure.holomorphic import HOLOMORPHIC

DIGITS, BITS = 60, 256
PART = st.floats(-8, 8).filter(lambda x: x == 0 or abs(x) > 1e-6)
PLANE = st.builds(complex, PART, PART)
NOT_ZERO = PLANE.filter(lambda z: z != 0)
SIDE = PART.filter(lambda x: x != 0)  # beside a branch cut, on either side
BESIDE_REAL = st.builds(complex, PART, SIDE)
BESIDE_IMAGINARY = st.builds(complex, SIDE, PART)
POWERS = st.one_of(st.integers(-5, 5).map(complex), st.builds(complex, PART, PART))


def sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def sinc(z):
    return mpf(1) if z == 0 else mpmath.sin(mp.pi * z) / (mp.pi * z)


TRUTHS: dict[str, tuple[Any, ...]] = {  # the function in mpmath, and where to try it, by operand
    "exp": (mpmath.exp, PLANE),
    "exp2": (lambda z: mpf(2) ** z, PLANE),
    "expm1": (lambda z: mpmath.exp(z) - 1, PLANE),
    "log": (mpmath.log, BESIDE_REAL),
    "log1p": (lambda z: mpmath.log(1 + z), BESIDE_REAL),
    "log2": (lambda z: mpmath.log(z) / mpmath.log(2), BESIDE_REAL),
    "log10": (lambda z: mpmath.log(z) / mpmath.log(10), BESIDE_REAL),
    "sin": (mpmath.sin, PLANE),
    "cos": (mpmath.cos, PLANE),
    "tan": (mpmath.tan, BESIDE_REAL),
    "asin": (mpmath.asin, BESIDE_REAL),
    "acos": (mpmath.acos, BESIDE_REAL),
    "atan": (mpmath.atan, BESIDE_IMAGINARY),
    "sinh": (mpmath.sinh, PLANE),
    "cosh": (mpmath.cosh, PLANE),
    "tanh": (mpmath.tanh, BESIDE_IMAGINARY),
    "asinh": (mpmath.asinh, BESIDE_IMAGINARY),
    "acosh": (mpmath.acosh, BESIDE_REAL),
    "atanh": (mpmath.atanh, BESIDE_REAL),
    "sqrt": (mpmath.sqrt, BESIDE_REAL),
    "rsqrt": (lambda z: 1 / mpmath.sqrt(z), BESIDE_REAL),
    "reciprocal": (lambda z: 1 / z, NOT_ZERO),
    "square": (lambda z: z * z, PLANE),
    "sigmoid": (sigmoid, BESIDE_IMAGINARY),
    "silu": (lambda z: z * sigmoid(z), BESIDE_IMAGINARY),
    "sinc": (sinc, PLANE),
    "mul": (lambda z, w: z * w, PLANE, PLANE),
    "div": (lambda z, w: z / w, PLANE, NOT_ZERO),
    "pow": (lambda z, w: z**w, BESIDE_REAL, POWERS),
}


def test_every_function_is_held_against_mpmath():
    assert TRUTHS.keys() == HOLOMORPHIC.keys()


def near(truth, scale):
    """A ball around what mpmath computed, as wide as its own rounding may be."""
    radius = arb(10) ** -(DIGITS - 20) * (arb(mpmath.nstr(scale, 5)) + arb(10) ** -40)
    parts = (arb(mpmath.nstr(part, DIGITS + 10)) for part in (truth.real, truth.imag))
    return acb(*(part + arb(0, radius) for part in parts))


@pytest.mark.parametrize("name", sorted(HOLOMORPHIC))
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_the_value_and_the_derivatives_hold_the_truth(name, data):
    function, *domains = TRUTHS[name]
    rule = HOLOMORPHIC[name]
    numbers = [data.draw(domain) for domain in domains]
    with mp.workdps(DIGITS + 60), precision(BITS):
        balls = [acb(one.real, one.imag) for one in numbers]
        exact = [mpc(one) for one in numbers]
        value, truth = rule.value(*balls), mpc(function(*exact))
        assert value.is_finite()
        assert value.overlaps(near(truth, abs(truth))), (numbers, value, truth)
        for position, partial in enumerate(rule.partials):
            slope = partial(value, *balls)
            derived = _derivative(function, exact, position)
            assert slope.is_finite()
            scale = abs(derived) + abs(truth)
            assert slope.overlaps(near(derived, scale)), (numbers, position, slope, derived)


def _derivative(function, numbers, position):
    """The derivative by central differences at 220 digits."""
    step = (abs(numbers[position]) or mpf(1)) * mpf(10) ** -60

    def moved(by):
        return function(*(z + by * (i == position) for i, z in enumerate(numbers)))

    with mp.workdps(220):
        return mpc((moved(step) - moved(-step)) / (2 * step))


CUTS: dict[str, list[complex]] = {
    "log": [-2, 0],
    "log1p": [-3, -1],
    "log2": [-1],
    "log10": [-1],
    "sqrt": [-4, 0],
    "rsqrt": [-4, 0],
    "asin": [2, -2],
    "acos": [2, -2],
    "atanh": [2, -2],
    "acosh": [0.5, -3],
    "atan": [2j, -2j],
    "asinh": [2j, -2j],
}


@pytest.mark.parametrize(("name", "number"), [(k, z) for k, v in CUTS.items() for z in v])
@pytest.mark.parametrize("radius", [0, 1e-30])
def test_on_a_branch_cut_nothing_is_claimed(name, number, radius):
    around = arb(0, radius)
    z = complex(number)
    with precision(BITS):
        assert not HOLOMORPHIC[name].value(acb(z.real + around, z.imag + around)).is_finite()


def test_a_power_has_no_cut_if_its_exponent_is_an_integer():
    with precision(BITS):
        assert HOLOMORPHIC["pow"].value(acb(-2), acb(3)) == -8
        assert not HOLOMORPHIC["pow"].value(acb(-2), acb(0.5)).is_finite()
        assert not HOLOMORPHIC["pow"].partials[1](acb(-8), acb(-2), acb(3)).is_finite()


def test_a_wrong_derivative_would_be_noticed():
    with mp.workdps(DIGITS + 60), precision(BITS):
        z = 1.5 + 0.5j
        derived = _derivative(mpmath.sqrt, [mpc(z)], 0)
        value = HOLOMORPHIC["sqrt"].value(acb(z))
        slope = HOLOMORPHIC["sqrt"].partials[0](value, acb(z))
        assert slope.overlaps(near(derived, 1))
        assert not slope.conjugate().overlaps(near(derived, 1))
