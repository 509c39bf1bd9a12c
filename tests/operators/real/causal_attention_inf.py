"""Causal attention as most repositories have it: a mask of ones above the diagonal, and -inf."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="causal_attention_inf",
    tensors={
        "q": {"shape": [2, 2, 5, 4], "draw": "randn", "requires_grad": True},
        "k": {"shape": [2, 2, 5, 4], "draw": "randn", "requires_grad": True},
        "v": {"shape": [2, 2, 5, 4], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(q, k, v):
    t, d = q.shape[-2:]
    mask = torch.triu(torch.ones(t, t, dtype=torch.bool, device=q.device), diagonal=1)
    att = (q @ k.transpose(-2, -1)) * d**-0.5
    att = att.masked_fill(mask, float("-inf")).softmax(-1)
    return att @ v
""",
    backward="""\
import torch


def backward(q, k, v, dout):
    t, d = q.shape[-2:]
    mask = torch.triu(torch.ones(t, t, dtype=torch.bool), diagonal=1)
    scale = d**-0.5
    att = ((q @ k.transpose(-2, -1)) * scale).masked_fill(mask, float("-inf")).softmax(-1)
    dv = att.transpose(-2, -1) @ dout
    datt = dout @ v.transpose(-2, -1)
    ds = att * (datt - (datt * att).sum(-1, keepdim=True))
    return {"q": ds @ k * scale, "k": ds.transpose(-2, -1) @ q * scale, "v": dv}
""",
    mistakes=(
        Edit("no softmax term", ((" - (datt * att).sum(-1, keepdim=True)", ""),), "missing term"),
        Edit("no scale in dq", (('ds @ k * scale, "k"', 'ds @ k, "k"'),), "factor"),
    ),
)
