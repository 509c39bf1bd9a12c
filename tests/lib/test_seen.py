import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.lib.patterns import name_of, non_finite, ratio, repetition
from scripts.lib.rounding import FORMATS

INF, NAN = np.inf, np.nan
REFERENCE = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -7.0]])
LARGE = 7e4  # above 65504, the largest float16


# lost values


def test_finite_values_are_no_finding():
    assert non_finite(REFERENCE, REFERENCE, "float16") is None


def test_the_first_lost_value_is_told_with_its_run_its_index_and_the_truth():
    value = np.array(
        [[[1.0, 2.0], [3.0, 4.0]], [[1.0, NAN], [-INF, 4.0]], [[1.0, 2.0], [3.0, INF]]]
    )
    reference = np.arange(12.0).reshape(3, 2, 2)
    assert non_finite(value, reference, "float16") == {
        "count": 3,
        "runs": 2,
        "run": 1,
        "index": [0, 1],
        "value": "nan",
        "reference": 5.0,
        "fits": True,
    }


def test_one_number_per_run_has_no_index_within_the_run():
    found = non_finite(np.array([1.0, -INF]), np.array([1.0, -LARGE]), "float16")
    assert found is not None
    assert (found["run"], found["index"], found["value"]) == (1, [], "-inf")


@pytest.mark.parametrize(
    ("reference", "dtype", "fits"),
    [
        ([1.0, 65504.0], "float16", True),
        ([1.0, -65504.0], "float16", True),
        ([1.0, LARGE], "float16", False),
        ([1.0, -LARGE], "float16", False),
        ([1.0, LARGE], "bfloat16", True),
        ([1.0, INF], "float64", False),
        ([1.0, NAN], "float64", False),
        ([LARGE, 1.0], "float16", True),  # only the truth of the lost one counts
    ],
)
def test_the_truth_fits_if_it_is_a_number_of_the_format(reference, dtype, fits):
    found = non_finite(np.array([[1.0, INF]]), np.array([reference]), dtype)
    assert found is not None
    assert found["fits"] is fits


def test_the_truth_must_fit_at_every_lost_place():
    found = non_finite(np.array([[INF, INF]]), np.array([[1.0, LARGE]]), "float16")
    assert found is not None
    assert not found["fits"]


def test_a_truth_that_is_lost_itself_is_no_number():
    found = non_finite(np.array([[INF]]), np.array([[INF]]), "float16")
    assert found is not None
    assert found["reference"] is None


def test_bfloat16_arrays_can_be_looked_through():
    found = non_finite(np.array([[1.0, INF]]).astype("bfloat16"), np.ones((1, 2)), "bfloat16")
    assert found is not None
    assert found["index"] == [1]


# factors


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("factor", [2, -1, 0, 0.5, 1 / 3, -2, 600, 0.25, 0.2, 2 / 3])
def test_a_factor_of_all_elements_is_found(factor, dtype):
    assert ratio(factor * REFERENCE, REFERENCE, dtype) == factor


def test_a_factor_is_found_through_rounding():
    assert ratio((2 * REFERENCE / 3).astype(np.float16), REFERENCE / 3, "float16") == 2


