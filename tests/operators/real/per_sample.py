"""Per-sample losses by torch.vmap over a function of one sample, recomputed under a checkpoint."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="per_sample",
    tensors={
        "x": {"shape": [5, 3], "draw": "randn", "requires_grad": True},
        "W": {"shape": [3, 3], "draw": "randn", "scale": 0.5, "requires_grad": True},
    },
    forward="""\
import torch
from torch.utils.checkpoint import checkpoint


def loss(x, W):
    return (torch.tanh(W @ x) * x).sum()


def block(x, W):
    return torch.vmap(loss, in_dims=(0, None))(x, W)


def forward(x, W):
    return checkpoint(block, x, W, use_reentrant=False)
""",
    backward="""\
import torch


def one(x, W, dout):
    h = torch.tanh(W @ x)
    dz = dout * x * (1 - h**2)
    return dout * h + W.T @ dz, torch.outer(dz, x)


def backward(x, W, dout):
    dx, dW = torch.vmap(one, in_dims=(0, None, 0))(x, W, dout)
    return {"x": dx, "W": dW.sum(0)}
""",
    mistakes=(
        Edit("not transposed", (("W.T @ dz", "W @ dz"),), "transposed"),
        Edit("a mean over the samples", (("dW.sum(0)", "dW.mean(0)"),), "factor"),
    ),
)
