"""Make the inputs of every run: draw them from the seeds of the config, or take them as given.

in   folder     the experiment's, which holds inputs.py and the files that tensors are read from
     specs      the config's `tensors`: how each is made, in this order
     samples    the config's `samples`: seed, number of runs, and tensors made in another way
     arguments  the config's `arguments`: what forward and backward get besides tensors
     time_limit seconds for one call of inputs.py
out  draws      safetensors: "<sample>/<tensor>", shape (runs, *shape), for the runs that are fully
                analysed; and the arguments
     states     safetensors: "<sample>/state", the generator's bytes after the sample's last draw
     made       json: of each tensor of the trial its name, shape and dtype

What is drawn is float32, int64 or bool; what is written in the config is float64, int64 or bool;
what comes from a file or from inputs.py has the dtype that it has there. Each stage rounds floating
tensors to the dtype it computes in; the others are never converted.
"""

from pathlib import Path

from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.core.files import write_json
from autograd_by_hand.experiment.input_sources import read_sources
from autograd_by_hand.experiment.sampling import draw_sample
from autograd_by_hand.experiment.settings import (
    Argument,
    MadeTensor,
    SampleSpec,
    TensorSpec,
)
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import write_tensors


def generate_tensors(
    folder: str,
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    arguments: dict[str, Argument],
    time_limit: float,
    draws: Path,
    states: Path,
    made: Path,
) -> None:
    drawn: dict[str, Tensor] = {}
    state_of: dict[str, Tensor] = {}
    sources = read_sources(Path(folder), specs, samples, arguments, time_limit)
    for name, sample in samples.items():
        tensors, state = draw_sample(specs, sample, sources)
        drawn |= {f"{name}/{tensor}": value for tensor, value in tensors.items()}
        state_of[f"{name}/state"] = state
        if name == "trial":
            write_json(made, [_described(*one) for one in tensors.items()])
    write_tensors(draws, drawn, arguments)
    write_tensors(states, state_of)


def _described(name: str, runs: Tensor) -> MadeTensor:
    """What was made: a tensor of every run, (runs, *shape)."""
    return {"name": name, "shape": [*runs.shape[1:]], "dtype": dtype_name(runs.dtype)}


if __name__ == "__main__":
    run_stage(generate_tensors, snakemake)  # type: ignore[name-defined]
