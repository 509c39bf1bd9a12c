import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autograd_by_hand.core.number_format import number, percent


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 2, "0"),
        (-0.0, 2, "0"),
        (1, 2, "1.0"),
        (-1.26, 2, "-1.3"),
        (12.34, 2, "12"),
        (12.34, 3, "12.3"),
        (0.05, 3, "0.0500"),
        (0.001, 2, "0.0010"),
        (0.00012, 2, "1.2e-4"),
        (1.5e-8, 3, "1.50e-8"),
        (12345, 2, "12345"),
        (123456, 2, "1.2e5"),
        (123456, 6, "123456"),
        (1e5, 1, "1e5"),
        (65504, 3, "65504"),
        (5e-324, 2, "4.9e-324"),
        (1.7976931348623157e308, 2, "1.8e308"),
        (float("inf"), 2, "inf"),
        (float("-inf"), 2, "-inf"),
        (float("nan"), 2, "nan"),
        ("inf", 2, "inf"),  # as JSON holds it
    ],
)
def test_a_figure_has_its_digits_and_an_exponent_only_where_it_saves_zeros(value, digits, text):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(9.99, 2, "10"), (0.0999, 2, "0.10"), (0.9996, 3, "1.00"), (9.94, 2, "9.9"), (9.5, 1, "10")],
)
def test_a_figure_that_is_rounded_up_to_a_power_of_ten_gets_no_digit_more(value, digits, text):
    assert number(value, digits) == text


def test_a_figure_has_two_digits_unless_told_otherwise():
    assert number(1.234) == "1.2"


@given(st.floats(), st.integers(1, 17))
def test_any_float_can_be_written_and_read(value, digits):
    read = float(number(value, digits))
    assert math.isnan(read) == math.isnan(value)
    assert math.isinf(read) == math.isinf(value) or abs(value) > 1e308  # 1.5e308 rounds to 2e308


@given(st.floats(-1e300, 1e300), st.integers(1, 15))
def test_a_figure_is_off_by_at_most_half_its_last_digit(value, digits):
    assume(abs(value) > 1e-300)
    last = 10.0 ** (math.floor(math.log10(abs(value))) - digits + 1)
    assert abs(float(number(value, digits)) - value) <= 0.5000001 * last + 1e-15 * abs(value)


@given(st.floats(1e-300, 1e300), st.integers(1, 8))
def test_a_figure_has_no_more_digits_than_asked_for_unless_it_is_a_whole_number(value, digits):
    mantissa = number(value, digits).split("e")[0]
    figures = mantissa.replace(".", "").lstrip("0")
    assert len(figures) == digits or ("." not in mantissa and len(figures) > digits)


@given(st.floats(allow_nan=False))
def test_the_sign_of_a_figure_is_the_sign_of_the_value(value):
    assert number(-value) == (
        number(value) if value == 0 else f"-{number(value)}".replace("--", "")
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.9999999999999998, "100 %"),  # a sum of shares that was rounded on the way
        (-0.0, "0 %"),
        (0.25, "25.0 %"),
        (-0.031, "-3.1 %"),
        (1.25, "125.0 %"),
        (0.0001, "about 0 %"),
        (-0.0001, "about 0 %"),
        (0.9999, "about 100 %"),
    ],
)
def test_a_share_is_exact_only_where_it_is(share, text):
    assert percent(share) == text
