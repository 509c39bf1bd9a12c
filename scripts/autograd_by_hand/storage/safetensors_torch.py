"""Read and write named tensors as safetensors files.

A file holds tensors keyed "<sample>/<name>", with the runs of the sample along the first axis. The
file of the draws also holds, as JSON in its metadata, the arguments that are no tensors.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from autograd_by_hand.core.files import atomic_path
from autograd_by_hand.experiment.settings import Argument, Given
from autograd_by_hand.storage.safetensors_numpy import by_sample, damaged

ARGUMENTS = "arguments"  # the key of the metadata


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file as torch tensors.

    Raises
        UserError: if the file is damaged.
    """
    try:
        return dict(sorted(load_file(path).items()))
    except safetensors.SafetensorError as error:
        raise damaged(path) from error


def array_of(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as `read_arrays` does; bfloat16 as float32, which holds it exactly."""
    wide = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    array: NDArray[Any] = wide.detach().contiguous().numpy()
    return array


def write_tensors(
    path: Path, tensors: dict[str, Tensor], arguments: dict[str, Argument] | None = None
) -> None:
    """Write torch tensors, atomically; the same tensors give the same bytes.

    arguments: those of forward and backward that are no tensors

    Raises
        OSError: if the operating system cannot write the file.
    """
    whole, held = dict[str, Tensor](), set[int]()
    for name, tensor in tensors.items():
        one = tensor.detach().cpu().contiguous()
        memory = one.untyped_storage()
        if memory.nbytes() != one.nbytes or memory.data_ptr() in held:  # safetensors takes no views
            one = one.clone()
        held.add(memory.data_ptr())
        whole[name] = one
    with atomic_path(path) as temporary:
        try:
            save_file(whole, temporary, arguments and {ARGUMENTS: json.dumps(arguments)})
        except safetensors.SafetensorError as error:
            if number := re.search(r"\(os error (\d+)\)", str(error)):
                raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
            raise


def read_given(draws: Path) -> Given:
    """What forward and backward are called with, from the file of the draws.

    Raises
        UserError: if the file is damaged.
    """
    try:
        with safetensors.safe_open(draws, "pt") as file:
            names = dict.fromkeys(key.split("/", 1)[1] for key in sorted(file.keys()))
            return Given(tuple(names), json.loads((file.metadata() or {}).get(ARGUMENTS, "{}")))
    except (safetensors.SafetensorError, ValueError) as error:
        raise damaged(draws) from error


def runs_of(tensors: dict[str, Tensor]) -> list[tuple[str, int, dict[str, Tensor]]]:
    """Return every run in a file, as (sample, number, its tensors by name)."""
    return [
        (sample, run, {name: value[run] for name, value in named.items()})
        for sample, named in by_sample(tensors).items()
        for run in range(len(next(iter(named.values()))))
    ]


@dataclass(frozen=True)
class Run:
    """A run of a sample: its tensors by name, and its cotangents by theirs."""

    sample: str
    number: int
    tensors: dict[str, Tensor]
    douts: dict[str, Tensor]


def read_runs(draws: Path, cotangents: Path) -> list[Run]:
    """Read every run from the files of the draws and of the cotangents.

    Raises
        UserError: if a file is damaged.
    """
    drawn, pulled = (runs_of(read_tensors(path)) for path in (draws, cotangents))
    douts = {(sample, number): own for sample, number, own in pulled}
    return [
        Run(sample, number, tensors, douts[sample, number]) for sample, number, tensors in drawn
    ]


class Stack:
    """Collects tensors run by run, to be stored as (runs, *shape) by key."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Tensor]] = {}

    def add(self, sample: str, tensors: dict[str, Tensor]) -> None:
        """Append one run's tensors to those of its sample."""
        for name, tensor in tensors.items():
            self._runs.setdefault(f"{sample}/{name}", []).append(tensor)

    def stacked(self) -> dict[str, Tensor]:
        """Return all tensors, stacked along a first axis of runs; a single run is not copied."""
        return {
            key: torch.stack(runs) if len(runs) > 1 else runs[0].unsqueeze(0)
            for key, runs in self._runs.items()
        }
