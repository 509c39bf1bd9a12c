from autograd_by_hand.report.sections.graph import Node, graph_of
from tests.autograd_by_hand.report.made_up import measurements

KINDS: list[tuple[str, list[int | None], str | None]] = [
    ("AddmmBackward0", [1, 2, 4], None),
    ("AccumulateGrad", [], "b"),
    ("TBackward0", [3], None),
    ("AccumulateGrad", [], "W"),
    ("TBackward0", [5], None),
    ("TBackward0", [None], None),
]
NODES = [
    {"id": i, "type": kind, "leaf": leaf, "edges": [{"to": to, "input": 0} for to in onward]}
    for i, (kind, onward, leaf) in enumerate(KINDS)
]


def test_the_nodes_that_a_reader_is_told_about_are_found():
    told = graph_of(measurements(graph={"nodes": NODES}))
    assert told.products == [0]
    assert told.transposes == [Node(2, "W"), Node(4, None), Node(5, None)]
    assert told.leaves == [Node(1, "b"), Node(3, "W")]
    assert len(told.lines) == len(NODES)
