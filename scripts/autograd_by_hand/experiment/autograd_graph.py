"""The complete graph that autograd recorded of a forward pass, in a stable order."""

from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.experiment.graph_listing import Node


def walk_graph(result: Tensor, leaves: dict[str, Tensor]) -> list[Node]:
    """Every node of the graph behind `result`, breadth first, the root first.

    leaves: the tensors that require a gradient, by name
    returns: the nodes; an `id` is the index in the list, a `type` the name of the Python class
    """
    owners = {id(leaf): name for name, leaf in leaves.items()}
    root = result.grad_fn
    assert root is not None
    order: list[Any] = [root]  # while a node's Python object is alive, torch returns the same one
    ids = {root: 0}
    for node in order:
        for child, _ in node.next_functions:
            if child is not None and child not in ids:
                ids[child] = len(order)
                order.append(child)
    return [
        {
            "id": ids[node],
            "type": type(node).__name__,
            "edges": [
                {"to": None if child is None else ids[child], "input": index}
                for child, index in node.next_functions
            ],
            "leaf": owners.get(id(getattr(node, "variable", None))),
        }
        for node in order
    ]


def halvings() -> dict[str, str]:
    """The type of node that this version of torch records for 0.5 * s and for s / 2."""
    total = torch.ones((), requires_grad=True)
    return {
        "0.5 * s": type((0.5 * total).grad_fn).__name__,
        "s / 2": type((total / 2).grad_fn).__name__,
    }
