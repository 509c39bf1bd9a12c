"""A squeeze-and-excitation gate."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="squeeze_excite",
    tensors={
        "x": {"shape": [5, 6, 6], "draw": "randn", "requires_grad": True},
        "W1": {"shape": [4, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "b1": {"shape": [4], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "W2": {"shape": [6, 4], "draw": "linear_default", "fan_in": 4, "requires_grad": True},
        "b2": {"shape": [6], "draw": "linear_default", "fan_in": 4, "requires_grad": True},
    },
    forward='''\
"""Channels gated by their means: x sigmoid(W2 relu(W1 mean(x) + b1) + b2)."""

import torch
from torch import Tensor
from torch.nn.functional import linear


def forward(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
    s = x.mean(dim=2)  # (5, 6)
    h = linear(s, W1, b1).relu()  # (5, 4)
    g = torch.sigmoid(linear(h, W2, b2))  # (5, 6)
    return x * g[:, :, None]  # (5, 6, 6)
''',
    backward='''\
"""The gradient of forward.py: x is gated, and is also what the gate is made of."""

import torch
from torch import Tensor
from torch.nn.functional import linear


def backward(
    x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    L = x.shape[2]  # 6
    s = x.mean(dim=2)  # (5, 6)
    a = linear(s, W1, b1)  # (5, 4)
    h = a.relu()  # (5, 4)
    g = torch.sigmoid(linear(h, W2, b2))  # (5, 6)
    dg = (dout * x).sum(dim=2)  # (5, 6)
    du = dg * g * (1 - g)  # (5, 6)
    dW2 = du.T @ h  # (6, 4)
    db2 = du.sum(dim=0)  # (6,)
    dh = du @ W2  # (5, 4)
    da = dh * (a > 0)  # (5, 4)
    dW1 = da.T @ s  # (4, 6)
    db1 = da.sum(dim=0)  # (4,)
    ds = da @ W1  # (5, 6)
    dx = dout * g[:, :, None] + ds[:, :, None] / L  # (5, 6, 6)
    return {"x": dx, "W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
''',
    variants=(
        Edit(
            "gate's gradient by einsum",
            (("(dout * x).sum(dim=2)", 'torch.einsum("ncl,ncl->nc", dout, x)'),),
        ),
        Edit("where for the mask", (("dh * (a > 0)", "torch.where(h > 0, dh, 0)"),)),
        Edit(
            "mean's gradient spread first",
            (("ds[:, :, None] / L", "(ds / L).unsqueeze(2).expand(-1, -1, L)"),),
        ),
    ),
    mistakes=(
        Edit(
            "path through the gate forgotten",
            (("g[:, :, None] + ds[:, :, None] / L", "g[:, :, None]"),),
            "missing",
        ),
        Edit(
            "gated path forgotten",
            (("dout * g[:, :, None] + ds[:, :, None] / L", "(ds[:, :, None] / L).expand_as(x)"),),
            "missing",
        ),
        Edit(
            "length not divided by", (("ds[:, :, None] / L", "ds[:, :, None]"),), "missing|factor"
        ),
        Edit(
            "mean for sum in dg", (("(dout * x).sum(dim=2)", "(dout * x).mean(dim=2)"),), "factor"
        ),
        Edit(
            "dg summed over the channels",
            (("(dout * x).sum(dim=2)", "(dout * x).sum(dim=1)"),),
            "other sum",
        ),
        Edit("input left out of dg", (("(dout * x).sum(dim=2)", "dout.sum(dim=2)"),), "missing"),
        Edit("sigmoid's slope left out", (("du = dg * g * (1 - g)", "du = dg"),), "missing"),
        Edit(
            "tanh's slope for the sigmoid's",
            (("dg * g * (1 - g)", "dg * (1 - g * g)"),),
            "operation",
        ),
        Edit("relu left out", (("da = dh * (a > 0)", "da = dh"),), "missing"),
        Edit("relu's mask of the gradient", (("dh * (a > 0)", "dh * (dh > 0)"),), "operation"),
        Edit("before relu in dW2", (("du.T @ h", "du.T @ a"),), "operation|missing"),
        Edit("sum for the mean in dW1", (("da.T @ s", "da.T @ x.sum(dim=2)"),), "factor"),
        Edit("the first layer's weights in dh", (("du @ W2", "du @ W1.T"),), "operation"),
        Edit(
            "gate along the positions",
            (("dout * g[:, :, None]", "dout * g[:, None]"),),
            "transposed",
        ),
        Edit(
            "db1 of the first example", (("da.sum(dim=0)", "da[0]"),), "missing|confined|other sum"
        ),
        Edit(
            "float32 hard-coded for the gate",
            (
                (
                    "torch.sigmoid(linear(h, W2, b2))",
                    "torch.sigmoid(linear(h, W2, b2).float()).to(x.dtype)",
                ),
            ),
            "precision",
        ),
    ),
)
