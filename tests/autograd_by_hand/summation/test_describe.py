import pytest

from autograd_by_hand.summation.describe import described
from autograd_by_hand.summation.tree import chain, in_turn, leaf, pairwise

LANES = chain([in_turn(range(lane, 64, 4)) for lane in range(4)])
BLOCKS = chain([in_turn(range(at, min(at + 192, 600))) for at in range(0, 600, 192)])
PAIRED_LANES = chain(
    [chain([in_turn(range(lane, 64, 4)) for lane in two]) for two in ((0, 2), (1, 3))]
)
SWAPPED = [0, *(number ^ 1 for number in range(2, 64))]


@pytest.mark.parametrize(
    ("tree", "bias", "words"),
    [
        (leaf(0), False, "a single summand"),
        (in_turn([1, 0]), False, "the one added to the other"),
        (in_turn(range(600)), False, "one after another"),
        (in_turn(range(5, -1, -1)), False, "one after another, from the last"),
        (in_turn([1, 0, 3, 2]), False, "one after another, in the order 1, 0, 3, 2"),
        (in_turn([1, 0, 3, 2, 5, 4, 7]), False, "one after another, in the order 1, 0, 3, 2, 5, 4, ..."),
        (in_turn([*range(64), 64]), True, "one after another, the bias last"),
        (in_turn([64, *range(64)]), True, "one after another, starting from the bias"),
        (in_turn([0, 64, *range(1, 64)]), True, "one after another, the bias in between"),
        (LANES, False, "in 4 lanes of 16 summands, 4 apart, whose sums are added one after another"),
        (PAIRED_LANES, False, "in 4 lanes of 16 summands, 4 apart, whose sums are added in pairs"),
        (BLOCKS, False, "in 4 blocks of up to 192 neighbours, whose sums are added one after another"),
        (chain([in_turn(range(300)), in_turn(range(300, 600))]), False, "in 2 blocks of 300 neighbours, whose sums are added at the end"),
        (chain([in_turn([1, 0, 3, 2]), in_turn([5, 4, 7, 6])]), False, "in 2 blocks of 4 neighbours, whose sums are added at the end"),
        (pairwise(8), False, "in pairs, then pairs of pairs, 3 levels deep"),
        (pairwise(37), False, "in pairs, then pairs of pairs, 6 levels deep"),
    ],
)  # fmt: skip
def test_an_order_is_told_in_words(tree, bias, words):
    assert described(tree, bias) == words


def test_sums_joined_in_no_pattern_have_a_depth():
    lanes = [in_turn(range(lane, 40, 5)) for lane in range(5)]
    tree = chain([chain(lanes[:3]), chain(lanes[3:])])
    assert described(tree, bias=False) == (
        "in 5 lanes of 8 summands, 5 apart, whose sums are added in pairs"
    )
    lanes = [in_turn(range(lane, 64, 8)) for lane in range(8)]
    tree = chain([chain(lanes[:6]), chain(lanes[6:])])
    assert described(tree, bias=False) == (
        "in 8 lanes of 8 summands, 8 apart, whose sums are added in a tree 6 levels deep"
    )
