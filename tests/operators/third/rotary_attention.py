"""Attention with rotary position embeddings."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="rotary_attention",
    tensors={
        "q": {"shape": [2, 5, 8], "draw": "randn", "requires_grad": True},
        "k": {"shape": [2, 5, 8], "draw": "randn", "requires_grad": True},
        "v": {"shape": [2, 5, 6], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""softmax(R q (R k)^T / sqrt(8)) v, where R turns the halves of a vector by its position."""

import torch
from torch import Tensor


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)  # (2, 5, 4) each
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    speed = 10.0 ** -torch.arange(4, dtype=q.dtype).div(2)  # (4,)
    angle = torch.arange(5, dtype=q.dtype)[:, None] * torch.cat([speed, speed])  # (5, 8)
    cos, sin = angle.cos(), angle.sin()
    Q, K = turn(q, cos, sin), turn(k, cos, sin)
    s = Q @ K.transpose(-1, -2) / 8**0.5  # (2, 5, 5)
    return torch.softmax(s, dim=-1) @ v  # (2, 5, 6)
''',
    backward='''\
"""The gradient of forward.py: what flows back is turned back."""

import torch
from torch import Tensor


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)  # (2, 5, 4) each
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def backward(q: Tensor, k: Tensor, v: Tensor, dout: Tensor) -> dict[str, Tensor]:
    speed = 10.0 ** -torch.arange(4, dtype=q.dtype).div(2)  # (4,)
    angle = torch.arange(5, dtype=q.dtype)[:, None] * torch.cat([speed, speed])  # (5, 8)
    cos, sin = angle.cos(), angle.sin()
    Q, K = turn(q, cos, sin), turn(k, cos, sin)
    p = torch.softmax(Q @ K.transpose(-1, -2) / 8**0.5, dim=-1)  # (2, 5, 5)
    dv = p.transpose(-1, -2) @ dout  # (2, 5, 6)
    dp = dout @ v.transpose(-1, -2)  # (2, 5, 5)
    ds = p * (dp - (p * dp).sum(dim=-1, keepdim=True)) / 8**0.5
    dQ, dK = ds @ K, ds.transpose(-1, -2) @ Q  # (2, 5, 8)
    dq = turn(dQ, cos, -sin)
    dk = turn(dK, cos, -sin)
    return {"q": dq, "k": dk, "v": dv}
''',
    variants=(
        Edit(
            "scale in the last product",
            (
                ("keepdim=True)) / 8**0.5", "keepdim=True))"),
                (
                    "ds @ K, ds.transpose(-1, -2) @ Q",
                    "ds @ (K / 8**0.5), ds.transpose(-1, -2) @ (Q / 8**0.5)",
                ),
            ),
        ),
        Edit("einsum", (("p.transpose(-1, -2) @ dout", 'torch.einsum("bij,bid->bjd", p, dout)'),)),
        Edit(
            "row sums from the result",
            (("(p * dp).sum(dim=-1, keepdim=True)", "(dout * (p @ v)).sum(dim=-1, keepdim=True)"),),
        ),
    ),
    mistakes=(
        Edit(
            "turned forth and not back",
            (("dq = turn(dQ, cos, -sin)", "dq = turn(dQ, cos, sin)"),),
            "operation|factor",
        ),
        Edit("dk not turned back", (("dk = turn(dK, cos, -sin)", "dk = dK"),), "missing"),
        Edit(
            "unturned keys in dq", (("dQ, dK = ds @ K,", "dQ, dK = ds @ k,"),), "operation|missing"
        ),
        Edit("queries for keys", (("dQ, dK = ds @ K,", "dQ, dK = ds @ Q,"),), "operation"),
        Edit(
            "ds not transposed in dk",
            (("ds.transpose(-1, -2) @ Q", "ds @ Q"),),
            "transposed|operation",
        ),
        Edit("scale forgotten", (("keepdim=True)) / 8**0.5", "keepdim=True))"),), "factor"),
        Edit(
            "scale by the dimension of v",
            (("keepdim=True)) / 8**0.5", "keepdim=True)) / 6**0.5"),),
            "factor|constant",
        ),
        Edit(
            "row sums left out", (("(dp - (p * dp).sum(dim=-1, keepdim=True))", "dp"),), "missing"
        ),
        Edit(
            "row sums over the queries",
            (("(p * dp).sum(dim=-1, keepdim=True)", "(p * dp).sum(dim=-2, keepdim=True)"),),
            "other sum",
        ),
        Edit(
            "softmax over the queries", (("/ 8**0.5, dim=-1)", "/ 8**0.5, dim=-2)"),), "other sum"
        ),
        Edit("sin left out in dq", (("dq = turn(dQ, cos, -sin)", "dq = dQ * cos"),), "missing"),
        Edit(
            "positions start at one",
            (
                (
                    "torch.arange(5, dtype=q.dtype)[:, None]",
                    "torch.arange(1, 6, dtype=q.dtype)[:, None]",
                ),
                ("dq = turn(dQ", "cos, sin = cos.roll(1, 0), sin.roll(1, 0)\n    dq = turn(dQ"),
            ),
            "shifted",
        ),
        Edit(
            "p not transposed in dv",
            (("p.transpose(-1, -2) @ dout", "p @ dout"),),
            "transposed|operation",
        ),
        Edit(
            "scores for probabilities in ds",
            (("ds = p * (dp", "ds = (Q @ K.transpose(-1, -2) / 8**0.5) * (dp"),),
            "operation",
        ),
    ),
)
