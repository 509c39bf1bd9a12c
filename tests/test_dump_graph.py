from autograd_by_hand.core.files import read_json
from dump_graph import dump_graph
from tests.stages import NEEDED, write_inputs


def test_the_whole_graph_is_written_each_leaf_by_its_name(tmp_path):
    given = write_inputs(tmp_path)
    dump_graph(given["forward"], given["draws"], NEEDED, 10, tmp_path / "graph.json")
    graph = read_json(tmp_path / "graph.json")
    assert [(node["type"], node["leaf"]) for node in graph["nodes"]] == [
        ("MulBackward0", None),
        ("PowBackward0", None),
        ("MulBackward0", None),
        ("AccumulateGrad", "x"),
        ("AccumulateGrad", "W"),
    ]
    assert [edge["to"] for edge in graph["nodes"][2]["edges"]] == [3, 4]
    assert graph["first_edge_walk"] == [0, 1, 2, 3]
    assert set(graph["halvings"]) == {"0.5 * s", "s / 2"}
