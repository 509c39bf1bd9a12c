"""Measure the rounding noise of each gradient in one dtype, on the trial's runs.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  noise       safetensors: "trial/d<tensor>", (runs, *shape), float64: how far each element is
                 from the gradient without rounding, as the root mean square over several draws, in
                 each of which every operation is rounded up or down at random; and where rounding
                 may turn a decision, such as that of relu near 0, "trial/d<tensor>.jumps", of the
                 same shape: how far such decisions change each element
     overflows   json: `draws`, how many there were over all runs, and `overflows`, by operation, in
                 how many of them it gave an infinity

The rounding noise is the unit in which judge_gradients judges errors.
"""

from collections import Counter
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.complex_views import load_forward_of_real
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.vjp import autograd_vjp
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import (
    Stack,
    read_given,
    read_runs,
    write_tensors,
)
from autograd_by_hand.verdict.gradient_facts import JUMPS
from autograd_by_hand.verdict.rounding_noise import draw_noise

DRAWS = 64  # over all runs of the trial; in a draw each operation is rounded at random once
AT_LEAST = 4  # draws in each run, which is enough if its gradients have at least MANY elements
MANY = 2**22
SLOWER = 100  # how many times the time limit of forward a draw may take
SEED = 0


def measure_noise(
    dtype: str,
    forward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    noise: Path,
    overflows: Path,
) -> None:
    runs = [run for run in read_runs(draws, cotangents) if run.sample == "trial"]
    function = load_forward_of_real(forward, read_given(draws), time_limit)
    generator = np.random.Generator(np.random.SFC64(SEED))
    elements = sum(runs[0].tensors[name].numel() for name in needed)
    each = AT_LEAST if elements >= MANY else max(AT_LEAST, ceil(DRAWS / len(runs)))
    rounding = partial(cast, dtype=torch_dtype(dtype))
    patience = SLOWER * time_limit  # rounding takes most of the time, not the author's code

    def gradients(tensors: dict[str, Tensor], douts: dict[str, Tensor]) -> dict[str, Tensor]:
        return autograd_vjp(function, forward, tensors, needed, torch.float64, douts, patience)[1]

    stack, jumps, overflowed = Stack(), Stack(), Counter[str]()
    for run in progress(runs, f"measure_noise {dtype}, runs"):
        rounded, douts = (
            {name: rounding(one) for name, one in given.items()}
            for given in (run.tensors, run.douts)
        )
        drawn = draw_noise(partial(gradients, rounded, douts), dtype, each, generator)
        stack.add(run.sample, {f"d{name}": value for name, value in drawn.noise.items()})
        jumps.add(run.sample, {f"d{name}{JUMPS}": value for name, value in drawn.jumps.items()})
        overflowed += drawn.overflows
    jumped = jumps.stacked()
    may_jump = any(bool(one.any()) for one in jumped.values())
    write_tensors(noise, stack.stacked() | (jumped if may_jump else {}))
    write_json(
        overflows, {"draws": each * len(runs), "overflows": dict(sorted(overflowed.items()))}
    )


if __name__ == "__main__":
    run_stage(measure_noise, snakemake)  # type: ignore[name-defined]
