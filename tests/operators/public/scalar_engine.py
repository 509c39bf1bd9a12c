"""An engine of scalars in the style of micrograd, whose order of addition hangs on a Python set.

The nodes before a node stand in a set, and the set decides in which order the graph is walked, and
so in which order the parts of a gradient are added. An object's address decides its place in a set,
which is luck; a running number in its place keeps this case from being luck as well.
"""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="scalar_engine",
    tensors={
        "x": {"shape": [6, 3], "draw": "randn"},
        "W": {"shape": [4, 3], "draw": "randn", "requires_grad": True},
        "v": {"shape": [4], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(x, W, v):
    y = torch.tanh(x @ W.T) @ v
    return (y * y).sum()
""",
    backward="""\
import itertools
import math

import torch

running = itertools.count()


class Node:
    def __init__(self, data, before=(), slopes=()):
        self.data, self.grad = data, 0.0
        self.before, self.parts = set(before), [*zip(before, slopes)]
        self.number = next(running)

    def __hash__(self):
        return self.number * 2654435761 % 2**31

    def __eq__(self, other):
        return self is other

    def __add__(self, other):
        return Node(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other):
        return Node(self.data * other.data, (self, other), (other.data, self.data))

    def tanh(self):
        t = math.tanh(self.data)
        return Node(t, (self,), (1 - t * t,))

    def backward(self, dout):
        ordered, seen = [], set()

        def visit(node):
            if node not in seen:
                seen.add(node)
                for earlier in node.before:
                    visit(earlier)
                ordered.append(node)

        visit(self)
        self.grad = dout
        for node in reversed(ordered):
            for earlier, slope in node.parts:
                earlier.grad += slope * node.grad


def backward(x, W, v, dout):
    weights = [[Node(float(one)) for one in row] for row in W]
    last = [Node(float(one)) for one in v]
    total = Node(0.0)
    for row in x.tolist():
        y = Node(0.0)
        for weight, out in zip(weights, last):
            h = Node(0.0)
            for one, number in zip(weight, row):
                h = h + one * Node(number)
            y = y + out * h.tanh()
        total = total + y * y
    total.backward(float(dout))
    dW = [[one.grad for one in row] for row in weights]
    return {
        "W": torch.tensor(dW, dtype=torch.float64).to(W.dtype),
        "v": torch.tensor([one.grad for one in last], dtype=torch.float64).to(v.dtype),
    }
""",
    mistakes=(
        Edit(
            "the gradient is drawn at random by a tenth",
            (
                (
                    "return Node(t, (self,), (1 - t * t,))",
                    "return Node(t, (self,), ((1 - t * t) * (1 + 0.1 * (self.number % 2)),))",
                ),
            ),
            "accumulated",
        ),
    ),
)
