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

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scripts.lib.arrays import read_arrays
from scripts.lib.files import read_json, write_json
from scripts.lib.formats import eps, largest
from scripts.lib.noises import Noise, limits
from scripts.lib.seen import non_finite
from scripts.lib.stage import run_stage
from scripts.lib.tables import COMPARISONS, write_csv
from scripts.lib.ulp import Array, distance, ulp

KINDS = ("manual", "autograd")


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
    units = read_arrays(noise)
    if read_json(arithmetic)["arithmetic"] == dtype:  # the reference is as noisy
        units = {name: noise * sqrt(2) for name, noise in units.items()}
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
                | (_in_noises(values, f"d{name}", dtype, units) if sample == "trial" else {})
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
        "first": {  # the first element of the first run, for a reader to see
            "manual": float(manual.flat[0]),
            "autograd": float(autograd.flat[0]),
            "reference": float(truth.flat[0]),
        },
    }


def _in_noises(
    values: dict[str, Any], name: str, dtype: str, units: dict[str, Array]
) -> dict[str, Any]:
    key = f"trial/{name}"
    truth, tail = values["reference"][key], values["reference"].get(f"{key}.tail")
    unit = Noise.of(units[key], truth, dtype)
    manual, autograd = (unit.measure(values[kind][key], truth, tail) for kind in KINDS)
    lost = non_finite(values["autograd"][key], truth, dtype)
    return {
        "noise": unit.share(),
        "judged": int(unit.judged.sum()),
        "elements": unit.judged.size,
        "limits": limits(len(truth), truth.size),
        "manual": vars(manual),
        "autograd": vars(autograd) | {"lost": bool(lost and lost["fits"])},
    }


def _largest(value: Array) -> float | None:
    """Greatest magnitude among the finite elements, None if there are none."""
    finite = np.abs(value[np.isfinite(value)])
    return float(finite.max()) if finite.size else None


if __name__ == "__main__":
    run_stage(score_errors, snakemake)  # type: ignore[name-defined]
