"""Read and write named tensors as safetensors files.

A file holds tensors keyed "<sample>/<name>", with the runs of the sample along the first axis.
Safetensors lacks complex numbers of both precisions, so a complex tensor is stored as a real one
with a last axis of two, and its name is noted. The file of the draws also holds the arguments that
are no tensors, and those of draws and cotangents say which of them stand for complex ones. All this
is in a file's metadata (`safetensors_numpy.NOTES`).
"""

import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from autograd_by_hand.aten.dispatch import materialized
from autograd_by_hand.core.files import atomic_path
from autograd_by_hand.experiment.settings import Argument, Given
from autograd_by_hand.storage.safetensors_numpy import NOTES, Notes, by_sample, damaged, notes_of


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a file as torch tensors.

    Raises
        UserError: if the file is damaged.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            complexes = notes_of(file.metadata()).get("complex", [])
        return tensors | {name: torch.view_as_complex(tensors[name]) for name in complexes}
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise damaged(path) from error


def array_of(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as `read_arrays` does; bfloat16 as float32, which holds it exactly."""
    wide = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    array: NDArray[Any] = wide.detach().contiguous().numpy()
    return array


def write_tensors(
    path: Path,
    tensors: dict[str, Tensor],
    arguments: dict[str, Argument] | None = None,
    by_parts: Collection[str] = (),
    computes_in: str | None = None,
) -> None:
    """Write torch tensors, atomically; the same tensors give the same bytes.

    arguments: those of forward and backward that are no tensors
    by_parts: the names, without samples, of real tensors that stand for complex ones
    computes_in: the dtype that backward computes in whatever it is given

    Raises
        OSError: if the operating system cannot write the file.
    """
    whole, held = dict[str, Tensor](), set[int]()
    for name, tensor in tensors.items():
        one = _storable(tensor).contiguous()
        memory = one.untyped_storage()
        if memory.nbytes() != one.nbytes or memory.data_ptr() in held:  # safetensors takes no views
            one = one.clone()
        held.add(memory.data_ptr())
        whole[name] = one
    notes: Notes = {"arguments": arguments} if arguments else {}
    if computes_in:
        notes["computes_in"] = computes_in
    if complexes := sorted(name for name, tensor in tensors.items() if tensor.is_complex()):
        notes["complex"] = complexes
    if by_parts:
        notes["by_parts"] = sorted(by_parts)
    with atomic_path(path) as temporary:
        try:
            save_file(whole, temporary, {NOTES: json.dumps(notes)} if notes else None)
        except safetensors.SafetensorError as error:
            if number := re.search(r"\(os error (\d+)\)", str(error)):
                raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
            raise


def read_given(draws: Path, cotangents: Path | None = None) -> Given:
    """What forward is called with, from the file of the draws; backward needs the cotangents' too.

    Raises
        UserError: if the file is damaged.
    """
    names, notes = _header(draws)
    pulled: Notes = {} if cotangents is None else _header(cotangents)[1]
    by_parts = (*notes.get("by_parts", []), *pulled.get("by_parts", []))
    return Given(names, notes.get("arguments", {}), by_parts, notes.get("computes_in"))


def _header(path: Path) -> tuple[tuple[str, ...], Notes]:
    """The names of the tensors in a file, without samples, and what it says of them."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            names = dict.fromkeys(key.split("/", 1)[1] for key in sorted(file.keys()))
            return tuple(names), notes_of(file.metadata())
    except (safetensors.SafetensorError, ValueError) as error:
        raise damaged(path) from error


def _storable(tensor: Tensor) -> Tensor:
    """Return a tensor's numbers on the CPU, in a dtype that a file can hold exactly."""
    one = materialized(tensor.detach()).cpu()
    if one.is_complex():
        return torch.view_as_real(one.to(torch.complex64) if one.dtype == torch.complex32 else one)
    return one.float() if one.is_floating_point() and one.itemsize == 1 else one  # an 8-bit float


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
