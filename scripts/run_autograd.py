"""Differentiate the author's forward.py with PyTorch's autograd on every run, in one dtype.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  gradients   safetensors: "<sample>/d<tensor>", shape (runs, *shape), in this dtype, and
                 "<sample>/<output>": "result", or "result_<key>" for several
"""

from pathlib import Path

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.vjp import load_forward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import (
    Stack,
    read_given,
    read_runs,
    write_tensors,
)


def run_autograd(
    dtype: str,
    forward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
) -> None:
    runs = read_runs(draws, cotangents)
    differentiate = load_forward(forward, read_given(draws), needed, torch_dtype(dtype), time_limit)
    stack = Stack()
    for run in progress(runs, f"run_autograd {dtype}, runs"):
        stack.add(run.sample, differentiate(run.tensors, run.douts))
    write_tensors(gradients, stack.stacked())


if __name__ == "__main__":
    run_stage(run_autograd, snakemake)  # type: ignore[name-defined]
