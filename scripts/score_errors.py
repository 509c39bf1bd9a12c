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

Measures only: bounds and verdicts belong to judge_gradients.
"""

from pathlib import Path

import pandas as pd

from scripts.lib.arrays import read_arrays
from scripts.lib.facts import facts_of_gradient, facts_of_result, units_of
from scripts.lib.files import read_json, write_json
from scripts.lib.formats import eps, largest
from scripts.lib.stage import run_stage
from scripts.lib.tables import COMPARISONS, write_csv
from scripts.lib.ulp import distance


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
                tails = values[second].get(f"{key}.tail")
                for run, (one, other) in enumerate(
                    zip(values[first][key], values[second][key], strict=True)
                ):
                    measured = distance(one, other, dtype, None if tails is None else tails[run])
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
                f"d{name}": facts_of_gradient(values, f"{sample}/d{name}", dtype, units)
                for name in needed
            },
        }
    write_csv(errors, pd.DataFrame(rows))
    write_json(
        facts,
        {"dtype": dtype, "eps": eps(dtype), "largest": largest(dtype), "samples": samples},
    )


if __name__ == "__main__":
    run_stage(score_errors, snakemake)  # type: ignore[name-defined]
