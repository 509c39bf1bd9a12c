"""Wrong layouts of a tensor keep its shape and its elements, and say what is wrong with it."""

from itertools import permutations

import pytest
import torch

from autograd_by_hand.diagnosis.layouts import (
    TRANSPOSED,
    misread,
    pairs_of_axes,
    permuted,
    permuted_back,
    reversed_along_both,
    swapped,
    swapped_back,
)

X = torch.arange(24.0).reshape(2, 3, 4)
SQUARE = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


def test_read_one_place_off_or_from_the_other_end():
    row = torch.tensor([1.0, 2.0, 3.0])
    later, earlier, reversed_ = (layout.of(row).tolist() for layout in misread(0))
    assert (later, earlier, reversed_) == ([3, 1, 2], [2, 3, 1], [3, 2, 1])
    assert [layout.kind for layout in misread(0)] == ["shifted", "shifted", "transposed"]
    assert misread(1)[0].words == "is shifted by one index along axis 1"


def test_reversed_along_two_axes():
    assert reversed_along_both(0, 1).of(SQUARE).tolist() == [[4, 3], [2, 1]]


def test_two_axes_swapped_of_a_square_transpose_it():
    for layout in (TRANSPOSED, swapped(0, 1, 2), swapped_back(0, 1, 2)):
        assert layout.of(SQUARE).tolist() == [[1, 3], [2, 4]]


def test_swapped_axes_of_other_lengths_are_laid_out_in_the_own_shape():
    oblong = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert swapped(0, 1, 2).of(oblong).tolist() == [[1, 4, 2], [5, 3, 6]]
    assert swapped_back(0, 1, 2).of(oblong).tolist() == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_what_is_permuted_back_is_what_it_was(order):
    assert torch.equal(permuted_back(order)(permuted(order)(X)), X)
    assert permuted(order)(X).shape == X.shape


def test_only_axes_longer_than_one_make_a_pair():
    assert pairs_of_axes(torch.Size([2, 1, 3, 4])) == [(0, 2), (0, 3), (2, 3)]
