"""The constants of the floating-point formats, by the name of the dtype, taken from ml_dtypes.

A dtype has its torch name without the prefix (`float32`, not `torch.float32`). numpy and ml_dtypes
use the same names, so a stage can work with bfloat16 without importing torch.
"""

from typing import Any

import ml_dtypes
import numpy as np


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy dtype called `name` (bfloat16 comes from ml_dtypes)."""
    return np.dtype(name)  # importing ml_dtypes registers "bfloat16" with numpy


def eps(name: str) -> float:
    """Distance from 1 to the next larger number of the dtype: 2^(1 - precision)."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).eps)


def largest(name: str) -> float:
    """The largest finite number of the dtype."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).max)


def smallest_normal(name: str) -> float:
    """The smallest positive number of the dtype that has its full precision."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).smallest_normal)


def precision(name: str) -> int:
    """Bits of the significand, including the hidden one (float64 53, float32 24, bfloat16 8)."""
    return 1 + int(ml_dtypes.finfo(numpy_dtype(name)).nmant)
