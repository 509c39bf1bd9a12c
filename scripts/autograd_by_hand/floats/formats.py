"""The floating-point formats, by name, and what follows from each: nothing here is typed by hand.

A format is called by its torch name without the prefix (`float32`, not `torch.float32`); numpy and
ml_dtypes know the same names, so that a stage can speak of bfloat16 without importing torch.
"""

from typing import Any

import ml_dtypes
import numpy as np


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The numpy dtype of the format `name` (bfloat16 comes from ml_dtypes)."""
    return np.dtype(name)  # importing ml_dtypes registers "bfloat16" with numpy


def eps(name: str) -> float:
    """Distance from 1 to the next larger number of the format: 2^(1 - precision)."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).eps)


def largest(name: str) -> float:
    """The largest finite number of the format."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).max)


def smallest_normal(name: str) -> float:
    """The smallest positive number of the format that keeps its full precision."""
    return float(ml_dtypes.finfo(numpy_dtype(name)).smallest_normal)


def precision(name: str) -> int:
    """Bits of the significand, the hidden one included (53, 24, 8, 11)."""
    return 1 + int(ml_dtypes.finfo(numpy_dtype(name)).nmant)
