"""Measure how far the gradients of one format lie from each other and from the reference.

in   manual, autograd, reordered  safetensors: "<sample>/<gradient>", (runs, *shape), in the format
     reference                    the same keys in float64, perhaps with "<key>.tail"
     noise                        "trial/<gradient>": each element's rounding noise
     arithmetic                   json, as compute_reference writes it
     needed                       the tensors that require a gradient
out  errors  csv, one row per (comparison, sample, run, gradient): max_abs, max_ulp, rel_norm
     facts   json, per sample: `result` (forward's value) and, per gradient, its size, the spacing
             of the format there, whether autograd's bits are met, and what is no number; of the
             trial also `noise`, a part of the gradient, and in units of it the greatest errors,
             `manual` and `autograd`, and their `limits`

     tails   json, as measure_chunk writes them of one format, of the trial

Measures only: bounds and verdicts belong to judge_gradients.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.floats.formats import eps, largest
from autograd_by_hand.floats.ulp import distance
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.comparisons import COMPARISONS
from autograd_by_hand.storage.errors_table import write_csv
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.verdict.error_histogram import added, tail_of
from autograd_by_hand.verdict.gradient_facts import (
    Kinds,
    facts_of_gradient,
    facts_of_result,
    judged_facts,
    units_of,
)
from autograd_by_hand.verdict.value_checks import non_finite


def score_errors(
    dtype: str,
    manual: Path,
    autograd: Path,
    reference: Path,
    reordered: Path,
    noise: Path,
    arithmetic: Path,
    needed: list[str],
    errors: Path,
    facts: Path,
    tails: Path,
) -> None:
    kinds = {"manual": manual, "autograd": autograd, "reference": reference, "reordered": reordered}
    values = {kind: read_arrays(path) for kind, path in kinds.items()}
    units = units_of(read_arrays(noise), read_json(arithmetic), dtype)
    rows, samples = [], {}
    for sample in dict.fromkeys(key.split("/", 1)[0] for key in values["manual"]):
        for comparison in COMPARISONS:
            first, second = comparison.split("_vs_")
            for name in needed:
                key = f"{sample}/d{name}"
                more = values[second].get(f"{key}.tail")
                for run, (one, other) in enumerate(
                    zip(values[first][key], values[second][key], strict=True)
                ):
                    measured = distance(one, other, dtype, None if more is None else more[run])
                    rows.append(
                        {
                            "dtype": dtype,
                            "comparison": comparison,
                            "sample": sample,
                            "run": run,
                            "gradient": f"d{name}",
                        }
                        | vars(measured)
                    )
        samples[sample] = {
            "runs": len(values["autograd"][f"{sample}/result"]),
            "result": facts_of_result(values, sample, dtype),
            "gradients": {
                f"d{name}": judged_facts(values, key, dtype, units[key])
                if key in units
                else facts_of_gradient(values, key, dtype)
                for name in needed
                for key in [f"{sample}/d{name}"]
            },
        }
    write_csv(errors, pd.DataFrame(rows))
    write_json(tails, {dtype: _tails_of_trial(values, needed, dtype)})
    write_json(
        facts,
        {"dtype": dtype, "eps": eps(dtype), "largest": largest(dtype), "samples": samples},
    )


def _tails_of_trial(values: Kinds, needed: list[str], dtype: str) -> dict[str, Any]:
    """The tails of every gradient over all runs of the trial, and where forward's value is lost."""
    gradients = {}
    for name in needed:
        hand, torchs, truth = (
            values[kind][f"trial/d{name}"] for kind in ("manual", "autograd", "reference")
        )
        more = values["reference"].get(f"trial/d{name}.tail", [None] * len(truth))
        gradients[f"d{name}"] = added(
            [
                tail_of(run, hand[run], torchs[run], truth[run], more[run], dtype)
                for run in range(len(truth))
            ]
        )
    result, true = (values[kind]["trial/result"] for kind in ("autograd", "reference"))
    lost = non_finite(result, true, dtype)
    return {"gradients": gradients, "lost": lost["runs"] if lost else 0}


if __name__ == "__main__":
    run_stage(score_errors, snakemake)  # type: ignore[name-defined]
