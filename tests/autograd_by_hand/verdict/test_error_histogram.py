"""Tails: every element is counted once, and chunks add up to the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autograd_by_hand.verdict.error_histogram import UP_TO, added, columns, tail_of

ULP = 2.0**-23  # of float32 at 1


def tail(value, truth, dtype="float32", autograd=None, run=0):
    value, truth = np.array(value, np.float32), np.array(truth, np.float64)
    same = value if autograd is None else np.array(autograd, np.float32)
    return tail_of(run, value, same, truth, None, dtype)


@pytest.mark.parametrize(
    ("ulps", "name"),
    [
        (0, "0"),
        (0.5, "2^-1"),
        (0.75, "2^0"),
        (1, "2^0"),
        (1.5, "2^1"),
        (2, "2^1"),
        (3, "2^2"),
        (1024, "2^10"),
    ],
)
def test_an_error_counts_in_the_class_of_the_next_power_of_two(ulps, name):
    assert tail([1.0], [1.0 + ulps * ULP])["counts"] == {name: 1}


def test_tiny_errors_are_one_class():
    assert tail([1.0], [1.0 + 2.0**-40 * ULP * 2**20])["counts"] == {"2^-10": 1}


def test_no_numbers_zeros_and_subnormals_are_counted():
    found = tail([np.inf, np.nan, 0.0, 1e-40, 1.0], [1.0, 2.0, 1e-30, 1e-40, 1.0])
    assert (found["overflow"], found["zeros"], found["subnormal"]) == (2, 1, 1)
    assert found["counts"]["inf"] == 2


def test_an_infinity_whose_truth_does_not_fit_is_no_overflow_of_ours():
    assert tail([np.inf], [1e300])["overflow"] == 0


def test_the_greatest_is_told_with_its_place_and_both_values():
    found = tail([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.5, 4.0]], run=5)["greatest"]
    assert found == {"ulps": 0.5 / (2 * ULP), "run": 5, "index": [1, 0], "hand": 3.0, "true": 3.5}


def test_no_error_has_no_greatest():
    assert tail([1.0], [1.0])["greatest"] is None


def test_bits_that_are_not_autograds_are_counted():
    assert tail([1.0, -0.0], [1.0, 0.0], autograd=[1.0, 0.0])["unequal"] == 1


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(
    st.lists(
        st.tuples(arrays(np.float32, 4, elements=FLOATS), arrays(np.float32, 4, elements=FLOATS)),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 6),
)
def test_chunks_add_up_to_the_whole_however_they_are_cut(runs, cut):
    told = [tail(value, truth, run=run) for run, (value, truth) in enumerate(runs)]
    whole = added(told)
    parts = [added(part) for part in (told[:cut], told[cut:]) if part]
    assert added(parts) == whole
    assert sum(whole["counts"].values()) == whole["elements"] == 4 * len(runs)
    assert sum(columns(whole)) == whole["elements"]
    assert len(columns(whole)) == len(UP_TO) + 2


def test_of_equal_errors_the_first_run_counts():
    greatest = added([tail([1.0], [1.5], run=4), tail([1.0], [1.5], run=2)])["greatest"]
    assert greatest is not None
    assert greatest["run"] == 2


def test_an_order_of_the_classes_is_kept():
    found = added([tail([1.0, 1.0, 1.0], [1.0, 1.0 + 4 * ULP, 1.0 + ULP])])
    assert list(found["counts"]) == ["0", "2^0", "2^2"]


def test_the_greatest_error_that_is_a_number_has_a_class():
    value, truth = np.array([1.5 * 2.0**-51, 1.0]), np.array([5e-324, 1.0])
    told = tail_of(0, value, value, truth, None, "float64")
    assert "2^1024" in told["counts"]
    assert columns(told)[-1] == 1
