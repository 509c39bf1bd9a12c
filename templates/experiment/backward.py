"""The gradient, derived by hand: a dict from each tensor's name to a gradient of the same shape.

Do not call autograd on forward here: autograd is what the result is compared with. Leave `dout` out
if forward returns a scalar.
"""

from torch import Tensor


def backward(x: Tensor, W: Tensor, dout: Tensor) -> dict[str, Tensor]:
    y = (x @ W).tanh()  # (4, 8)
    ds = dout * (1 - y * y)  # (4, 8), since tanh' = 1 - tanh^2
    return {
        "x": ds @ W.T,  # (4, 16)
        "W": x.T @ ds,  # (16, 8)
    }
