"""The gradient of forward.py, as derivation.md derives it: what config.yaml makes mistakes in."""

import torch
from torch import Tensor

KEPT: dict[torch.dtype, Tensor] = {}  # for the mistake that keeps what it should not


def backward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> dict[str, Tensor]:
    y = x @ W.T + b  # (5, 7)
    dy = y - target  # (5, 7)
    dx = dy @ W  # (5, 12)
    dW = dy.T @ x  # (7, 12)
    db = dy.sum(dim=0)  # (7,)
    return {"x": dx, "W": dW, "b": db}
