"""What is measured of one gradient in one format, for a verdict and for a reader."""

from math import sqrt
from typing import Any

import numpy as np

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.bits import bits
from autograd_by_hand.floats.ulp import Array, ulp
from autograd_by_hand.verdict.normalized_error import Noise, limits
from autograd_by_hand.verdict.value_checks import non_finite

Kinds = dict[str, dict[str, Array]]  # manual, autograd, reference: arrays by "<sample>/<name>"


def units_of(noise: dict[str, Array], arithmetic: dict[str, Any], dtype: str) -> dict[str, Array]:
    """The noise in which errors are told: of a reference that is no wider, its own on top."""
    own = sqrt(2) if arithmetic["arithmetic"] == dtype else 1.0
    return noise if own == 1 else {key: one * own for key, one in noise.items()}


def facts_of_result(values: Kinds, sample: str, dtype: str) -> dict[str, Any]:
    """Forward's own value: whether it is a scalar, how large it truly is, where it overflows."""
    result, truth = (values[kind][f"{sample}/result"] for kind in ("autograd", "reference"))
    return {
        "scalar": result.ndim == 1,
        "largest": _largest(truth),
        "non_finite": non_finite(result, truth, dtype),
    }


def facts_of_gradient(
    values: Kinds, key: str, dtype: str, units: dict[str, Array]
) -> dict[str, Any]:
    """Facts of the gradient "<sample>/d<tensor>"; in units of noise, if it has some."""
    manual, autograd, truth = (values[kind][key] for kind in ("manual", "autograd", "reference"))
    size = _largest(truth)
    facts = {
        "largest": size,
        "ulp_at_largest": None if size is None else float(ulp(np.array(size), dtype)),
        "identical": bool((bits(manual) == bits(autograd)).all()),
        "non_finite": non_finite(manual, truth, dtype),
        "first": {  # the first element of the first run, for a reader to see
            "manual": float(manual.flat[0]),
            "autograd": float(autograd.flat[0]),
            "reference": float(truth.flat[0]),
        },
    }
    if key not in units:
        return facts
    unit, tail = Noise.of(units[key], truth, dtype), values["reference"].get(f"{key}.tail")
    lost = non_finite(autograd, truth, dtype)
    return facts | {
        "noise": unit.share(),
        "judged": int(unit.judged.sum()),
        "elements": unit.judged.size,
        "limits": limits(len(truth), truth.size),
        "manual": vars(unit.measure(manual, truth, tail)),
        "autograd": vars(unit.measure(autograd, truth, tail))
        | {"lost": bool(lost and lost["fits"])},
    }


def _largest(value: Array) -> float | None:
    """Greatest magnitude among the finite elements, None if there are none."""
    found = [
        np.abs(one[np.isfinite(one)]).max(initial=-1)
        for one in (value.reshape(-1)[part] for part in blocks(value.size))
    ]
    return float(max(found)) if max(found) >= 0 else None
