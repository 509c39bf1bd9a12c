"""Measure how far the gradients of one dtype lie from each other and from the reference.

in   manual, autograd, reordered  safetensors: "<sample>/<gradient>", (runs, *shape), in this dtype
                                  `reordered` may be missing (`storage.missing`)
     reference                    the same keys in float64; for float64 also "<key>.tail"
     noise                        "trial/<gradient>": each element's rounding noise, in the dtype
                                  that backward computes in
     peer                         as autograd, in the dtype that backward computes in
     arithmetic                   json, as compute_reference writes it
     computed_in                  the dtype that backward computes in when it is given this one
     needed                       the tensors that require a gradient
out  errors  csv, one row per (comparison, sample, run, gradient): max_abs, max_ulp, rel_norm; no
             rows for a comparison with what is missing
     facts   json, per sample: `result` (forward's value) and, per gradient, its size, the dtype's
             spacing there, whether it has autograd's bits, and its inf and nan; for the trial also
             `noise`, the rounding noise relative to the gradient, and as multiples of the noise the
             greatest errors, `manual` and `autograd`, and their `limits`
     tails   json: the histograms of the trial's errors, as measure_chunk writes them for one dtype

This stage only measures; judge_gradients decides what the errors mean.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.floats.formats import eps, largest
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.comparisons import COMPARISONS
from autograd_by_hand.storage.errors_table import rows_of, write_csv
from autograd_by_hand.storage.missing import missing_in
from autograd_by_hand.storage.safetensors_numpy import read_arrays, stored_by_parts
from autograd_by_hand.verdict.gradient_facts import (
    Arithmetic,
    Facts,
    Kinds,
    SampleFacts,
    facts_of_gradient,
    facts_of_result,
    judged_facts,
    units_of,
)
from autograd_by_hand.verdict.run_errors import TailsOfRuns, Ways, errors_of_run


def score_errors(
    dtype: str,
    manual: Path,
    autograd: Path,
    reference: Path,
    reordered: Path,
    noise: Path,
    peer: Path,
    arithmetic: Path,
    computed_in: str,
    needed: list[str],
    errors: Path,
    facts: Path,
    tails: Path,
) -> None:
    kinds = {"manual": manual, "autograd": autograd, "reference": reference, "reordered": reordered}
    values = {kind: read_arrays(path) for kind, path in kinds.items() if not missing_in(path)}
    judged_by = values | ({} if computed_in == dtype else {"peer": read_arrays(peer)})
    by_parts = stored_by_parts(manual)
    used: Arithmetic = read_json(arithmetic)
    units = units_of(read_arrays(noise), used, computed_in)
    gradients = [f"d{name}" for name in needed]
    counted = TailsOfRuns(gradients, dtype)
    tables: list[pd.DataFrame] = []
    samples: dict[str, SampleFacts] = {}
    for sample in dict.fromkeys(key.split("/", 1)[0] for key in values["manual"]):
        measured = []
        for run in range(len(values["autograd"][f"{sample}/{gradients[0]}"])):
            ways = _run_of(values, sample, run)
            measured.append(errors_of_run(ways, gradients, dtype))
            if sample == "trial":
                counted.add(run, ways)
        by_run = np.stack(measured, axis=2)  # (comparisons, gradients, runs, measures)
        tables += [
            rows_of(by_run[row, column], dtype, comparison, sample, gradient)
            for row, comparison in enumerate(COMPARISONS)
            if comparison.split("_vs_")[0] in values
            for column, gradient in enumerate(gradients)
        ]
        samples[sample] = {
            "runs": len(measured),
            "result": facts_of_result(values, sample, gradients, dtype),
            "gradients": {
                name: judged_facts(judged_by, key, dtype, units, computed_in, used["fault"])
                if key in units
                else facts_of_gradient(values, key, dtype)
                for name in gradients
                for key in [f"{sample}/{name}"]
            },
        }
        for name in by_parts:
            samples[sample]["gradients"][name]["by_parts"] = True
    write_csv(errors, pd.concat(tables, ignore_index=True))
    write_json(tails, {dtype: counted.so_far()})
    found: Facts = {
        "dtype": dtype,
        "eps": eps(dtype),
        "largest": largest(dtype),
        "samples": samples,
    }
    write_json(facts, found)


def _run_of(values: Kinds, sample: str, run: int) -> Ways:
    """One run's gradients and result, in each way that they were computed."""
    beginning = f"{sample}/"
    return {
        kind: {
            key.removeprefix(beginning): value[run, ...]
            for key, value in arrays.items()
            if key.startswith(beginning)
        }
        for kind, arrays in values.items()
    }


if __name__ == "__main__":
    run_stage(score_errors, snakemake)  # type: ignore[name-defined]
