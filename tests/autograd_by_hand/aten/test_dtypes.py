import pytest
import torch

from autograd_by_hand.aten.dtypes import dtype_name, torch_dtype


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("float64", torch.float64),
        ("float32", torch.float32),
        ("bfloat16", torch.bfloat16),
        ("float16", torch.float16),
    ],
)
def test_a_format_is_torchs_dtype_of_that_name(name, dtype):
    assert torch_dtype(name) is dtype
    assert dtype_name(dtype) == name
