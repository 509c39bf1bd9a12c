"""The function to differentiate: it computes a tensor from the config's tensors, in plain torch.

Here y = tanh(x W). A scalar result is a loss. For any other result, backward pulls back a random
cotangent of its shape, which it receives as `dout`; each of several results in a tuple or dict has
its own.
"""

from torch import Tensor


def forward(x: Tensor, W: Tensor) -> Tensor:
    return (x @ W).tanh()  # (4, 8)
