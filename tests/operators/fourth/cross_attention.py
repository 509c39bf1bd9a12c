"""Cross-attention with two heads."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="cross_attention",
    tensors={
        "x": {"shape": [2, 5, 8], "draw": "randn", "requires_grad": True},
        "m": {"shape": [2, 5, 8], "draw": "randn", "requires_grad": True},
        "Wq": {"shape": [8, 8], "draw": "linear_default", "fan_in": 8, "requires_grad": True},
        "Wk": {"shape": [8, 8], "draw": "linear_default", "fan_in": 8, "requires_grad": True},
        "Wv": {"shape": [8, 8], "draw": "linear_default", "fan_in": 8, "requires_grad": True},
        "Wo": {"shape": [8, 8], "draw": "linear_default", "fan_in": 8, "requires_grad": True},
    },
    forward='''\
"""Attention of x to the memory m by 2 heads of 4, with projections in and out."""

import torch
from torch import Tensor

HEADS = 2


def split(t: Tensor) -> Tensor:
    return t.unflatten(2, (HEADS, -1)).transpose(1, 2)  # (2, 2, 5, 4)


def forward(x: Tensor, m: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, Wo: Tensor) -> Tensor:
    q, k, v = split(x @ Wq.T), split(m @ Wk.T), split(m @ Wv.T)  # (2, 2, 5, 4) each
    p = torch.softmax(q @ k.transpose(2, 3) / 2, dim=-1)  # (2, 2, 5, 5)
    return (p @ v).transpose(1, 2).flatten(2) @ Wo.T  # (2, 5, 8)
''',
    backward='''\
"""The gradient of forward.py: from the output's projection back to those of q, k and v."""

import torch
from torch import Tensor

HEADS = 2


def split(t: Tensor) -> Tensor:
    return t.unflatten(2, (HEADS, -1)).transpose(1, 2)  # (2, 2, 5, 4)


def merge(t: Tensor) -> Tensor:
    return t.transpose(1, 2).flatten(2)  # (2, 5, 8)


def weights(dy: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("nto,nti->oi", dy, x)  # (8, 8)


def backward(
    x: Tensor, m: Tensor, Wq: Tensor, Wk: Tensor, Wv: Tensor, Wo: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    q, k, v = split(x @ Wq.T), split(m @ Wk.T), split(m @ Wv.T)  # (2, 2, 5, 4) each
    scale = q.shape[-1] ** -0.5  # 0.5
    p = torch.softmax(q @ k.transpose(2, 3) * scale, dim=-1)  # (2, 2, 5, 5)
    o = merge(p @ v)  # (2, 5, 8)
    dWo = weights(dout, o)  # (8, 8)
    do = split(dout @ Wo)  # (2, 2, 5, 4)
    dp = do @ v.transpose(2, 3)  # (2, 2, 5, 5)
    dv = merge(p.transpose(2, 3) @ do)  # (2, 5, 8)
    ds = p * (dp - (p * dp).sum(dim=-1, keepdim=True))  # (2, 2, 5, 5)
    dq = merge(scale * ds @ k)  # (2, 5, 8)
    dk = merge(scale * ds.transpose(2, 3) @ q)  # (2, 5, 8)
    dx = dq @ Wq  # (2, 5, 8)
    dm = dk @ Wk + dv @ Wv  # (2, 5, 8)
    dWq, dWk, dWv = weights(dq, x), weights(dk, m), weights(dv, m)  # (8, 8) each
    return {"x": dx, "m": dm, "Wq": dWq, "Wk": dWk, "Wv": dWv, "Wo": dWo}
''',
    variants=(
        Edit(
            "softmax's centre by the heads' output",
            (("(p * dp).sum(dim=-1, keepdim=True)", "(do * (p @ v)).sum(dim=-1, keepdim=True)"),),
        ),
        Edit(
            "weights by a product of rows",
            (('torch.einsum("nto,nti->oi", dy, x)', "dy.flatten(0, 1).T @ x.flatten(0, 1)"),),
        ),
        Edit(
            "scores' gradient scaled once",
            (
                ("sum(dim=-1, keepdim=True))", "sum(dim=-1, keepdim=True)) * scale"),
                ("merge(scale * ds @ k)", "merge(ds @ k)"),
                ("merge(scale * ds.transpose", "merge(ds.transpose"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "values' path to the memory forgotten",
            (("dm = dk @ Wk + dv @ Wv", "dm = dk @ Wk"),),
            "missing",
        ),
        Edit(
            "scale left out of dq", (("merge(scale * ds @ k)", "merge(ds @ k)"),), "missing|factor"
        ),
        Edit(
            "scale of the width for the head's",
            (("scale = q.shape[-1]", "scale = x.shape[-1]"),),
            "constant",
        ),
        Edit(
            "softmax's centre left out",
            (("p * (dp - (p * dp).sum(dim=-1, keepdim=True))", "p * dp"),),
            "missing",
        ),
        Edit("probabilities left out in front", (("ds = p * (dp", "ds = (dp"),), "missing"),
        Edit(
            "centre's mean for its sum",
            (("(p * dp).sum(dim=-1", "(p * dp).mean(dim=-1"),),
            "operation|factor",
        ),
        Edit(
            "centre over the queries",
            (("(p * dp).sum(dim=-1", "(p * dp).sum(dim=-2"),),
            "other sum",
        ),
        Edit(
            "attention not transposed in dv", (("p.transpose(2, 3) @ do", "p @ do"),), "transposed"
        ),
        Edit("scores not transposed in dk", (("ds.transpose(2, 3) @ q", "ds @ q"),), "transposed"),
        Edit(
            "keys for queries in dk",
            (("ds.transpose(2, 3) @ q", "ds.transpose(2, 3) @ k"),),
            "operation",
        ),
        Edit("output's projection left out", (("split(dout @ Wo)", "split(dout)"),), "missing"),
        Edit(
            "output's projection transposed",
            (("split(dout @ Wo)", "split(dout @ Wo.T)"),),
            "transposed",
        ),
        Edit(
            "keys' and values' weights exchanged in dm",
            (("dk @ Wk + dv @ Wv", "dk @ Wv + dv @ Wk"),),
            "operation",
        ),
        Edit("queries' input in dWk", (("weights(dk, m)", "weights(dk, x)"),), "operation"),
        Edit(
            "heads merged without transposing",
            (("return t.transpose(1, 2).flatten(2)", "return t.reshape(len(t), t.shape[2], -1)"),),
            "transposed",
        ),
        Edit(
            "scores in bfloat16",
            (("* scale, dim=-1)", "* scale, dim=-1, dtype=torch.bfloat16).to(x.dtype)"),),
            "precision",
        ),
    ),
)
