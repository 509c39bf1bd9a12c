"""A graph layer: each node's own features and its neighbours' mean."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="graph_layer",
    tensors={
        "x": {"shape": [9, 6], "draw": "randn", "requires_grad": True},
        "S": {"shape": [5, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "N": {"shape": [5, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "source": {"shape": [24], "draw": "randint", "high": 9},
        "target": {"shape": [24], "draw": "randint", "high": 9},
    },
    forward='''\
"""y = leaky_relu(S x + N m), m the mean of x over the edges that end in a node."""

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu


def forward(x: Tensor, S: Tensor, N: Tensor, source: Tensor, target: Tensor) -> Tensor:
    total = torch.zeros_like(x).index_add(0, target, x[source])  # (9, 6)
    count = torch.bincount(target, minlength=len(x)).clamp(min=1).to(x.dtype)  # (9,)
    m = total / count[:, None]  # (9, 6)
    return leaky_relu(x @ S.T + m @ N.T, 0.1)  # (9, 5)
''',
    backward='''\
"""The gradient of forward.py: an edge carries back what its end has, divided by the count."""

import torch
from torch import Tensor


def backward(
    x: Tensor, S: Tensor, N: Tensor, source: Tensor, target: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    total = torch.zeros_like(x).index_add(0, target, x[source])  # (9, 6)
    count = torch.bincount(target, minlength=len(x)).clamp(min=1).to(x.dtype)  # (9,)
    m = total / count[:, None]  # (9, 6)
    z = x @ S.T + m @ N.T  # (9, 5)
    dz = torch.where(z > 0, dout, 0.1 * dout)  # (9, 5)
    dS, dN = dz.T @ x, dz.T @ m  # (5, 6)
    dm = dz @ N / count[:, None]  # (9, 6)
    dx = (dz @ S).index_add(0, source, dm[target])  # (9, 6)
    return {"x": dx, "S": dS, "N": dN}
''',
    variants=(
        Edit(
            "edges last first",
            (
                (
                    "index_add(0, source, dm[target])",
                    "index_add(0, source.flip(0), dm[target.flip(0)])",
                ),
            ),
        ),
        Edit(
            "matrix of edges",
            (
                (
                    "(dz @ S).index_add(0, source, dm[target])",
                    "dz @ S + torch.zeros(9, 9, dtype=x.dtype).index_put((source, target), torch.ones(24, dtype=x.dtype), accumulate=True) @ dm",
                ),
            ),
        ),
        Edit(
            "slope as a factor",
            (
                (
                    "torch.where(z > 0, dout, 0.1 * dout)",
                    "dout * torch.ones_like(z).where(z > 0, 0.1)",
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "edges overwrite",
            (
                (
                    "dx = (dz @ S).index_add(0, source, dm[target])",
                    "dx = torch.zeros_like(x)\n    dx[source] = dm[target]\n    dx = dx + dz @ S",
                ),
            ),
            "missing",
        ),
        Edit(
            "edges the wrong way",
            (("index_add(0, source, dm[target])", "index_add(0, target, dm[source])"),),
            "operation|transposed",
        ),
        Edit(
            "own features forgotten",
            (("(dz @ S).index_add", "torch.zeros_like(x).index_add"),),
            "missing",
        ),
        Edit(
            "neighbours forgotten",
            (("(dz @ S).index_add(0, source, dm[target])", "dz @ S"),),
            "missing",
        ),
        Edit("sum for mean in dx", (("dz @ N / count[:, None]", "dz @ N"),), "missing|factor"),
        Edit("sum for mean in dN", (("dz.T @ m  #", "dz.T @ total  #"),), "missing|operation"),
        Edit(
            "divided by the source's count",
            (("dm[target])", "(dm * count[:, None])[target] / count[source][:, None])"),),
            "operation",
        ),
        Edit(
            "slope below zero left out",
            (("torch.where(z > 0, dout, 0.1 * dout)", "torch.where(z > 0, dout, 0 * dout)"),),
            "constant|operation|missing",
        ),
        Edit("slope of 0.01", (("0.1 * dout", "0.01 * dout"),), "constant"),
        Edit("slope where z is positive", (("z > 0, dout", "z < 0, dout"),), "operation"),
        Edit(
            "leaky relu's derivative left out",
            (("torch.where(z > 0, dout, 0.1 * dout)", "dout"),),
            "missing",
        ),
        Edit(
            "weights swapped",
            (("dz @ N / count", "dz @ S / count"), ("(dz @ S).index_add", "(dz @ N).index_add")),
            "operation",
        ),
        Edit("own features for the mean in dN", (("dz.T @ m  #", "dz.T @ x  #"),), "operation"),
        Edit(
            "last edge left out",
            (("source, dm[target])", "source[:-1], dm[target[:-1]])"),),
            "missing|confined",
        ),
    ),
)
