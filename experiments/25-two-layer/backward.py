"""The gradient of forward.py, as derivation.md derives it."""

from torch import Tensor
from torch.nn.functional import linear


def backward(
    x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, target: Tensor
) -> dict[str, Tensor]:
    h = linear(x, W1, b1)  # (4, 600)
    dy = linear(h, W2, b2) - target  # (4, 50)
    dh = dy @ W2  # (4, 600)
    return {
        "x": dh @ W1,  # (4, 64)
        "W1": dh.T @ x,  # (600, 64)
        "b1": dh.sum(dim=0),  # (600,)
        "W2": dy.T @ h,  # (50, 600)
        "b2": dy.sum(dim=0),  # (50,)
    }
