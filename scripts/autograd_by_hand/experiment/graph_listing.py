"""Print a recorded graph, walk it, and arrange it in layers, without torch."""

from collections import Counter
from typing import NotRequired, TypedDict


class Edge(TypedDict):
    """The node that an edge leads to, or None, and the number of that node's input."""

    to: int | None
    input: int


class Node(TypedDict):
    """A node of the graph, with its edges in autograd's order.

    leaf: the tensor's name if the node is an AccumulateGrad, else None
    """

    id: int
    type: str
    edges: list[Edge]
    leaf: str | None


class Output(TypedDict):
    """One of several tensors that forward returns.

    node: the root that autograd begins with there, None if it cannot differentiate the output
    """

    name: str
    shape: list[int]
    dtype: str
    node: int | None


class RecordedGraph(TypedDict):
    """What dump_graph writes.

    first_edge_walk: the ids that `first_edge_walk` meets
    halvings: the node that each spelling of a half records
    outputs: what forward returns, if that is more than one tensor
    """

    nodes: list[Node]
    first_edge_walk: list[int]
    halvings: dict[str, str]
    outputs: NotRequired[list[Output]]


def listing(nodes: list[Node]) -> list[str]:
    """The graph as the lab prints it, one line per node: its type and its edges in order."""
    lines = []
    for node in nodes:
        edges = ", ".join(
            f"({nodes[edge['to']]['type'] if edge['to'] is not None else None}, {edge['input']})"
            for edge in node["edges"]
        )
        owner = f"  <- {node['leaf']}" if node["leaf"] else ""
        lines.append(f"{node['id']:>2} {node['type']} [{edges}]{owner}")
    return lines


def first_edge_walk(nodes: list[Node]) -> list[int]:
    """The ids of the nodes on the path along each node's first edge to a node: the lab's loop."""
    walk, node = [], nodes[0] if nodes else None
    while node is not None:
        walk.append(node["id"])
        onward = [edge["to"] for edge in node["edges"] if edge["to"] is not None]
        node = nodes[onward[0]] if onward else None
    return walk


def layers(nodes: list[Node]) -> list[list[int]]:
    """The ids by depth, which is the longest path from the root, so that every edge leads down."""
    depth = Counter({0: 0})
    for node in _in_topological_order(nodes):
        for edge in node["edges"]:
            if edge["to"] is not None:
                depth[edge["to"]] = max(depth[edge["to"]], depth[node["id"]] + 1)
    rows: list[list[int]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in nodes:
        rows[depth[node["id"]]].append(node["id"])
    return rows


def _in_topological_order(nodes: list[Node]) -> list[Node]:
    """The nodes in an order in which each precedes those that its edges lead to (Kahn, 1962)."""
    waiting = Counter(edge["to"] for node in nodes for edge in node["edges"])
    order = [node for node in nodes if not waiting[node["id"]]]
    for node in order:
        for edge in node["edges"]:
            waiting[edge["to"]] -= 1
            if edge["to"] is not None and not waiting[edge["to"]]:
                order.append(nodes[edge["to"]])
    return order
