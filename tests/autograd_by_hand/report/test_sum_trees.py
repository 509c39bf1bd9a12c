from typing import Any

import pytest

from autograd_by_hand.report.sum_trees import MOST, depths_of, trees_layout
from autograd_by_hand.summation.describe import described
from autograd_by_hand.summation.tree import chain, in_turn, leaf, pairwise


@pytest.mark.parametrize(
    ("tree", "depths"),
    [
        (leaf(0), [0]),
        (in_turn(range(4)), [3, 3, 2, 1]),
        (in_turn([3, 2, 1, 0]), [1, 2, 3, 3]),
        (pairwise(4), [2, 2, 2, 2]),
        (chain([in_turn([0, 2, 4]), in_turn([1, 3, 5])]), [3, 3, 3, 3, 2, 2]),
    ],
)
def test_a_summand_is_as_deep_as_the_additions_that_it_passes_through(tree, depths):
    assert depths_of(tree) == depths


def way(tree):
    from autograd_by_hand.summation.tree import Order

    order = Order(tree, None)  # type: ignore[arg-type]
    return {
        "refused": None, "words": described(tree, bias=False), "order": order,
        "summands": len(tree) // 2 + 1,
    }  # fmt: skip


def row(torchs, numpys=None, name="dx"):
    return {"name": name, "torch": way(torchs), "numpy": None if numpys is None else way(numpys)}


LANES = chain([in_turn(range(lane, 64, 4)) for lane in range(4)])


def test_lanes_are_strands_side_by_side_that_are_joined():
    (panel,) = trees_layout([row(LANES)], "float32").panels
    assert [len(strand) for strand in panel.strands] == [16, 16, 16, 16]
    assert len(panel.joins) == 6  # two lines to each of three additions


def test_a_plain_loop_is_one_strand_that_goes_down_to_the_right():
    (panel,) = trees_layout([row(in_turn(range(50)))], "float32").panels
    (strand,) = panel.strands
    xs, ys = zip(*strand, strict=True)
    assert list(xs) == sorted(xs)
    assert list(ys) == sorted(ys)
    assert panel.joins == []


def test_torch_and_numpy_have_a_panel_each_where_they_differ():
    picture = trees_layout([row(LANES, in_turn(range(64)))], "float32")
    assert [panel.whose for panel in picture.panels] == [["torch"], ["numpy"]]
    assert [panel.title for panel in picture.panels] == ["dx", "dx"]
    assert (picture.apart, picture.both) == (1, 1)


def test_torch_and_numpy_share_a_panel_where_they_agree():
    picture = trees_layout([row(LANES, LANES)], "float32")
    assert [panel.whose for panel in picture.panels] == [["torch", "numpy"]]
    assert (picture.apart, picture.both) == (0, 1)


def test_few_summands_and_what_was_refused_are_not_drawn():
    refused: Any = {"name": "dW", "torch": {"refused": "not deterministic"}, "numpy": None}
    picture = trees_layout([row(in_turn(range(8))), refused], "float32")
    assert picture.panels == []
    assert picture.height > 0


def test_a_long_sum_is_thinned_and_keeps_its_ends():
    (panel,) = trees_layout([row(in_turn(range(10 * MOST)))], "float32").panels
    (strand,) = panel.strands
    assert MOST <= len(strand) <= MOST + 1
    assert strand[-1][0] == panel.x_ticks[1][0]


def test_everything_stays_within_its_frame():
    picture = trees_layout([row(LANES, in_turn(range(64))), row(pairwise(600))], "float32")
    for panel in picture.panels:
        places = [place for strand in panel.strands for place in strand]
        places += [place for join in panel.joins for place in (join[:2], join[2:])]
        assert all(panel.left <= x <= panel.left + panel.width for x, _ in places)
        assert all(panel.top <= y <= panel.top + panel.height for _, y in places)
        assert panel.left + panel.width <= picture.width
