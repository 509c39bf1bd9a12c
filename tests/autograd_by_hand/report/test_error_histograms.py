from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.report.error_histograms import FURTHEST, errors_in_ulps

histograms = partial(errors_in_ulps, dtype="float32")

INF = float("inf")
ERRORS = st.lists(st.floats(-1e6, 1e6) | st.just(INF), min_size=1, max_size=40)


def panel(*errors: float):
    (one,) = histograms({"dx": np.array(errors)}).panels
    return one


def test_the_middle_bar_holds_what_is_within_half_an_ulp():
    one = panel(0.0, 0.5, -0.5, 0.75)
    middle, right = one.bars
    assert (middle.side, middle.share, middle.within) == (0, 0.75, (0.0, 0.5))
    assert (right.side, right.share, right.within) == (1, 0.25, (0.5, 1.0))
    assert one.nearest == 0.75


def test_each_bar_holds_twice_the_errors_of_the_one_before():
    bars = panel(1.0, 1.5, 2.0, -3.0, 5.0).bars
    assert [(bar.side, bar.within) for bar in bars] == [
        (-1, (2.0, 4.0)),
        (1, (0.5, 1.0)),
        (1, (1.0, 2.0)),
        (1, (4.0, 8.0)),
    ]
    assert [bar.share for bar in bars] == [0.2, 0.2, 0.4, 0.2]


def test_the_last_bar_takes_everything_beyond():
    assert histograms({"dx": np.array([1024.0])}).beyond is None
    assert histograms({"dx": np.array([1024.5])}).beyond == 1024
    (bar,) = panel(1e9).bars
    assert bar.within == (2.0 ** (FURTHEST - 2), INF)


def test_the_shares_of_errors_that_point_upward_are_told_from_least_to_greatest():
    told = histograms({"dx": np.array([1.0, 2, -1, 0]), "dW": np.array([[-1.0], [-2]])})
    assert told.upward == (0.0, 2 / 3)
    assert [one.upward for one in told.panels] == [2 / 3, 0.0]


def test_the_median_is_that_of_the_worst_gradient():
    assert histograms({"dx": np.array([1.0, -9, 3]), "dW": np.array(0.25)}).median == 3


def test_exact_gradients_have_one_bar_and_no_side():
    told = histograms({"dx": np.zeros((2, 3))})
    (one,) = told.panels
    assert [(bar.side, bar.share) for bar in one.bars] == [(0, 1.0)]
    assert (told.upward, told.median) == (None, 0)


def test_what_is_no_number_is_counted_apart():
    one = panel(INF, INF, INF, 1.0)
    assert (one.lost, one.median) == (3, INF)
    assert [bar.share for bar in one.bars] == [0.25]
    assert panel(INF).bars == []


@given(ERRORS)
def test_the_bars_hold_every_number_and_stay_within_their_frame(errors):
    one = panel(*errors)
    bars = one.bars
    finite = np.isfinite(errors).sum()
    assert sum(bar.share for bar in bars) * len(errors) == pytest.approx(finite)
    for bar in bars:
        assert one.left <= bar.x
        assert bar.x + bar.width <= one.left + one.width
        assert one.top <= bar.y
        assert bar.y + bar.height == pytest.approx(one.top + one.height)


@given(ERRORS)
def test_turned_around_the_errors_give_the_picture_turned_around(errors):
    one, other = panel(*errors), panel(*(-error if error < INF else INF for error in errors))
    mirrored = [(-bar.side, bar.share, bar.within) for bar in reversed(other.bars)]
    assert [(bar.side, bar.share, bar.within) for bar in one.bars] == mirrored
