"""Call the author's backward.py on every run with numpy computing its sums, in one dtype.

in   backward     the author's backward.py
     draws        safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents   safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed       the tensors that require a gradient
     time_limit   seconds for one call of backward
out  gradients    safetensors: "<sample>/d<tensor>", shape (runs, *shape), in this dtype
     handed_over  json: how often numpy executed each operation, over all runs
"""

from copy import copy
from pathlib import Path

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.vjp import Backward, load_backward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import (
    Run,
    Stack,
    read_given,
    read_runs,
    write_tensors,
)
from autograd_by_hand.summation.numpy_sums import NumpySums


def reorder_sums(
    dtype: str,
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    handed_over: Path,
) -> None:
    runs = read_runs(draws, cotangents)
    given, douts = read_given(draws, cotangents), [*runs[0].douts]
    by_hand = load_backward(backward, given, douts, needed, torch_dtype(dtype), time_limit)
    plain, stack, sums = copy(by_hand), Stack(), NumpySums()
    for run in progress(runs, f"reorder_sums {dtype}, runs"):
        with sums:
            stack.add(run.sample, by_hand(run.tensors, run.douts).named())
    if by_hand.failed and not _fails(plain, runs):
        raise UserError(by_hand.failed)
    write_tensors(gradients, stack.stacked())
    write_json(handed_over, dict(sorted(sums.handed_over.items())))


def _fails(by_hand: Backward, runs: list[Run]) -> bool:
    """Whether backward fails with torch's own sums, which compute_manual reports."""
    for run in runs:
        by_hand(run.tensors, run.douts)
    return bool(by_hand.failed)


if __name__ == "__main__":
    run_stage(reorder_sums, snakemake)  # type: ignore[name-defined]
