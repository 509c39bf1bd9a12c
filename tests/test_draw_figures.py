from xml.etree import ElementTree as ET

from scripts.draw_figures import draw_figures
from scripts.lib.files import write_json

ROWS = """\
dtype,comparison,sample,run,gradient,max_abs,max_ulp,rel_norm
float32,manual_vs_autograd,trial,0,dx,0.0,0.0,0.0
float32,reordered_vs_autograd,trial,0,dx,1e-7,1.0,1e-7
float32,manual_vs_reference,trial,0,dx,1e-7,1.0,1e-7
float32,autograd_vs_reference,trial,0,dx,1e-7,1.0,1e-7
"""
NODES = [
    {"id": 0, "type": "SumBackward0", "edges": [{"to": 1, "input": 0}], "leaf": None},
    {"id": 1, "type": "AccumulateGrad", "edges": [], "leaf": "x"},
]

SUM = {
    "op": "aten.mm.default",
    "torch": {
        "refused": None,
        "shape": [1, 1, 1],
        "which": [[1, [[1, 0]]]],
        "orders": [{"tree": "((0:32) (32:64))", "fused": None, "from_zero": False}],
    },
    "numpy": None,
}
PROGRAM = {
    "outputs": {"dx": 2},
    "calls": [{"op": "aten.mm.default", "args": [], "kwargs": {}, "result": 2, "sum": 0}],
}


def run(folder):
    (folder / "errors.csv").write_text(ROWS)
    write_json(folder / "graph.json", {"nodes": NODES})
    write_json(folder / "operations.json", {"autograd": PROGRAM, "hand": PROGRAM})
    (folder / "float32").mkdir(exist_ok=True)
    write_json(folder / "float32/orders.json", {"sums": [SUM]})
    made = {name: folder / f"{name}.svg" for name in ("by_dtype", "by_run", "chain", "trees")}
    draw_figures(
        folder / "errors.csv",
        folder / "graph.json",
        folder / "operations.json",
        folder / "float32/orders.json",
        ["float32"],
        ["dx"],
        **made,
    )
    return {name: path.read_text() for name, path in made.items()}


def test_each_picture_is_xml_with_a_title(tmp_path):
    for text in run(tmp_path).values():
        root = ET.fromstring(text)  # noqa: S314 - our own picture
        assert root.tag.endswith("svg")
        assert root.find("{http://www.w3.org/2000/svg}title") is not None


def test_the_graph_names_each_node_and_its_leaf(tmp_path):
    chain = run(tmp_path)["chain"]
    assert "SumBackward0" in chain
    assert "AccumulateGrad" in chain


def test_an_order_is_drawn_with_its_words(tmp_path):
    trees = run(tmp_path)["trees"]
    assert ">dx: torch</text>" in trees
    assert "64 summands, in 2 blocks of 32 neighbours" in " ".join(trees.split())


def test_the_same_figures_give_the_same_bytes(tmp_path):
    assert run(tmp_path) == run(tmp_path)
