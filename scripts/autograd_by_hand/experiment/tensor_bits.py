"""Compare the bits of tensors."""

import torch
from torch import Tensor


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits, nan and -0 included."""
    bits = [value.contiguous().reshape(-1).view(torch.uint8) for value in (first, second)]
    return torch.equal(*bits)
