"""Save the generators' states before each chunk of the runs that are not fully analysed.

in   folder            the experiment's
     specs, samples, arguments
                       from the config
     time_limit        seconds for one call of inputs.py
     chunks            for each chunk: sample, first run, one after the last
     states            safetensors: "<sample>/state", as generate_tensors writes them
     cotangents        safetensors: as draw_cotangents writes them
out  starts            safetensors: "<sample>/<first run>", bytes of the generator of the tensors
     cotangent_starts  the same for the generator of the cotangents; empty if none is drawn

With these states each chunk continues the sample's one sequence of draws, so the size of the chunks
changes no number.
"""

from pathlib import Path

import torch

from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.input_sources import read_sources
from autograd_by_hand.experiment.sampling import (
    draw_cotangents,
    draw_runs,
    drawn_as,
    resumed_generator,
)
from autograd_by_hand.experiment.settings import Argument, SampleSpec, TensorSpec, fully_analysed
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_numpy import by_sample
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors


def mark_chunks(
    folder: str,
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    arguments: dict[str, Argument],
    time_limit: float,
    chunks: list[tuple[str, int, int]],
    states: Path,
    cotangents: Path,
    starts: Path,
    cotangent_starts: Path,
) -> None:
    state_of, douts = read_tensors(states), by_sample(read_tensors(cotangents))
    begin = {name: {first for of, first, _ in chunks if of == name} for name in samples}
    before, before_douts = {}, {}
    sources = read_sources(Path(folder), specs, samples, arguments, time_limit)
    for name, sample in samples.items():
        generator = torch.Generator().manual_seed(sample["seed"])
        drawn = draw_runs(specs, sample, generator, sample["runs"], sources)
        runs = range(sample["runs"] if begin[name] else 0)
        for run in progress(runs, f"mark_chunks {name}, runs"):
            if run in begin[name]:
                before[f"{name}/{run}"] = generator.get_state()
            next(drawn)
        how = drawn_as(douts[name])
        generator = resumed_generator(state_of[f"{name}/state"])
        draw_cotangents(generator, fully_analysed(sample), how)
        at_random = any(one.at_random for one in how.values())
        for run in range(fully_analysed(sample), sample["runs"] if at_random else 0):
            if run in begin[name]:
                before_douts[f"{name}/{run}"] = generator.get_state()
            draw_cotangents(generator, 1, how)
    write_tensors(starts, before)
    write_tensors(cotangent_starts, before_douts)


if __name__ == "__main__":
    run_stage(mark_chunks, snakemake)  # type: ignore[name-defined]
