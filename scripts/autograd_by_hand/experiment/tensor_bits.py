"""Compare the bits of tensors."""

import torch
from torch import Tensor


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits, nan and -0 included."""
    bits = []
    for value in (first, second):
        whole = value.resolve_conj().resolve_neg().contiguous()
        flat = whole.as_strided((whole.numel(), 1), (1, 1))  # a single number may have any strides
        bits.append(flat.view(torch.uint8))
    return torch.equal(*bits)
