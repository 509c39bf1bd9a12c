import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.experiment.graph_listing import Node, first_edge_walk, layers, listing


def graph(*edges: list[int | None], leaves: dict[int, str] | None = None) -> list[Node]:
    """One node for each list, whose numbers are the nodes that its edges lead to."""
    return [
        {
            "id": node,
            "type": f"Type{node}",
            "edges": [{"to": to, "input": place} for place, to in enumerate(targets)],
            "leaf": (leaves or {}).get(node),
        }
        for node, targets in enumerate(edges)
    ]


CHAIN = graph([1], [2], [])
DIAMOND = graph([1, 2], [3], [3], [], leaves={3: "x"})
SHORT_AND_LONG = graph([2, 1], [2], [3], [])  # 0 leads to 2 directly and by way of 1


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    """Graphs without cycles in which every node is reached from the root, ids in any order."""
    size = draw(st.integers(1, 10))
    parents = [
        draw(st.lists(st.integers(0, node - 1), min_size=1, max_size=3)) for node in range(1, size)
    ]
    ids = [0, *draw(st.permutations(range(1, size)))]
    targets: list[list[int | None]] = [[] for _ in range(size)]
    for node, above in enumerate(parents, start=1):
        for parent in above:
            targets[ids[parent]].append(ids[node])
    return graph(*targets)


def test_a_graph_is_listed_a_line_a_node_with_its_edges_and_its_leaf():
    nodes = graph([1, None], [2], [], leaves={2: "W"})
    assert listing(nodes) == [
        " 0 Type0 [(Type1, 0), (None, 1)]",
        " 1 Type1 [(Type2, 0)]",
        " 2 Type2 []  <- W",
    ]


def test_ids_of_two_digits_stand_under_each_other():
    lines = listing(graph(*[[] for _ in range(11)]))
    assert (lines[9], lines[10]) == (" 9 Type9 []", "10 Type10 []")


def test_a_node_that_is_reached_twice_is_listed_once():
    assert [line for line in listing(DIAMOND) if line.endswith("<- x")] == [" 3 Type3 []  <- x"]
    assert len(listing(DIAMOND)) == 4


@pytest.mark.parametrize(
    ("nodes", "walk"),
    [
        (CHAIN, [0, 1, 2]),
        (DIAMOND, [0, 1, 3]),
        (SHORT_AND_LONG, [0, 2, 3]),
        (graph([None, 1], [None]), [0, 1]),
        (graph([]), [0]),
        ([], []),
    ],
    ids=["a chain", "a diamond", "a short cut", "nothing first", "one node", "no node"],
)
def test_the_labs_walk_follows_the_first_edge_that_leads_anywhere(nodes, walk):
    assert first_edge_walk(nodes) == walk


@pytest.mark.parametrize(
    ("nodes", "rows"),
    [
        (CHAIN, [[0], [1], [2]]),
        (DIAMOND, [[0], [1, 2], [3]]),
        (SHORT_AND_LONG, [[0], [1], [2], [3]]),
        (graph([1, 1], []), [[0], [1]]),
        (graph([None, 1], [None]), [[0], [1]]),
        (graph([]), [[0]]),
    ],
    ids=[
        "a chain",
        "a diamond",
        "the longest way",
        "a double edge",
        "edges to nothing",
        "one node",
    ],
)
def test_a_layer_is_the_longest_way_from_the_root(nodes, rows):
    assert layers(nodes) == rows


@given(graphs())
def test_every_node_is_in_one_layer_and_the_root_alone_in_the_first(nodes):
    rows = layers(nodes)
    assert sorted(node for row in rows for node in row) == list(range(len(nodes)))
    assert rows[0] == [0]


@given(graphs())
def test_every_edge_leads_to_a_lower_layer_and_one_of_them_to_the_next(nodes):
    depth = {node: place for place, row in enumerate(layers(nodes)) for node in row}
    rises: dict[int, list[int]] = {}
    for node in nodes:
        for edge in node["edges"]:
            rises.setdefault(edge["to"], []).append(depth[edge["to"]] - depth[node["id"]])
    assert all(min(steps) == 1 for steps in rises.values())
