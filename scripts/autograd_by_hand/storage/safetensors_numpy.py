"""Read the tensors of a safetensors file as numpy arrays, with numpy alone.

A file consists of the header's length (8 bytes, little-endian), the header (JSON: for each tensor
its dtype, its shape, and where its bytes begin and end after the header), and the bytes. A complex
tensor is stored as a real one with a last axis of two; the header's metadata lists their names.
"""

import json
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import atomic_path
from autograd_by_hand.experiment.settings import Argument

Value = TypeVar("Value")

_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}
_KINDS |= {"I16": "<i2", "U64": "<u8", "U32": "<u4", "U16": "<u2", "I8": "i1", "U8": "u1"}
_KINDS |= {"BOOL": "?"}
NOTES = "notes"  # the only key of the metadata, which safetensors writes in no fixed order


class Notes(TypedDict, total=False):
    """What a file says of its tensors, as JSON.

    arguments: the arguments of forward and backward that are no tensors
    computes_in: the dtype that backward computes in whatever it is given
    complex: the names of the complex tensors
    by_parts: the names, without samples, of real tensors that stand for complex ones: they are read
        as real ones
    """

    arguments: dict[str, Argument]
    computes_in: str
    complex: list[str]
    by_parts: list[str]


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
        metadata = header.pop("__metadata__", None)
        body = memoryview(content)[8 + size :]
        arrays = {name: _array(header[name], body) for name in sorted(header)}
        for name in notes_of(metadata).get("complex", []):
            arrays[name] = _as_complex(arrays[name])
        spans = sorted(entry["data_offsets"] for entry in header.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path) from error
    ends = [0, *(end for _, end in spans)]
    if [begin for begin, _ in spans] != ends[:-1] or ends[-1] != len(body):
        raise damaged(path)  # the tensors do not fill the file one after another
    return arrays


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write tensors that `read_arrays` has read to a file, atomically; bfloat16 as float32."""
    names = {np.dtype(kind): name for name, kind in _KINDS.items() if name != "BF16"}
    entries, parts, end = dict[str, object](), [], 0
    for name, values in arrays.items():
        parts.append(np.ascontiguousarray(values).tobytes())
        begin, end = end, end + len(parts[-1])
        entries[name] = {
            "dtype": names[values.dtype],
            "shape": values.shape,
            "data_offsets": (begin, end),
        }
    header = json.dumps(entries).encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"".join([len(header).to_bytes(8, "little"), header, *parts]))


def stored_by_parts(path: Path) -> list[str]:
    """The names, without samples, of a file's real tensors that stand for complex ones.

    Raises
        UserError: if the file is damaged.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(size, path.stat().st_size)))
        return [str(name) for name in notes_of(header.get("__metadata__")).get("by_parts", [])]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(path) from error


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


def notes_of(metadata: dict[str, str] | None) -> Notes:
    """Return what a file's metadata says of its tensors.

    Raises
        ValueError: if it says nothing that can be read.
    """
    notes = json.loads((metadata or {}).get(NOTES, "{}"))
    if not isinstance(notes, dict) or not isinstance(notes.get("complex", []), list):
        raise ValueError(notes)  # noqa: TRY004 - like any other damage
    return cast("Notes", notes)


def _as_complex(parts: NDArray[Any]) -> NDArray[Any]:
    """Return (*shape, 2) of real and imaginary parts as (*shape) of complex numbers."""
    if parts.dtype.kind != "f" or parts.shape[-1:] != (2,):
        raise ValueError(parts.shape)
    return parts.view(f"c{2 * parts.itemsize}")[..., 0]


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
