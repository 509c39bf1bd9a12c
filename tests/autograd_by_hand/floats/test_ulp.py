import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autograd_by_hand.floats.formats import eps, smallest_normal
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.floats.ulp import Distance, difference, distance, ulp

INF, NAN = np.inf, np.nan


def test_half_a_ulp_above_one_in_float16_scores_a_half():
    measured = distance(np.array([1 + 2**-11]), np.array([1.0]), "float16")
    assert measured.max_ulp == 0.5


@pytest.mark.parametrize(
    ("dtype", "at_one"),
    [("float64", 2**-52), ("float32", 2**-23), ("bfloat16", 2**-7), ("float16", 2**-10)],
)
def test_the_ulp_of_one_is_the_formats_eps(dtype, at_one):
    assert ulp(np.array(1.0), dtype) == at_one


def test_the_ulp_doubles_at_a_power_of_two_and_not_just_below():
    below, at = ulp(np.array([np.nextafter(2.0, 0.0), 2.0]), "float16")
    assert (below, at) == (2**-10, 2**-9)


def test_the_ulp_does_not_depend_on_the_sign():
    assert ulp(np.array(-3.0), "float32") == ulp(np.array(3.0), "float32") == 2**-22


@pytest.mark.parametrize("dtype", FORMATS)
def test_below_the_smallest_normal_number_the_spacing_stays_constant(dtype):
    normal = smallest_normal(dtype)
    spacing = ulp(np.array([0.0, normal * eps(dtype), normal / 4, normal]), dtype)
    assert spacing.tolist() == [normal * eps(dtype)] * 4


def test_the_smallest_float16_above_zero_is_one_ulp_away_from_it():
    assert distance(np.array([2**-24]), np.array([0.0]), "float16").max_ulp == 1


def test_infinity_and_nan_have_no_ulp():
    assert np.isnan(ulp(np.array([INF, -INF, NAN]), "float32")).all()


@given(
    st.sampled_from(FORMATS), st.floats(1, 2, exclude_max=True), st.integers(-14, 15), st.booleans()
)
def test_a_power_of_two_scales_the_ulp(dtype, value, exponent, negative):
    value = -value if negative else value
    scaled = ulp(np.array(np.ldexp(value, exponent)), dtype)
    assert scaled == np.ldexp(ulp(np.array(value), dtype), exponent)


@given(st.sampled_from([np.float64, np.float32, np.float16]), st.data())
def test_the_ulp_is_the_gap_to_the_next_number_of_the_format(dtype, data):
    value = float(dtype(data.draw(st.floats(0, float(np.finfo(dtype).max) / 2))))
    gap = float(np.nextafter(dtype(value), dtype(INF))) - value
    assert ulp(np.array(value), np.dtype(dtype).name) == gap


@pytest.mark.parametrize(
    ("value", "reference", "apart"),
    [
        (3.0, 1.0, 2.0),
        (1.0, 3.0, -2.0),
        (INF, INF, 0.0),
        (-INF, -INF, 0.0),
        (NAN, NAN, 0.0),
        (INF, -INF, INF),
        (NAN, 1.0, INF),
        (1.0, NAN, INF),
        (INF, 1.0, INF),
        (1.0, -INF, INF),
        (NAN, INF, INF),
    ],
)
def test_numbers_differ_by_a_number_and_lost_values_by_nothing_or_infinity(value, reference, apart):
    assert difference(np.array(value), np.array(reference)) == apart


def test_the_tail_of_a_wider_reference_counts():
    assert difference(np.array([1.0]), np.array([1.0]), np.array([2**-60])) == -(2**-60)


def test_a_tail_leaves_equal_infinities_equal():
    assert difference(np.array([INF]), np.array([INF]), np.array([2**-60])) == 0


def test_a_tail_of_half_a_float64_ulp_scores_a_half():
    measured = distance(np.array([1.0]), np.array([1.0]), "float64", np.array([2**-53]))
    assert measured == Distance(max_abs=2**-53, max_ulp=0.5, rel_norm=2**-53)


def test_a_distance_takes_the_worst_element_and_the_norm_over_all():
    measured = distance(np.array([3.0, 5.0, 16.0]), np.array([3.0, 4.0, 12.0]), "float16")
    assert measured.max_abs == 4
    assert measured.max_ulp == 512  # 4 at 12 is 4 / (8 * 2^-10); 1 at 4 is only 1 / (4 * 2^-10)
    assert measured.rel_norm == pytest.approx(np.sqrt(17) / 13, rel=1e-15)


def test_the_worst_ulp_need_not_be_at_the_worst_absolute_difference():
    measured = distance(np.array([1.5, 1024.0]), np.array([1.0, 1025.0]), "float16")
    assert (measured.max_abs, measured.max_ulp) == (1, 512)


def test_bfloat16_arrays_are_measured_in_their_own_ulps():
    value = np.array([1.0078125], "bfloat16")  # 1 + 2^-7
    assert distance(value, np.array([1.0]), "bfloat16").max_ulp == 1


def test_nothing_is_no_distance_from_nothing():
    assert distance(np.array([]), np.array([]), "float32") == Distance(0, 0, 0)


def test_equal_arrays_are_no_distance_apart_even_where_they_are_lost():
    values = np.array([0.0, 1.0, INF, NAN])
    assert distance(values, values, "float32") == Distance(0, 0, 0)


def test_plus_and_minus_zero_are_no_distance_apart():
    assert distance(np.array([-0.0]), np.array([0.0]), "float32") == Distance(0, 0, 0)


def test_anything_is_infinitely_far_from_zero_relative_to_its_norm():
    assert distance(np.array([2**-24]), np.array([0.0]), "float16") == Distance(2**-24, 1, INF)


@pytest.mark.parametrize("lost", [NAN, INF, -INF])
def test_one_lost_element_makes_every_measure_infinite(lost):
    measured = distance(np.array([1.0, lost]), np.array([1.0, 2.0]), "float32")
    assert measured == Distance(INF, INF, INF)


def test_one_lost_element_of_the_reference_makes_every_measure_infinite():
    measured = distance(np.array([1.0, 2.0]), np.array([1.0, NAN]), "float32")
    assert measured == Distance(INF, INF, INF)


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
def test_the_relative_distance_survives_squares_that_overflow_or_vanish(scale):
    measured = distance(np.array([3.0, 5.0]) * scale, np.array([3.0, 4.0]) * scale, "float64")
    assert measured.rel_norm == pytest.approx(1 / 5, rel=1e-15)


def test_a_difference_beyond_the_largest_number_is_infinite():
    assert distance(np.array([1e308]), np.array([-1e308]), "float64").max_abs == INF


def test_a_difference_of_too_many_ulps_for_float64_is_infinite():
    measured = distance(np.array([1e300]), np.array([1e-300]), "float64")
    assert measured == Distance(1e300, INF, INF)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=6), st.integers(-8, 8))
def test_scaling_both_sides_by_a_power_of_two_scales_only_the_absolute_distance(integers, exponent):
    assume(any(integers))
    reference = np.array(integers, np.float64)
    value = reference + 1
    plain = distance(value, reference, "float32")
    scaled = distance(np.ldexp(value, exponent), np.ldexp(reference, exponent), "float32")
    assert scaled.max_abs == np.ldexp(plain.max_abs, exponent)
    assert scaled.rel_norm == pytest.approx(plain.rel_norm, rel=1e-14)
    if all(integers):  # the ulp of 0 does not scale
        assert scaled.max_ulp == plain.max_ulp
