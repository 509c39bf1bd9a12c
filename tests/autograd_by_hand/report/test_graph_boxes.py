import math
from itertools import pairwise

from hypothesis import given

from autograd_by_hand.experiment.graph_listing import layers
from autograd_by_hand.report.graph_boxes import BOX_HEIGHT, BOX_WIDTH, Arrow, graph_layout
from tests.autograd_by_hand.experiment.test_graph_listing import DIAMOND, graph, graphs


@given(graphs())
def test_arrows_always_lead_downward(nodes):
    layout = graph_layout(nodes, layers(nodes))
    assert len(layout.arrows) == sum(len(node["edges"]) for node in nodes)
    assert all(arrow.y1 < arrow.y2 for arrow in layout.arrows)


@given(graphs())
def test_boxes_lie_within_the_picture_and_apart(nodes):
    layout = graph_layout(nodes, layers(nodes))
    rows: dict[float, list[float]] = {}
    for box in layout.boxes:
        assert 0 <= box.x <= layout.width - BOX_WIDTH
        assert 0 <= box.y <= layout.height - BOX_HEIGHT
        rows.setdefault(box.y, []).append(box.x)
    for lefts in map(sorted, rows.values()):
        assert all(b - a > BOX_WIDTH for a, b in pairwise(lefts))


def test_a_row_that_is_crowded_on_one_side_stays_within_the_picture():
    nodes = graph([1, 3, 4, 5], [2, 4, 5], [3], [], [], [6, 7], [], [])
    layout = graph_layout(nodes, layers(nodes))
    assert min(box.x for box in layout.boxes) >= 0


def test_a_diamond_is_drawn_as_one():
    layout = graph_layout(DIAMOND, layers(DIAMOND))
    top, left, right, bottom = layout.boxes
    assert top.x == bottom.x == (left.x + right.x) / 2
    assert top.y < left.y == right.y < bottom.y


def test_an_arrow_leads_from_the_bottom_of_a_box_to_the_top_of_the_next():
    layout = graph_layout(DIAMOND, layers(DIAMOND))
    top, left = layout.boxes[:2]
    assert layout.arrows[0] == Arrow(
        x1=top.x + BOX_WIDTH / 2,
        y1=top.y + BOX_HEIGHT,
        x2=left.x + BOX_WIDTH / 2,
        y2=left.y,
    )


def test_an_edge_to_nothing_has_no_arrow():
    nodes = graph([None, 1], [None])
    assert len(graph_layout(nodes, layers(nodes)).arrows) == 1


def test_a_box_carries_its_type_its_leaf_and_its_kind():
    nodes = graph([1], [], leaves={1: "W"})
    nodes[1]["type"] = "AccumulateGrad"
    boxes = graph_layout(nodes, layers(nodes)).boxes
    assert [(box.type, box.leaf, box.kind) for box in boxes] == [
        ("Type0", None, "plain"),
        ("AccumulateGrad", "W", "leaf"),
    ]


def test_a_box_stands_below_the_middle_of_those_that_lead_to_it():
    nodes = graph([1, 2, 3], [], [4], [4], [])
    boxes = graph_layout(nodes, layers(nodes)).boxes
    assert boxes[4].x == (boxes[2].x + boxes[3].x) / 2


def test_a_row_keeps_the_order_of_those_that_lead_to_it():
    nodes = graph([1, 2], [4], [3], [], [])  # 4 comes after 3 by number, and below 1 left of 2
    boxes = graph_layout(nodes, layers(nodes)).boxes
    assert boxes[4].x < boxes[3].x


def test_products_transposes_and_leaves_are_told_apart():
    nodes = graph([1], [2], [])
    for node, name in zip(nodes, ("AddmmBackward0", "TBackward0", "AccumulateGrad"), strict=True):
        node["type"] = name
    layout = graph_layout(nodes, layers(nodes))
    assert [box.kind for box in layout.boxes] == ["product", "transpose", "leaf"]
    assert layout.kinds == ["product", "transpose", "leaf"]


def test_a_kind_that_does_not_occur_is_not_named_and_leaves_are_counted():
    nodes = graph([1, 2], [], [], leaves={1: "W", 2: "x"})
    nodes[1]["type"] = nodes[2]["type"] = "AccumulateGrad"
    layout = graph_layout(nodes, layers(nodes))
    assert (layout.kinds, layout.leaves) == (["leaf"], 2)


def test_the_picture_says_how_large_its_boxes_are():
    layout = graph_layout(DIAMOND, layers(DIAMOND))
    assert (layout.box_width, layout.box_height) == (BOX_WIDTH, BOX_HEIGHT)


def test_a_chain_stands_upright():
    nodes = graph([1], [2], [])
    boxes = graph_layout(nodes, layers(nodes)).boxes
    assert len({box.x for box in boxes}) == 1
    assert math.isclose(boxes[2].y - boxes[1].y, boxes[1].y - boxes[0].y)
