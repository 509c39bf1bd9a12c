"""The names of torch's dtypes, as they are written in configs and files."""

import torch


def dtype_name(dtype: torch.dtype) -> str:
    """The name of a torch dtype: `float32`, not `torch.float32`."""
    return str(dtype).removeprefix("torch.")


def torch_dtype(name: str) -> torch.dtype:
    """The torch dtype of that name."""
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype
