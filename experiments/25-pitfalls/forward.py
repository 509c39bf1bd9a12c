"""A linear layer under half of the squared error."""

from torch import Tensor
from torch.nn.functional import linear


def forward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> Tensor:
    y = linear(x, W, b)  # (5, 7)
    return 0.5 * ((y - target) ** 2).sum()
