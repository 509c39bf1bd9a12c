import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.lib.order import (
    chain,
    in_turn,
    leaf,
    pairwise,
    read,
    renumbered,
    summands,
    written,
)

LANES = chain([in_turn(range(lane, 64, 4)) for lane in range(4)])
BLOCKS = chain([in_turn(range(at, min(at + 192, 600))) for at in range(0, 600, 192)])


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (leaf(0), "(0)"),
        (in_turn(range(600)), "(0:600)"),
        (in_turn([0, 1]), "(0 1)"),
        (in_turn(range(5, -1, -1)), "(5:-1:-1)"),
        (LANES, "((0:64:4) (1:65:4) (2:66:4) (3:67:4))"),
        (chain([LANES, leaf(64)]), "((0:64:4) (1:65:4) (2:66:4) (3:67:4) 64)"),
        (BLOCKS, "((0:192) (192:384) (384:576) (576:600))"),
        (pairwise(4), "((0 1) (2 3))"),
    ],
)
def test_an_order_has_a_short_notation_that_reads_back(tree, text):
    assert written(tree) == text
    assert np.array_equal(read(text), tree)


@st.composite
def trees(draw):
    """Any binary tree over shuffled summands."""
    parts = [leaf(number) for number in draw(st.permutations(range(draw(st.integers(1, 24)))))]
    while len(parts) > 1:
        at = draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [chain(parts[at : at + 2])]
    return parts[0]


@given(trees())
def test_every_tree_reads_back(tree):
    assert np.array_equal(read(written(tree)), tree)


@pytest.mark.parametrize("text", ["", "(0 1", "0 1)", "(0 0)", "(0 2)", "()", "(0 (1)) (2)"])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(ValueError, match=r"order of a sum|each summand once"):
        read(text)


def test_summands_can_be_renamed():
    tree = renumbered(in_turn([0, 1, 2]), np.array([2, 1, 0], np.int32))
    assert summands(tree).tolist() == [2, 1, 0]
