"""Lay out autograd's graph: a box for each node, an arrow for each edge, in pixels."""

from dataclasses import dataclass

from autograd_by_hand.experiment.graph_listing import Node

BOX_WIDTH, BOX_HEIGHT, ROW, SPACE, TOP = 178, 38, 66, 26, 62
KINDS = {"AddmmBackward0": "product", "TBackward0": "transpose", "AccumulateGrad": "leaf"}


@dataclass(frozen=True)
class Box:
    """A node of the graph.

    x, y: the upper left corner
    kind: leaf, product, transpose or plain
    """

    x: float
    y: float
    type: str
    leaf: str | None
    kind: str


@dataclass(frozen=True)
class Arrow:
    """An edge, from the bottom of a box to the top of the box that it leads to."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class GraphPicture:
    """The whole graph, with the root first; all boxes have the same size.

    kinds: those that occur, except plain
    leaves: how many there are
    """

    width: float
    height: float
    box_width: float
    box_height: float
    boxes: list[Box]
    arrows: list[Arrow]
    kinds: list[str]
    leaves: int


def graph_layout(nodes: list[Node], rows: list[list[int]]) -> GraphPicture:
    """Lay out boxes and arrows in pixels.

    rows: the ids of the nodes in each layer, from the root's layer on
    """
    widest = max(map(len, rows))
    width = max(420, widest * (BOX_WIDTH + SPACE) + SPACE)
    corners: dict[int, tuple[float, float]] = {}
    parents = _parents(nodes)
    for depth, row in enumerate(rows):
        above = {node: [corners[parent][0] for parent in parents[node]] for node in row}
        wished = {
            node: sum(lefts) / len(lefts) if lefts else (width - BOX_WIDTH) / 2
            for node, lefts in above.items()
        }
        for node, left in _spread(wished, width).items():
            corners[node] = (left, TOP + depth * ROW)
    boxes = [
        Box(*corners[node["id"]], node["type"], node["leaf"], KINDS.get(node["type"], "plain"))
        for node in nodes
    ]
    arrows = [
        Arrow(
            x1=corners[node["id"]][0] + BOX_WIDTH / 2,
            y1=corners[node["id"]][1] + BOX_HEIGHT,
            x2=corners[edge["to"]][0] + BOX_WIDTH / 2,
            y2=corners[edge["to"]][1],
        )
        for node in nodes
        for edge in node["edges"]
        if edge["to"] is not None
    ]
    return GraphPicture(
        width=width,
        height=TOP + len(rows) * ROW + 6,
        box_width=BOX_WIDTH,
        box_height=BOX_HEIGHT,
        boxes=boxes,
        arrows=arrows,
        kinds=[kind for kind in KINDS.values() if any(box.kind == kind for box in boxes)],
        leaves=sum(bool(box.leaf) for box in boxes),
    )


def _parents(nodes: list[Node]) -> dict[int, list[int]]:
    """Return for each node the nodes that have an edge to it."""
    parents: dict[int, list[int]] = {node["id"]: [] for node in nodes}
    for node in nodes:
        for edge in node["edges"]:
            if edge["to"] is not None:
                parents[edge["to"]].append(node["id"])
    return parents


def _spread(wished: dict[int, float], width: float) -> dict[int, float]:
    """Place the boxes of one row near their wished positions, in that order, without overlap.

    wished: by node, the mean position of its parents (the barycentre of Sugiyama, 1981)
    returns: the left edge of each box
    """
    step = BOX_WIDTH + SPACE
    order = sorted(wished, key=lambda node: (wished[node], node))
    lefts: list[float] = []
    for index, node in enumerate(order):
        last = width - SPACE - BOX_WIDTH - step * (len(order) - 1 - index)  # room for the next ones
        left = min(wished[node], last)
        lefts.append(max(left, lefts[-1] + step) if lefts else left)
    middle = sum(wished.values()) / len(wished) - sum(lefts) / len(lefts)
    shift = min(max(middle, SPACE - lefts[0]), width - SPACE - BOX_WIDTH - lefts[-1])
    return {node: left + shift for node, left in zip(order, lefts, strict=True)}
