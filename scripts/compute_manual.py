"""Call the author's backward.py on every run, in one format.

in   backward    the author's backward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout", shape (runs, *shape of the result)
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  gradients   safetensors: "<sample>/d<tensor>", shape (runs, *shape), in the format; nan where
                 backward gave none
     calls       json: `second_call`, what a second call on the same inputs gave, by tensor;
                 `zero_cotangent`, what dout = 0 gave on the first run (empty if backward takes no
                 dout); `changed_inputs`; `refused`, why there is no gradient, by tensor

Each run's backward is called twice: a gradient that grows or wavers is no function of its inputs.
"""

from pathlib import Path

import torch

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.vjp import load_backward, same_bits
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import Stack, read_runs, write_tensors
from autograd_by_hand.verdict.value_checks import off_zero, repetition


def compute_manual(
    dtype: str,
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    calls: Path,
) -> None:
    runs = read_runs(draws, cotangents)
    by_hand = load_backward(backward, [*runs[0].tensors], needed, torch_dtype(dtype), time_limit)
    stack, repeats, changed = Stack(), dict.fromkeys(needed, "same bits"), set[str]()
    zeros, refused = dict[str, str](), dict[str, str]()
    for run in progress(runs, f"compute_manual {dtype}, runs"):
        once, twice = (by_hand(run.tensors, run.dout) for _ in range(2))
        stack.add(run.sample, once.named())
        changed |= {*once.changed, *twice.changed}
        refused = once.refused | twice.refused | refused
        for name in needed:
            first, second = once.gradients[name], twice.gradients[name]
            if repeats[name] == "same bits" and not same_bits(first, second):
                repeats[name] = repetition(first.double().numpy(), second.double().numpy())
        if (run.sample, run.number) == ("trial", 0) and by_hand.takes_cotangent():
            of_zero = by_hand(run.tensors, torch.zeros_like(run.dout)).gradients
            zeros = {name: off_zero(of_zero[name].double().numpy()) for name in needed}
    write_tensors(gradients, stack.stacked())
    write_json(
        calls,
        {
            "second_call": repeats,
            "zero_cotangent": zeros,
            "changed_inputs": sorted(changed),
            "refused": refused,
        },
    )


if __name__ == "__main__":
    run_stage(compute_manual, snakemake)  # type: ignore[name-defined]
