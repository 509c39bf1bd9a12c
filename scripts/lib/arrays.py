"""Read the tensors of a safetensors file as numpy arrays, without torch."""

from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from scripts.lib.formats import numpy_dtype
from scripts.lib.refusal import Refusal

_NUMPY_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_NUMPY_NAMES |= {"I64": "int64", "U8": "uint8"}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a file as numpy arrays; bfloat16 as ml_dtypes' type.

    Raises
        Refusal: if the file is damaged.
    """
    try:
        entries = safetensors.deserialize(path.read_bytes())
    except safetensors.SafetensorError as error:
        raise damaged(path) from error
    return {
        name: np.frombuffer(entry["data"], numpy_dtype(_NUMPY_NAMES[entry["dtype"]])).reshape(
            entry["shape"]
        )
        for name, entry in sorted(entries)
    }


def damaged(path: Path) -> Refusal:
    """What to say of a file that is no whole safetensors file."""
    return Refusal(
        f"{path} is damaged (not a whole safetensors file); delete it and run snakemake again."
    )
