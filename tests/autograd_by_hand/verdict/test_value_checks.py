import numpy as np
import pytest

from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.verdict.value_checks import non_finite, off_zero, repetition

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


# a cotangent of zeros


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([0.0, 0.0], "zero"),
        ([0.0, -0.0], "zero"),
        ([], "zero"),
        ([0.0, -3.0], "values up to 3"),
        ([2.0, 0.25], "values up to 2"),
        ([0.0, 0.125], "values up to 0.12"),
        ([0.0, NAN], "inf or nan"),
        ([-INF, 1.0], "inf or nan"),
    ],
)
def test_what_a_cotangent_of_zeros_gives_is_zero_or_told_by_its_size(value, words):
    assert off_zero(np.array(value)) == words
