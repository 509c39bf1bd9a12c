"""A contrastive loss of pairs with a learned temperature."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="info_nce",
    tensors={
        "a": {"shape": [8, 5], "draw": "randn", "requires_grad": True},
        "p": {"shape": [8, 5], "draw": "randn", "requires_grad": True},
        "t": {"shape": [1], "draw": "uniform", "low": 0.5, "high": 1.5, "requires_grad": True},
    },
    forward='''\
"""The mean of the cross-entropies, by rows and by columns, of exp(t) cos(a_i, p_j) to i = j."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def forward(a: Tensor, p: Tensor, t: Tensor) -> Tensor:
    s = t.exp() * (normalize(a, dim=1) @ normalize(p, dim=1).T)  # (8, 8)
    own = torch.arange(len(a))  # (8,)
    return (cross_entropy(s, own) + cross_entropy(s.T, own)) / 2
''',
    backward='''\
"""The gradient of forward.py: softmax less identity, by rows and by columns."""

import torch
from torch import Tensor


def backward(a: Tensor, p: Tensor, t: Tensor, dout: Tensor) -> dict[str, Tensor]:
    N = len(a)  # 8
    na = a.norm(dim=1, keepdim=True)  # (8, 1)
    np = p.norm(dim=1, keepdim=True)  # (8, 1)
    u = a / na  # (8, 5)
    v = p / np  # (8, 5)
    c = u @ v.T  # (8, 8)
    s = t.exp() * c  # (8, 8)
    own = torch.eye(N, dtype=s.dtype)  # (8, 8)
    rows = torch.softmax(s, dim=1) - own  # (8, 8)
    columns = torch.softmax(s, dim=0) - own  # (8, 8)
    ds = dout * (rows + columns) / (2 * N)  # (8, 8)
    dt = (ds * s).sum().reshape(t.shape)  # (1,)
    dc = ds * t.exp()  # (8, 8)
    du = dc @ v  # (8, 5)
    dv = dc.T @ u  # (8, 5)
    da = (du - u * (u * du).sum(dim=1, keepdim=True)) / na  # (8, 5)
    dp = (dv - v * (v * dv).sum(dim=1, keepdim=True)) / np  # (8, 5)
    return {"a": da, "p": dp, "t": dt}
''',
    variants=(
        Edit(
            "identity taken off once",
            (
                ("- own  # (8, 8)\n    columns", "- 2 * own  # (8, 8)\n    columns"),
                ("torch.softmax(s, dim=0) - own", "torch.softmax(s, dim=0)"),
            ),
        ),
        Edit(
            "projection by the unnormalised",
            (
                (
                    "u * (u * du).sum(dim=1, keepdim=True)) / na",
                    "a * (a * du).sum(dim=1, keepdim=True) / na.square()) / na",
                ),
            ),
        ),
        Edit(
            "temperature by the cosines",
            (
                ("(ds * s).sum()", "(dc * c).sum()"),
                ("    dt = ", "    dc = ds * t.exp()\n    dt = "),
                ("    dc = ds * t.exp()  # (8, 8)\n", ""),
            ),
        ),
    ),
    mistakes=(
        Edit("columns left out", (("(rows + columns)", "rows"),), "missing"),
        Edit(
            "columns' softmax over the rows",
            (("torch.softmax(s, dim=0)", "torch.softmax(s, dim=1)"),),
            "other sum",
        ),
        Edit(
            "pairs left out of the columns",
            (("torch.softmax(s, dim=0) - own", "torch.softmax(s, dim=0)"),),
            "missing",
        ),
        Edit("two directions not halved", (("(2 * N)", "N"),), "factor"),
        Edit("batch not averaged", (("(2 * N)", "2"),), "factor"),
        Edit(
            "temperature left out on the way back",
            (("dc = ds * t.exp()", "dc = ds"),),
            "missing|factor",
        ),
        Edit(
            "divided by the temperature",
            (("dc = ds * t.exp()", "dc = ds / t.exp()"),),
            "operation|factor",
        ),
        Edit(
            "exponential's slope left out of dt",
            (("(ds * s).sum()", "(ds * c).sum()"),),
            "missing|factor",
        ),
        Edit("similarities' gradient not transposed", (("dc.T @ u", "dc @ u"),), "transposed"),
        Edit(
            "projection left out of da",
            (("(du - u * (u * du).sum(dim=1, keepdim=True)) / na", "du / na"),),
            "missing",
        ),
        Edit(
            "projection summed over the batch",
            (("(u * du).sum(dim=1, keepdim=True)", "(u * du).sum(dim=0, keepdim=True)"),),
            "other sum",
        ),
        Edit(
            "norm left out of da",
            (("(u * du).sum(dim=1, keepdim=True)) / na", "(u * du).sum(dim=1, keepdim=True))"),),
            "missing",
        ),
        Edit("a's norm in dp", (("keepdim=True)) / np", "keepdim=True)) / na"),), "operation"),
        Edit("anchors in the projection of dp", (("v * (v * dv)", "v * (u * dv)"),), "operation"),
        Edit("positives detached", (('"p": dp', '"p": torch.zeros_like(p)'),), "zero"),
        Edit(
            "cosines in float32",
            (("c = u @ v.T", "c = (u.float() @ v.float().T).to(a.dtype)"),),
            "precision",
        ),
    ),
)
