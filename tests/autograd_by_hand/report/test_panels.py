from itertools import pairwise

import pytest

from autograd_by_hand.report.panels import WIDTH, Frame, grid


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_frames_fill_the_width_in_rows_and_stand_apart(count):
    frames = grid([str(number) for number in range(count)], 3)
    assert [frame.title for frame in frames] == [str(number) for number in range(count)]
    assert max(frame.left + frame.width for frame in frames) == pytest.approx(WIDTH - 16)
    for first, second in pairwise(frames):
        beside = first.left + first.width < second.left and first.top == second.top
        below = first.top + first.height < second.top
        assert beside or below


def test_rows_are_as_high_and_as_far_apart_as_asked():
    first, second = grid(["a", "b"], 1, top=10, height=20, between=5)
    assert (first, second.top) == (Frame("a", first.left, 10, first.width, 20), 35)


def test_nothing_needs_no_frame():
    assert grid([], 3) == []
