"""Rows of different lengths: counts read out with .item(), a branch on the data, and checks."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="ragged_rows",
    tensors={
        "x": {"shape": [4, 6], "draw": "randn", "requires_grad": True},
        "w": {"shape": [3, 6], "draw": "randn", "requires_grad": True},
        "n": {"shape": [4], "draw": "randint", "low": 1, "high": 7},
    },
    forward="""\
import torch


def forward(x, w, n):
    longest = int(n.max())
    keep = torch.arange(6)[None, :] < n[:, None]
    total = keep.sum().item()
    h = torch.where(keep, x / total**0.5, torch.zeros_like(x))[:, :longest]
    if (x > 0.9).any():
        h = torch.tanh(h)
    assert torch.allclose(h[~keep[:, :longest]], torch.zeros((), dtype=h.dtype)), "padding is not zero"
    return h @ w[:, :longest].T
""",
    backward="""\
import torch


def backward(x, w, n, dout):
    longest = int(n.max())
    keep = torch.arange(6)[None, :] < n[:, None]
    total = keep.sum().item()
    z = torch.where(keep, x / total**0.5, torch.zeros_like(x))[:, :longest]
    bent = bool((x > 0.9).any())
    h = torch.tanh(z) if bent else z
    dw = torch.zeros_like(w)
    dw[:, :longest] = dout.T @ h
    dh = dout @ w[:, :longest]
    dz = dh * (1 - h**2) if bent else dh
    dx = torch.zeros_like(x)
    dx[:, :longest] = dz / total**0.5
    return {"x": dx * keep, "w": dw}
""",
    mistakes=(
        Edit("the count is forgotten", (("dz / total**0.5", "dz"),), "missing"),
        Edit("the tanh is forgotten", (("dh * (1 - h**2) if bent else dh", "dh"),), "missing"),
        Edit("the mask is forgotten", (('dx * keep, "w"', 'dx, "w"'),), "missing"),
    ),
)
