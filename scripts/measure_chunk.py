"""Measure the errors of a chunk of runs, run by run, without keeping tensors.

in   forward, backward  the author's files
     checked            text, as check_backward writes it: backward gives a gradient
     draws              safetensors: "<sample>/<tensor>", whose names are read
     starts, cotangent_starts
                        safetensors: "<sample>/<first run>", the generators' bytes
     cotangents         safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     arithmetic         json per dtype, as compute_reference writes it
     handed_over        json per dtype, as reorder_sums writes it; where it is missing, numpy's sums
                        are not tried here either
     folder             the experiment's
     specs, samples     from the config
     dtypes             the dtypes, in the order of `arithmetic` and `handed_over`
     needed             the tensors that require a gradient
     sample, first, last
                        which runs: those from `first` on and before `last`
     time_limit         seconds for one call
out  errors             safetensors: "errors", (dtypes, comparisons, gradients, runs, measures),
                        float64, in the order of `storage.comparisons`; a comparison that
                        is missing has nan
     tails              json: by dtype, `gradients`, the counts of `verdict.error_histogram`, and
                        `lost`, how many runs have a result of forward that is not finite

The errors of a run are measured as run_autograd, compute_manual, compute_reference, reorder_sums
and score_errors measure them.
"""

from pathlib import Path

import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.complex_views import parts
from autograd_by_hand.experiment.input_sources import read_sources
from autograd_by_hand.experiment.sampling import (
    draw_cotangents,
    draw_runs,
    drawn_as,
    on_grid,
    resumed_generator,
)
from autograd_by_hand.experiment.settings import SampleSpec, TensorSpec
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.missing import missing_in
from autograd_by_hand.storage.safetensors_numpy import by_sample
from autograd_by_hand.storage.safetensors_torch import read_given, read_tensors, write_tensors
from autograd_by_hand.verdict.measure_run import ExperimentInDtype


def measure_chunk(
    forward: Path,
    backward: Path,
    draws: Path,
    starts: Path,
    cotangent_starts: Path,
    cotangents: Path,
    arithmetic: list[Path],
    handed_over: list[Path],
    folder: str,
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    dtypes: list[str],
    needed: list[str],
    sample: str,
    first: str,
    last: str,
    time_limit: float,
    errors: Path,
    tails: Path,
) -> None:
    runs, start = range(int(first), int(last)), f"{sample}/{first}"
    generator = resumed_generator(read_tensors(starts)[start])
    how = drawn_as(by_sample(read_tensors(cotangents))[sample])
    states = read_tensors(cotangent_starts)
    pulled = resumed_generator(states[start]) if start in states else generator
    given = read_given(draws, cotangents)
    by_dtype = [
        ExperimentInDtype(
            forward,
            backward,
            given,
            [*how],
            needed,
            dtype,
            read_json(path)["arithmetic"],
            missing_in(sums) is None,
            time_limit,
        )
        for dtype, path, sums in zip(dtypes, arithmetic, handed_over, strict=True)
    ]
    sources = read_sources(Path(folder), specs, samples, given.arguments, time_limit)
    drawn = draw_runs(specs, samples[sample], generator, len(runs), sources)
    rows = []
    for run in progress(runs, f"measure_chunk {sample} {first} to {last}, runs"):
        tensors = on_grid(parts(next(drawn)), given.computes_in)
        one_run = on_grid(draw_cotangents(pulled, 1, how), given.computes_in)
        douts = {name: value[0] for name, value in one_run.items()}
        rows.append(torch.stack([one.measure(run, tensors, douts) for one in by_dtype]))
    write_tensors(errors, {"errors": torch.stack(rows, dim=3)})
    write_json(tails, {one.dtype: one.tails.so_far() for one in by_dtype})


if __name__ == "__main__":
    run_stage(measure_chunk, snakemake)  # type: ignore[name-defined]
