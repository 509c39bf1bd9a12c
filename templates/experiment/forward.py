"""What is differentiated: a function of the config's tensors, in plain torch, that returns one.

Here y = tanh(x W). A scalar is a loss. Of any other tensor the gradient is pulled back from a
random cotangent of its shape, which backward is given as `dout`.
"""

from torch import Tensor


def forward(x: Tensor, W: Tensor) -> Tensor:
    return (x @ W).tanh()  # (4, 8)
