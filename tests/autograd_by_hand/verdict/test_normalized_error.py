from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from autograd_by_hand.floats.formats import eps, largest
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.verdict.normalized_error import FALSE_ALARM, Noise, NormalizedError, limits

INF, NAN = np.inf, np.nan
NONE = 2.0**-60  # less noise than any rounding


def noise(measured, reference, dtype="float16"):
    return Noise.of(np.array(measured), np.array(reference), dtype)


# limits


def test_a_correct_gradient_is_within_its_limits_but_for_one_in_a_million():
    found = limits(runs=20, elements=3000)
    assert 2 * 20 * exp(-(found["norm"] ** 2)) == pytest.approx(FALSE_ALARM, rel=1e-12)
    assert 2 * 3000 * exp(-((found["element"] / 4) ** 2)) == pytest.approx(FALSE_ALARM, rel=1e-12)


def test_the_limits_of_one_number():
    assert limits(1, 1) == {"norm": sqrt(log(2e6)), "element": 4 * sqrt(log(2e6))}


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_numbers_may_be_further_off(runs, elements, more):
    few, many = limits(runs, elements), limits(runs + more, elements + more)
    assert few["norm"] < many["norm"]
    assert few["element"] < many["element"]


# the noise of a gradient


def test_noise_that_is_the_same_everywhere_is_taken_as_it_is():
    found = noise([[2.0, 2.0], [2.0, 2.0]], [[30.0, 40.0], [30.0, 40.0]])
    assert found.elements.tolist() == [[2, 2], [2, 2]]
    assert found.whole.tolist() == pytest.approx([sqrt(8), sqrt(8)])
    assert found.size.tolist() == [50, 50]
    assert found.judged.all()


def test_no_element_has_less_noise_than_the_rms_over_its_run():
    found = noise([[0.5, 7.0, 1.0, 1.0]], [[1.0, 1.0, 1.0, 1.0]])
    rms = sqrt((0.25 + 49 + 1 + 1) / 4)
    assert found.elements.tolist() == [pytest.approx([rms, 7, rms, rms])]


def test_no_run_has_a_smaller_share_of_its_gradient_than_the_median_of_the_runs():
    found = noise([[3.0], [0.25], [2.0]], [[10.0], [100.0], [10.0]])
    assert found.whole.tolist() == [3, 20, 2]  # shares 0.3, 0.0025 and 0.2
    assert found.elements.tolist() == [[3], [20], [2]]


@pytest.mark.parametrize("dtype", FORMATS)
def test_no_element_has_less_noise_than_the_rounding_of_the_gradient(dtype):
    found = noise([[NONE * eps(dtype)] * 2], [[8.0, -8.0]], dtype)
    assert found.elements.tolist() == [pytest.approx([4 * eps(dtype) / sqrt(3)] * 2)]


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(-9999, 9999)), min_size=1, max_size=8),
    st.integers(1, 3),
)
def test_the_floors_only_raise_what_was_measured(pairs, runs):
    measured, reference = (np.array([one] * runs) for one in zip(*pairs, strict=True))
    found = noise(measured, reference)
    assert (found.elements >= measured).all()
    assert ((found.elements**2).sum(axis=1) >= found.whole**2 * (1 - 1e-12)).all()


@given(st.integers(-60, 60))
def test_a_power_of_two_scales_the_noise(exponent):
    measured, reference = np.array([[0.5, 0.1], [0.3, 0.2]]), np.array([[3.0, 4.0], [-1.0, 0.5]])
    plain = noise(measured, reference, "float32")
    scaled = noise(np.ldexp(measured, exponent), np.ldexp(reference, exponent), "float32")
    assert np.array_equal(scaled.elements, np.ldexp(plain.elements, exponent))
    assert scaled.share() == plain.share()


@pytest.mark.parametrize(
    ("measured", "reference"),
    [(INF, 3.0), (NAN, 3.0), (1.0, 2 * largest("float16")), (1.0, INF), (1.0, NAN)],
)
def test_an_element_that_overflows_or_is_no_number_of_the_format_is_not_judged(measured, reference):
    found = noise([[1.0, measured]], [[10.0, reference]])
    assert found.judged.tolist() == [[True, False]]
    assert (found.whole.tolist(), found.size.tolist()) == ([1], [10])
    assert found.measure(np.array([[11.0, NAN]]), np.array([[10.0, 3.0]])).norm == 1


def test_the_largest_number_of_the_format_is_judged():
    assert noise([[1.0]], [[largest("float16")]]).judged.all()


def test_the_shape_of_the_gradient_is_kept():
    found = noise(np.ones((2, 3, 4)), np.ones((2, 3, 4)))
    assert found.elements.shape == found.judged.shape == (2, 3, 4)
    assert found.whole.shape == found.size.shape == (2,)