@pytest.mark.parametrize(
    ("above", "below"), [(1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (1, 6), (1, 8), (5, 8)]
)
def test_a_factor_near_a_simple_fraction_is_that_fraction(above, below):
    # float16 keeps half its digits up to 2^-5
    assert ratio(1.001 * above / below * REFERENCE, REFERENCE, "float16") == above / below


@pytest.mark.parametrize(("left_over", "factor"), [(0.99, 2), (1.01, None)])
def test_what_a_factor_leaves_over_may_be_half_the_digits(left_over, factor):
    value = np.array([2 * 4.0, 4 * left_over * 2**-5])  # its second element is all left over
    assert ratio(value, np.array([4.0, 0.0]), "float16") == factor


def test_a_factor_that_is_no_simple_fraction_is_told_as_it_is():
    assert ratio(np.pi * REFERENCE, REFERENCE, "float64") == pytest.approx(np.pi, rel=1e-14)


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_factor_of_one_is_no_finding(dtype):
    assert ratio(REFERENCE, REFERENCE, dtype) is None


def test_a_factor_nearer_to_one_than_half_the_digits_is_no_finding():
    assert ratio(1.0001 * REFERENCE, REFERENCE, "float32") is None  # sqrt(2^-23) is 3.5e-4
    assert ratio(1.001 * REFERENCE, REFERENCE, "float32") == pytest.approx(1.001)


def test_values_that_have_nothing_to_do_with_the_truth_have_no_factor():
    value = np.array([[5.0, 1.0, -2.0], [3.0, 3.0, 1.0]])
    assert ratio(value, REFERENCE, "float64") is None


def test_one_element_that_is_off_spoils_the_factor():
    value = 2 * REFERENCE
    value[1, 2] = 0
    assert ratio(value, REFERENCE, "float64") is None


def test_a_sum_over_the_wrong_axis_has_no_factor():
    value = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert ratio(value, value.T, "float32") is None


@pytest.mark.parametrize(
    ("value", "reference"),
    [([1.0, NAN], [1.0, 2.0]), ([1.0, 2.0], [1.0, INF]), ([1.0, 2.0], [0.0, 0.0]), ([], [])],
    ids=["a lost value", "a lost truth", "a truth of zeros", "nothing"],
)
def test_where_there_is_no_finite_truth_to_multiply_there_is_no_factor(value, reference):
    assert ratio(np.array(value), np.array(reference), "float32") is None


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300])
def test_a_factor_is_found_however_large_or_small_the_truth_is(scale):
    assert ratio(2 * scale * REFERENCE, scale * REFERENCE, "float64") == 2


def test_a_value_too_far_from_a_tiny_truth_has_no_factor():
    assert ratio(np.array([1e300, 1.0]), np.array([1e-300, 1.0]) * 1e-300, "float64") is None


@given(
    st.sampled_from([-3.0, -1.0, -0.5, 0.0, 0.125, 0.5, 2.0, 3.0, 10.0]),
    st.lists(st.integers(-100, 100).filter(bool), min_size=1, max_size=6),
    st.sampled_from(FORMATS),
)
def test_a_simple_factor_is_found_exactly_in_any_truth(factor, truth, dtype):
    assert ratio(factor * np.array(truth), np.array(truth), dtype) == factor


@pytest.mark.parametrize(
    ("factor", "second_call", "words"),
    [
        (0, "same bits", "it is zero: a term is missing or detached"),
        (-1, "same bits", "the sign is wrong"),
        (
            2,
            "same bits",
            "a factor 0.5 is missing (the loss's own, say), or the gradient was counted twice",
        ),
        (2, "twice the first", "the gradient was accumulated twice"),
        (0.5, "same bits", "a factor 0.5 too many, or a factor 2 is missing"),
        (1 / 3, "same bits", "a constant factor is wrong"),
    ],
)
def test_a_factor_names_the_likeliest_mistake(factor, second_call, words):
    assert name_of(factor, second_call) == words


# a second call


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([1.0, -2.0], [2.0, -4.0], "twice the first"),
        ([1.0, NAN], [2.0, NAN], "twice the first"),
        ([0.0, 3.0], [-0.0, 6.0], "twice the first"),
        ([1.0, -2.0], [2.0, -4.5], "other bits"),
        ([1.0, -2.0], [3.0, -6.0], "other bits"),
        ([0.0, 0.0], [0.0, -0.0], "other bits"),
    ],
)
@pytest.mark.parametrize("dtype", FORMATS)
def test_a_second_call_doubles_the_first_or_gives_other_bits(first, second, words, dtype):
    arrays = (np.array(values).astype(dtype) for values in (first, second))
    assert repetition(*arrays) == words


def test_doubling_beyond_the_largest_number_is_no_warning():
    assert repetition(np.array([6e4], np.float16), np.array([INF], np.float16)) == "twice the first"
