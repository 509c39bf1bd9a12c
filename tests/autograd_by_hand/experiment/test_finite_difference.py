from math import cos, exp, inf, ldexp, nan, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.experiment.finite_difference import SHRINK, STEPS, ridders


def test_the_derivative_of_a_line_is_its_slope():
    slope, uncertain = ridders(lambda x: 3 * x + 5, 0.5)
    assert slope == pytest.approx(3, rel=1e-14)
    assert uncertain < 1e-13


def test_the_derivative_of_a_constant_is_exactly_zero():
    assert ridders(lambda _: 7.0, 0.1) == (0, 0)


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (exp, 1.0),
        (lambda x: sin(x + 1), cos(1.0)),
        (lambda x: 1 / (2 + x), -0.25),
        (lambda x: (1 + x) ** 9, 9.0),
    ],
)
def test_a_smooth_function_has_the_slope_of_its_formula_within_what_is_uncertain(function, slope):
    found, uncertain = ridders(function, 0.1)
    assert uncertain < 1e-10
    assert abs(found - slope) <= 2 * uncertain + 1e-14


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=6), st.sampled_from([0.01, 0.1, 1.0]))
def test_the_derivative_of_a_polynomial_is_its_second_coefficient(coefficients, step):
    found, _ = ridders(lambda x: sum(c * x**k for k, c in enumerate(coefficients)), step)
    assert found == pytest.approx(coefficients[1], abs=1e-10)


@given(st.floats(0.1, 10), st.integers(-300, 300))
def test_a_power_of_two_scales_the_derivative_and_what_is_uncertain(step, exponent):
    plain = ridders(sin, step)
    scaled = ridders(lambda x: ldexp(sin(x), exponent), step)
    assert scaled == tuple(ldexp(one, exponent) for one in plain)


def test_a_kink_beyond_the_steps_does_not_matter():
    assert ridders(lambda x: abs(x - 0.5), 0.1)[0] == pytest.approx(-1, rel=1e-14)


def test_the_steps_begin_as_told_and_shrink():
    asked: list[float] = []

    def function(x):
        asked.append(x)
        return x

    ridders(function, 0.5)
    assert asked[0::2] == pytest.approx([0.5 / SHRINK**k for k in range(STEPS)])
    assert asked[1::2] == [-x for x in asked[0::2]]


@pytest.mark.parametrize("lost", [nan, inf])
def test_a_function_without_numbers_is_infinitely_uncertain(lost):
    assert ridders(lambda _: lost, 0.1) == (0, inf)
