"""Measure how far the gradients of one format lie from each other and from the reference.

in   manual, autograd, reordered  safetensors: "<sample>/<gradient>", (runs, *shape), in the format
     reference                    the same keys in float64, perhaps with "<key>.tail"
     needed                       the tensors that require a gradient
out  errors  csv, one row per (comparison, sample, run, gradient): max_abs, max_ulp, rel_norm
     facts   json, per sample: `result` (forward's value) and, per gradient, its size, the spacing
             of the format there, whether autograd's bits are met, and patterns that the values show

Measures only: bounds and verdicts belong to judge_gradients.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scripts.lib.arrays import read_arrays
from scripts.lib.files import write_json
from scripts.lib.formats import eps, largest
from scripts.lib.patterns import non_finite, ratio
from scripts.lib.stage import run_stage
from scripts.lib.tables import COMPARISONS, write_csv
from scripts.lib.ulp import Array, distance, ulp


def score_errors(
    dtype: str,
    manual: Path,
    autograd: Path,
    reference: Path,
    reordered: Path,
    needed: list[str],
    errors: Path,
    facts: Path,
) -> None:
    kinds = {"manual": manual, "autograd": autograd, "reference": reference, "reordered": reordered}
    values = {kind: read_arrays(path) for kind, path in kinds.items()}
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
            "result": _facts_of_result(values, sample, dtype),
            "gradients": {
                f"d{name}": _facts_of_gradient(values, f"{sample}/d{name}", dtype)
                for name in needed
            },
        }
    write_csv(errors, pd.DataFrame(rows))
    write_json(
        facts,
        {"dtype": dtype, "eps": eps(dtype), "largest": largest(dtype), "samples": samples},
    )


def _facts_of_result(values: dict[str, Any], sample: str, dtype: str) -> dict[str, Any]:
    """Forward's own value: whether it is a scalar, how large it truly is, where it overflows."""
    result, truth = (values[kind][f"{sample}/result"] for kind in ("autograd", "reference"))
    return {
        "scalar": result.ndim == 1,
        "largest": _largest(truth),
        "non_finite": non_finite(result, truth, dtype),
    }


def _facts_of_gradient(values: dict[str, Any], key: str, dtype: str) -> dict[str, Any]:
    manual, autograd, truth = (values[kind][key] for kind in ("manual", "autograd", "reference"))
    size = _largest(truth)
    return {
        "largest": size,
        "ulp_at_largest": None if size is None else float(ulp(np.array(size), dtype)),
        "identical": manual.tobytes() == autograd.tobytes(),
        "non_finite": non_finite(manual, truth, dtype),
        "ratio": ratio(manual, truth, dtype),
        "first": {  # the first element of the first run, for a reader to see
            "manual": float(manual.flat[0]),
            "autograd": float(autograd.flat[0]),
            "reference": float(truth.flat[0]),
        },
    }


def _largest(value: Array) -> float | None:
    """Greatest magnitude among the finite elements, None if there are none."""
    finite = np.abs(value[np.isfinite(value)])
    return float(finite.max()) if finite.size else None


if __name__ == "__main__":
    run_stage(score_errors, snakemake)  # type: ignore[name-defined]
