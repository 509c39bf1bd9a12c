"""The gradient of forward.py, as derivation.md derives it."""

from torch import Tensor
from torch.nn.functional import linear


def backward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> dict[str, Tensor]:
    y = linear(x, W, b)  # (2, 600)
    dy = y - target  # (2, 600)
    return {
        "x": dy @ W,  # (2, 64)
        "W": dy.T @ x,  # (600, 64)
        "b": dy.sum(dim=0),  # (600,)
    }
