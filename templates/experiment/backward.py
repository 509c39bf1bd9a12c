"""The gradient, derived by hand: a dict from each tensor's name to a tensor of its shape.

It may not use autograd on forward, or there is nothing to try. Leave `dout` out if forward returns
a scalar.
"""

from torch import Tensor


def backward(x: Tensor, W: Tensor, dout: Tensor) -> dict[str, Tensor]:
    y = (x @ W).tanh()  # (4, 8)
    ds = dout * (1 - y * y)  # (4, 8), since tanh' = 1 - tanh^2
    return {
        "x": ds @ W.T,  # (4, 16)
        "W": x.T @ ds,  # (16, 8)
    }
