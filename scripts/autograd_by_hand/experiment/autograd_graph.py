"""The complete graph that autograd recorded of a forward pass, in a stable order."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.aten.torch_private import is_own_function
from autograd_by_hand.experiment.graph_listing import Node, Output


def walk_graph(outputs: Sequence[Tensor], leaves: dict[str, Tensor]) -> list[Node]:
    """Every node of the graph behind forward's outputs, breadth first, the roots first.

    outputs: those that autograd can differentiate; those with the same node have one root
    leaves: the tensors that require a gradient, by name
    returns: the nodes; an `id` is the index in the list, a `type` the name of the Python class
    """
    owners = {id(leaf): name for name, leaf in leaves.items()}
    # While a node's Python object is alive, torch returns the same one.
    order: list[Any] = [*dict.fromkeys(map(root_of, outputs))]
    ids = {root: number for number, root in enumerate(order)}
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


def described(outputs: dict[str, Tensor]) -> list[Output]:
    """Describe each of forward's outputs, and the root that autograd begins with at it."""
    roots = [root_of(one) for one in outputs.values() if one.requires_grad]
    ids = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    return [
        {
            "name": name,
            "shape": [*output.shape],
            "dtype": dtype_name(output.dtype),
            "node": ids[root_of(output)] if output.requires_grad else None,
        }
        for name, output in outputs.items()
    ]


def root_of(output: Tensor) -> Any:
    """The node that autograd begins with at one of forward's outputs; a leaf accumulates there."""
    return torch.autograd.graph.get_gradient_edge(output).node


def has_own_function(outputs: Sequence[Tensor]) -> bool:
    """Whether a backward that is not torch's belongs to the graph behind forward's outputs."""
    order: list[Any] = [*dict.fromkeys(map(root_of, outputs))]
    seen = {*order}
    for node in order:
        if is_own_function(node):
            return True
        fresh = {child for child, _ in node.next_functions if child} - seen
        order += fresh
        seen |= fresh
    return False


def halvings() -> dict[str, str]:
    """The type of node that this version of torch records for 0.5 * s and for s / 2."""
    total = torch.ones((), requires_grad=True)
    return {
        "0.5 * s": type((0.5 * total).grad_fn).__name__,
        "s / 2": type((total / 2).grad_fn).__name__,
    }
