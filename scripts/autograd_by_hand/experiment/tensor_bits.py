"""Compare the bits of tensors."""

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import materialized


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits, nan and -0 included."""
    bits = []
    for value in (first, second):
        whole = materialized(value).contiguous()
        flat = whole.as_strided((whole.numel(), 1), (1, 1))  # a single number may have any strides
        bits.append(flat.view(torch.uint8))
    return torch.equal(*bits)
