"""A pre-norm block on torch's own layer norm and scaled dot-product attention, with einsum."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="transformer_block",
    tensors={
        "x": {"shape": [2, 4, 6], "draw": "randn", "requires_grad": True},
        "Wqkv": {"shape": [18, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "Wo": {"shape": [6, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "gamma": {"shape": [6], "draw": "uniform", "low": 0.5, "high": 1.5, "requires_grad": True},
    },
    forward="""\
import torch
import torch.nn.functional as F


def forward(x, Wqkv, Wo, gamma):
    b, t, d = x.shape
    n = F.layer_norm(x, (d,), weight=gamma)
    q, k, v = F.linear(n, Wqkv).view(b, t, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return x + torch.einsum("bhte,ohe->bto", y, Wo.view(d, 2, 3))
""",
    backward="""\
import math

import torch
import torch.nn.functional as F


def backward(x, Wqkv, Wo, gamma, dout):
    b, t, d = x.shape
    mu = x.mean(-1, keepdim=True)
    rstd = torch.rsqrt(x.var(-1, correction=0, keepdim=True) + 1e-5)
    xhat = (x - mu) * rstd
    n = xhat * gamma
    q, k, v = F.linear(n, Wqkv).view(b, t, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
    s = torch.einsum("bhte,bhse->bhts", q, k) / math.sqrt(3)
    s = s.masked_fill(~torch.ones(t, t, dtype=torch.bool).tril(), float("-inf"))
    p = s.softmax(-1)
    y = p @ v
    W = Wo.view(d, 2, 3)
    dWo = torch.einsum("bto,bhte->ohe", dout, y).reshape(d, d)
    dy = torch.einsum("bto,ohe->bhte", dout, W)
    dv = p.mT @ dy
    dp = dy @ v.mT
    ds = p * (dp - (p * dp).sum(-1, keepdim=True)) / math.sqrt(3)
    dq, dk = ds @ k, ds.mT @ q
    dqkv = torch.stack([dq, dk, dv]).permute(1, 3, 0, 2, 4).reshape(b, t, 3 * d)
    dWqkv = torch.einsum("bti,btj->ij", dqkv, n)
    dn = dqkv @ Wqkv
    dgamma = (dn * xhat).sum((0, 1))
    g = dn * gamma
    dx = dout + rstd * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))
    return {"x": dx, "Wqkv": dWqkv, "Wo": dWo, "gamma": dgamma}
""",
    mistakes=(
        Edit("the residual is forgotten", (("dx = dout + rstd", "dx = rstd"),), "missing term"),
        Edit(
            "k before q", (("torch.stack([dq, dk, dv])", "torch.stack([dk, dq, dv])"),), "operation"
        ),
    ),
)
