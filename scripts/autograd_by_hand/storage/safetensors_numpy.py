"""Read the tensors of a safetensors file as numpy arrays, with numpy alone.

A file consists of the header's length (8 bytes, little-endian), the header (JSON: for each tensor
its dtype, its shape, and where its bytes begin and end after the header), and the bytes.
"""

import json
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.errors import UserError

Value = TypeVar("Value")

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}
_KINDS |= {"I8": "i1", "U8": "u1", "BOOL": "?"}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all tensors of a file, by name; bfloat16 as float32, which holds it exactly.

    The file is mapped into memory, so that only the bytes in use are read.

    Raises
        UserError: if the file is damaged.
    """
    with path.open("rb") as file:
        empty = not path.stat().st_size  # an empty file cannot be mapped
        content = b"" if empty else mmap(file.fileno(), 0, access=ACCESS_READ)
    try:
        size = int.from_bytes(content[:8], "little")
        if size > len(content) - 8:
            raise damaged(path)
        header = json.loads(content[8 : 8 + size])
        header.pop("__metadata__", None)
        body = memoryview(content)[8 + size :]
        arrays = {name: _array(header[name], body) for name in sorted(header)}
        spans = sorted(entry["data_offsets"] for entry in header.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path) from error
    ends = [0, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != ends[:-1] or ends[-1] != len(body):
        raise damaged(path)  # the tensors do not fill the file one after another
    return arrays


def _array(entry: dict[str, Any], body: memoryview) -> NDArray[Any]:
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= len(body):
        raise ValueError(entry["data_offsets"])
    if not isinstance(entry["shape"], list) or any(size < 0 for size in entry["shape"]):
        raise ValueError(entry["shape"])
    values = np.frombuffer(body[begin:end], _KINDS[entry["dtype"]]).reshape(entry["shape"])
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return values


def arrays_by_sample(*paths: Path) -> dict[str, dict[str, NDArray[Any]]]:
    """Read the tensors "<sample>/<name>" of several files, by sample and then by name.

    Raises
        UserError: if a file is damaged.
    """
    return by_sample({key: value for path in paths for key, value in read_arrays(path).items()})


def by_sample(arrays: dict[str, Value]) -> dict[str, dict[str, Value]]:
    """Regroup arrays or tensors keyed "<sample>/<name>" by sample and then by name."""
    found: dict[str, dict[str, Value]] = {}
    for key, value in arrays.items():
        sample, name = key.split("/", 1)
        found.setdefault(sample, {})[name] = value
    return found


def damaged(path: Path) -> UserError:
    """Return the error for a file that is not a complete safetensors file."""
    return UserError(
        f"{path} is damaged (not a whole safetensors file); delete it and run snakemake again."
    )
