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

from autograd_by_hand.core.files import write_json
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_runs, write_tensors
from autograd_by_hand.verdict.backward_calls import call_backward


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
    found, showed = call_backward(dtype, backward, runs, needed, time_limit)
    write_tensors(gradients, found)
    write_json(calls, showed)


if __name__ == "__main__":
    run_stage(compute_manual, snakemake)  # type: ignore[name-defined]
