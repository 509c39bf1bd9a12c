"""The graph that autograd walks: its listing, and the nodes that the report explains."""

from dataclasses import dataclass

from autograd_by_hand.experiment.graph_listing import Node as WrittenNode
from autograd_by_hand.experiment.graph_listing import listing
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.storage.missing import Missing


@dataclass(frozen=True)
class Node:
    """A node by its number.

    leaf: the tensor that it transposes or accumulates into, None if there is none
    """

    id: int
    leaf: str | None


@dataclass(frozen=True)
class Output:
    """One of the several tensors that forward returns.

    node: where autograd begins at it, None if it has no derivative
    """

    name: str
    shape: list[int]
    dtype: str
    node: int | None


@dataclass(frozen=True)
class Graph:
    """The listing, and the matrix products with a bias, the transposes and the leaves.

    missing: why all of it is missing, None if it is not
    outputs: those of forward; empty if it returns one tensor
    """

    missing: Missing | None
    outputs: list[Output]
    lines: list[str]
    products: list[int]
    transposes: list[Node]
    leaves: list[Node]


def graph_of(measured: Measurements) -> Graph:
    """Return the listing and the nodes of the recorded graph."""
    if isinstance(measured.graph, Missing):
        return Graph(measured.graph, [], [], [], [], [])
    nodes = measured.graph["nodes"]
    return Graph(
        missing=None,
        outputs=[
            Output(one["name"].removeprefix("result_"), one["shape"], one["dtype"], one["node"])
            for one in measured.graph.get("outputs", [])
        ],
        lines=listing(nodes),
        products=[node["id"] for node in nodes if node["type"] == "AddmmBackward0"],
        transposes=[
            Node(node["id"], _first_edge_leaf(nodes, node))
            for node in nodes
            if node["type"] == "TBackward0"
        ],
        leaves=[Node(node["id"], node["leaf"]) for node in nodes if node["leaf"]],
    )


def _first_edge_leaf(nodes: list[WrittenNode], node: WrittenNode) -> str | None:
    """Return the tensor that the node of the first edge accumulates into, None if not a leaf."""
    to = node["edges"][0]["to"]
    return None if to is None else nodes[to]["leaf"]
