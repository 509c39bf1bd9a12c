"""Round numbers to a dtype as torch does, with numpy alone.

Numbers of a half format are stored in float32 arrays; their sums are added in float32, too.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks

Array = NDArray[Any]
FORMATS = ("float64", "float32", "bfloat16", "float16")


def accumulator(dtype: str) -> str:
    """The dtype in which sums of `dtype` should be added: float32 for the half formats."""
    return "float64" if dtype == "float64" else "float32"


def rounded(array: Array, dtype: str) -> Array:
    """The array with each element rounded to `dtype`; both are of the accumulator's dtype."""
    if dtype == "float16":
        with np.errstate(over="ignore"):
            return array.astype(np.float16).astype(np.float32)
    if dtype == "bfloat16":
        found = np.array(array, np.float32, order="C")
        flat = found.reshape(-1)
        for part in blocks(flat.size):
            flat[part] = _to_bfloat16(flat[part])
        return found
    return array


def _to_bfloat16(values: Array) -> Array:
    """Round float32 to the nearest number whose lower 16 bits are 0, ties to even."""
    bits = values.view(np.uint32)
    nearest = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    kept = (nearest & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(values), values, kept)


def widened(array: Array) -> Array:
    """The array in float32 if it is float16, else unchanged."""
    return array.astype(np.float32) if array.dtype == np.float16 else array