def test_a_single_number_per_run_has_noise_too():
    found = noise([1.0, 1.0], [4.0, 4.0])
    assert found.elements.tolist() == found.whole.tolist() == [1, 1]


# the share of the gradient


def test_the_share_is_the_median_of_the_runs():
    assert noise([[1.0], [2.0], [4.0]], [[10.0], [10.0], [10.0]]).share() == 0.2


def test_a_zero_gradient_is_all_noise():
    assert noise([[0.0, 0.0]], [[0.0, 0.0]]).share() == INF


def test_a_gradient_of_which_nothing_can_be_judged_is_all_noise():
    assert noise([[INF]], [[1.0]]).share() == INF


def test_a_zero_gradient_in_a_minority_of_the_runs_leaves_the_share():
    assert noise([[0.0], [1.0], [1.0]], [[0.0], [10.0], [10.0]]).share() == 0.1


# errors in noises


def measured(found, value, reference, tail=None):
    return found.measure(np.array(value), np.array(reference), tail)


def test_an_error_is_told_in_noises_with_the_place_where_it_is_greatest():
    reference = [[30.0, 40.0], [30.0, 40.0]]
    found = measured(noise([[2.0, 2.0]] * 2, reference), [[30.0, 41.0], [24.0, 48.0]], reference)
    assert found == NormalizedError(norm=10 / sqrt(8), element=4, run=1, index=[1], beyond=0)


def test_the_norms_and_the_elements_worst_runs_need_not_be_the_same():
    reference = [[8.0] * 4, [8.0] * 4]
    found = measured(noise([[1.0] * 4] * 2, reference), [[10.0] * 4, [11.0, 8, 8, 8]], reference)
    assert found == NormalizedError(norm=2, element=3, run=1, index=[0], beyond=0)


def test_no_error_is_no_noise_even_where_there_is_none():
    found = noise([[0.0]], [[0.0]])
    assert measured(found, [[0.0]], [[0.0]]) == NormalizedError(0, 0, 0, [0], 0)


def test_any_error_is_infinitely_many_noises_where_there_is_none():
    found = measured(noise([[0.0, 0.0]], [[0.0, 0.0]]), [[0.0, 1e-30]], [[0.0, 0.0]])
    assert found == NormalizedError(INF, INF, 0, [1], 1)


def test_a_lost_number_is_infinitely_many_noises():
    found = measured(noise([[1.0, 1.0]], [[3.0, 4.0]]), [[3.0, NAN]], [[3.0, 4.0]])
    assert found == NormalizedError(INF, INF, 0, [1], 1)


def test_the_tail_of_a_wider_reference_counts_in_noises():
    found = noise([[1.0]], [[8.0]])
    assert measured(found, [[8.0]], [[8.0]], np.array([[0.5]])).element == 0.5


def test_one_number_per_run_has_no_index():
    found = measured(noise([1.0, 1.0], [4.0, 4.0]), [4.0, 6.0], [4.0, 4.0])
    assert found == NormalizedError(norm=2, element=2, run=1, index=[], beyond=0)


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=6),
    st.floats(0.1, 10),
    st.integers(-100, 100),
)
def test_the_norm_in_noises_is_no_more_than_the_worst_element(errors, size, exponent):
    assume(any(errors))
    reference = np.ldexp(np.full((1, len(errors)), 64.0), exponent)
    found = noise(np.ldexp(np.full_like(reference, size), exponent), reference, "float64")
    value = reference + np.ldexp(np.array([errors]), exponent)
    told = found.measure(value, reference)
    assert told.norm <= told.element * (1 + 1e-12)
    assert told.element <= told.norm * sqrt(len(errors)) * (1 + 1e-12)


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
def test_the_norms_survive_squares_that_overflow_or_vanish(scale):
    reference = np.array([[30.0, 40.0]]) * scale
    found = noise(np.array([[2.0, 2.0]]) * scale, reference, "float64")
    assert found.size.tolist() == pytest.approx([50 * scale], rel=1e-15)
    assert found.measure(reference + 2 * scale, reference) == NormalizedError(1, 1, 0, [0], 0)


def test_on_a_kink_what_is_within_the_radius_is_no_error():
    reference = np.array([[1.0, 2.0]])
    off = np.array([[1.5, 2.0]])
    radius = np.array([[0.5, 0.0]])
    unit = Noise.of(np.full((1, 2), 2.0**-52), reference, "float64")
    assert unit.measure(off, reference).element > 1e6
    assert unit.measure(off, reference, radius=radius).element == 0
    assert unit.measure(off + 1, reference, radius=radius).index == [0]
