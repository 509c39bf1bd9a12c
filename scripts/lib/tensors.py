"""Read and write named tensors as safetensors files, from torch or from numpy.

A file holds arrays keyed "<sample>/<name>", the runs of the sample along the first axis. Torch is
imported only by the two functions that need it, so that a stage without torch stays one.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from scripts.lib.files import atomic_path
from scripts.lib.formats import numpy_dtype
from scripts.lib.refusal import Refusal

if TYPE_CHECKING:
    from torch import Tensor

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
        raise _damaged(path) from error
    return {
        name: np.frombuffer(entry["data"], numpy_dtype(_NUMPY_NAMES[entry["dtype"]])).reshape(
            entry["shape"]
        )
        for name, entry in sorted(entries)
    }


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """All tensors of a file as torch tensors.

    Raises
        Refusal: if the file is damaged.
    """
    from safetensors.torch import load_file

    try:
        return dict(sorted(load_file(path).items()))
    except safetensors.SafetensorError as error:
        raise _damaged(path) from error


def write_tensors(path: Path, tensors: "dict[str, Tensor]") -> None:
    """Write torch tensors, atomically; the same tensors give the same bytes."""
    from safetensors.torch import save_file

    whole = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(whole, temporary)


def runs_of(tensors: "dict[str, Tensor]") -> "list[tuple[str, int, dict[str, Tensor]]]":
    """Every run in a file, as (sample, number, its tensors by their plain names)."""
    samples: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        sample, name = key.split("/", 1)
        samples.setdefault(sample, {})[name] = value
    return [
        (sample, run, {name: value[run] for name, value in named.items()})
        for sample, named in samples.items()
        for run in range(len(next(iter(named.values()))))
    ]


class Stack:
    """Collect tensors run by run; give them back as runs are stored, (runs, *shape) by key."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Tensor]] = {}

    def add(self, sample: str, tensors: "dict[str, Tensor]") -> None:
        """Append one run's tensors to those of its sample."""
        for name, tensor in tensors.items():
            self._runs.setdefault(f"{sample}/{name}", []).append(tensor)

    def stacked(self) -> "dict[str, Tensor]":
        """All that was added, stacked along a first axis of runs."""
        import torch

        return {key: torch.stack(runs) for key, runs in self._runs.items()}


def _damaged(path: Path) -> Refusal:
    return Refusal(
        f"{path} is damaged (not a whole safetensors file); delete it and run snakemake again."
    )
