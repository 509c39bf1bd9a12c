"""Draw the inputs of every run, in float32, from the seeds of the config.

in   specs    the config's `tensors`: how each is drawn, in this order
     samples  the config's `samples`: seed, number of runs, and tensors drawn in another way
     arguments  the config's `arguments`: what forward and backward get besides tensors
out  draws    safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64, for the runs
              that are fully analysed; and the arguments
     states   safetensors: "<sample>/state", the generator's bytes after the sample's last draw

The inputs are drawn in float32 for all dtypes; each stage rounds them to the dtype it computes in.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from autograd_by_hand.experiment.sampling import draw_sample
from autograd_by_hand.experiment.settings import Argument, SampleSpec, TensorSpec
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import write_tensors

if TYPE_CHECKING:
    from torch import Tensor


def generate_tensors(
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    arguments: dict[str, Argument],
    draws: Path,
    states: Path,
) -> None:
    drawn: dict[str, Tensor] = {}
    state_of: dict[str, Tensor] = {}
    for name, sample in samples.items():
        tensors, state = draw_sample(specs, sample)
        drawn |= {f"{name}/{tensor}": value for tensor, value in tensors.items()}
        state_of[f"{name}/state"] = state
    write_tensors(draws, drawn, arguments)
    write_tensors(states, state_of)


if __name__ == "__main__":
    run_stage(generate_tensors, snakemake)  # type: ignore[name-defined]
