"""Differentiate forward.py in wider arithmetic, from the inputs as one dtype rounds them.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  gradients   safetensors: "<sample>/d<tensor>" and "<sample>/<output>", (runs, *shape), float64;
                 for float64 also "<sample>/d<tensor>.tail", the wider value minus its rounding to
                 float64
     arithmetic  json: `arithmetic`, in which the reference was computed, and `reason`, why it is
                 not wider than the dtype, or null

The reference for float32, bfloat16 and float16 is computed in float64; that for float64 in numpy's
longdouble.
"""

from pathlib import Path

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.vjp import load_forward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import (
    Stack,
    read_given,
    read_runs,
    write_tensors,
)
from autograd_by_hand.verdict.extended_precision import NoWideOperation, is_wider_than_float64
from autograd_by_hand.verdict.gradient_facts import Arithmetic
from autograd_by_hand.verdict.reference import reference_of

WIDE_AS_DOUBLE = Message("longdouble is no wider than double here")


def compute_reference(
    dtype: str,
    forward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    arithmetic: Path,
) -> None:
    runs = read_runs(draws, cotangents)
    function = load_forward(forward, read_given(draws), needed, torch_dtype(dtype), time_limit)

    def differentiate(wide: bool) -> Stack:
        stack = Stack()
        for run in progress(runs, f"compute_reference {dtype}, runs"):
            stack.add(run.sample, reference_of(function, run.tensors, run.douts, wide))
        return stack

    used, reason = "float64", None
    if dtype == "float64" and is_wider_than_float64():
        try:
            stack, used = differentiate(wide=True), "longdouble"
        except NoWideOperation as unknown:
            stack, reason = differentiate(wide=False), str(unknown)
    else:
        stack = differentiate(wide=False)
        reason = WIDE_AS_DOUBLE if dtype == "float64" else None
    write_tensors(gradients, stack.stacked())
    write_json(arithmetic, Arithmetic(arithmetic=used, reason=reason))


if __name__ == "__main__":
    run_stage(compute_reference, snakemake)  # type: ignore[name-defined]
