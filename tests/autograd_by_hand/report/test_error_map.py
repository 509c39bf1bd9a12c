import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autograd_by_hand.report.error_map import COLUMNS, ROWS, Half, largest_matrix, map_of_errors

map_of = partial(map_of_errors, dtype="float32")

STROKE = re.compile(r"M(\d+) (\d+)h(\d+)")
ONES = np.ones((1, 2, 4))


def cells(told):
    """From each cell that is drawn, (row, column), to its kind."""
    return {
        (int(y), int(x) + step): kind
        for kind, path in told.paths.items()
        for x, y, length in STROKE.findall(path)
        for step in range(int(length))
    }


def test_the_largest_gradient_with_two_axes_is_chosen():
    assert largest_matrix({"db": (600,), "dx": (2, 64), "dW": (10, 20)}) == "dW"


def test_where_no_gradient_has_two_axes_the_largest_is_chosen():
    assert largest_matrix({"da": (), "db": (6,), "dc": (7,)}) == "dc"


def test_a_row_that_holds_the_error_is_found():
    error = np.zeros((1, 4, 5))
    error[0, 2] = [1.0, -1, 1, -1, 1]
    told = map_of("dW", error, np.ones((1, 4, 5)))
    assert {place for place, _ in cells(told).items()} == {(2, column) for column in range(5)}
    assert told.of_error == Half(rows=1, columns=3)
    assert told.of_gradient == Half(rows=2, columns=3)


def test_a_cell_stands_out_by_a_level_more_for_each_doubling():
    error = np.array([[[1.0, 2, 4, 8]]])
    assert list(cells(map_of("dW", error, error)).values()) == ["h1", "h2", "h3", "h4"]


def test_the_run_that_is_furthest_off_is_drawn():
    error = np.stack([ONES[0], 3 * ONES[0], 2 * ONES[0]])
    assert map_of("dW", error, error).run == 1
    error[2, 0, 0] = np.inf
    assert map_of("dW", error, error).run == 2


def test_what_is_no_number_is_crossed_and_counted_and_the_rest_is_drawn():
    error = ONES.copy()
    error[0, 1, 3] = np.inf
    told = map_of("dW", error, ONES)
    assert told.lost == 1
    assert cells(told)[1, 3] == "lost"
    assert cells(told)[0, 0] == "h4"


def test_without_an_error_nothing_is_drawn():
    told = map_of("dW", 0 * ONES, ONES)
    assert (told.paths, told.of_error) == ({}, None)
    assert map_of("dW", ONES, 0 * ONES).of_gradient is None


@pytest.mark.parametrize(
    ("shape", "seen"), [((), (1, 1)), ((5,), (1, 5)), ((2, 3), (2, 3)), ((2, 3, 4), (2, 12))]
)
def test_whatever_has_other_than_two_axes_is_laid_out_in_two(shape, seen):
    told = map_of("dW", np.ones((3, *shape)), np.ones((3, *shape)))
    assert (told.shape, told.axes) == (seen, len(shape))


def test_a_large_matrix_is_drawn_in_blocks_and_no_row_is_lost():
    error = np.zeros((1, 10 * ROWS + 1, 7 * COLUMNS))
    error[0, -1, -1] = 1.0
    told = map_of("dW", error, error)
    assert told.block == (11, 7)
    ((row, column),) = cells(told)
    assert (row, column) == ((10 * ROWS) // 11, COLUMNS - 1)


def test_neither_huge_nor_tiny_errors_are_lost():
    for size in (1e300, 1e-300):
        told = map_of("dW", size * ONES, size * ONES)
        assert set(cells(told).values()) == {"h4"}


@given(arrays(float, (1, 3, 6), elements=st.floats(-10, 10).map(lambda x: round(x, 3))))
def test_a_cell_is_drawn_where_there_is_an_error_and_nowhere_else(error):
    drawn = set(cells(map_of("dW", error, error)))
    assert drawn == {(int(row), int(column)) for row, column in np.argwhere(error[0])}
