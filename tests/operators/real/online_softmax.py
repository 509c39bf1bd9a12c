"""Attention that returns the logarithm of its sums beside its result, as flash attention does."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="online_softmax",
    tensors={
        "q": {"shape": [2, 4, 3], "draw": "randn", "requires_grad": True},
        "k": {"shape": [2, 5, 3], "draw": "randn", "requires_grad": True},
        "v": {"shape": [2, 5, 2], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(q, k, v):
    s = torch.einsum("bik,bjk->bij", q, k) * 3**-0.5
    lse = torch.logsumexp(s, dim=-1)
    out = torch.exp(s - lse[..., None]) @ v
    return {"out": out, "lse": lse}
""",
    backward="""\
import torch


def backward(q, k, v, dout_out, dout_lse):
    scale = 3**-0.5
    s = torch.einsum("bik,bjk->bij", q, k) * scale
    p = torch.softmax(s, dim=-1)
    dp = dout_out @ v.mT
    ds = p * (dp - (p * dp).sum(-1, keepdim=True) + dout_lse[..., None]) * scale
    return {"q": ds @ k, "k": ds.mT @ q, "v": p.mT @ dout_out}
""",
    mistakes=(
        Edit("the second output is forgotten", ((" + dout_lse[..., None]", ""),), "missing term"),
        Edit(
            "the second output's sign",
            (("+ dout_lse[..., None]", "- dout_lse[..., None]"),),
            "sign",
        ),
    ),
)
