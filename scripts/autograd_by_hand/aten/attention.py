"""Decompose the fused attention of the CPU, forward and derivative, as its kernels define it.

Torch's own table gives the weights of the attention where the kernel gives the logarithm of their
sums, from which its derivative computes the weights again.
"""

from typing import Any

import torch
from torch import Tensor


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> Any:
    """The result, shape (..., L, values), and the logarithms of the sums, (..., L).

    q, k, v: shapes (..., L, keys), (..., S, keys) and (..., S, values)
    attn_mask: added to the scores, shape (..., L, S); torch has made it of a mask of bools
    """
    if dropout:
        return NotImplemented
    scores = _scores(q, k, is_causal, attn_mask, scale)
    sums = scores.logsumexp(-1, keepdim=True)
    return (scores - sums).exp() @ v, sums.squeeze(-1)


def attention_backward(
    dout: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    sums: Tensor,
    dropout: float,
    is_causal: bool,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> Any:
    """The gradients of q, k and v, each of its tensor's shape."""
    if dropout:
        return NotImplemented
    weights = (_scores(q, k, is_causal, attn_mask, scale) - sums.unsqueeze(-1)).exp()
    dweights = dout @ v.mT
    dscores = weights * (dweights - (dout * out).sum(-1, keepdim=True)) * _scale(q, scale)
    return dscores @ k, dscores.mT @ q, weights.mT @ dout


def _scores(
    q: Tensor, k: Tensor, is_causal: bool, mask: Tensor | None, scale: float | None
) -> Tensor:
    scores = (q @ k.mT) * _scale(q, scale)
    if is_causal:
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril()
        scores = scores.masked_fill(~seen, -torch.inf)
    return scores if mask is None else scores + mask


def _scale(q: Tensor, scale: float | None) -> float:
    return q.shape[-1] ** -0.5 if scale is None else scale
