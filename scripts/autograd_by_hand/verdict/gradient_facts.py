"""What is measured of one gradient in one format, for a verdict and for a reader."""

from math import sqrt
from typing import TypedDict, cast

import numpy as np

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.bits import bits
from autograd_by_hand.floats.ulp import Array, ulp
from autograd_by_hand.verdict.normalized_error import InNoises, Limits, Noise, limits
from autograd_by_hand.verdict.value_checks import NonFinite, non_finite

Kinds = dict[str, dict[str, Array]]  # manual, autograd, reference: arrays by "<sample>/<name>"


Figure = float | str  # what JSON has no number for is text in a file: "inf", "nan"


class Arithmetic(TypedDict):
    """In which arithmetic compute_reference worked, and why if not in a wider one."""

    arithmetic: str
    reason: str | None


class ResultFacts(TypedDict):
    """Forward's own value: whether it is a scalar, how large it truly is, where it overflows."""

    scalar: bool
    largest: float | None
    non_finite: NonFinite | None


class FirstElement(TypedDict):
    """The first element of the first run, for a reader to see."""

    manual: Figure
    autograd: Figure
    reference: Figure


class ErrorInNoises(TypedDict):
    """An error in units of noise; see `normalized_error.InNoises`."""

    norm: Figure
    element: Figure
    run: int
    index: list[int]


class AutogradsError(ErrorInNoises):
    """Autograd's, and whether it has no number where there is one."""

    lost: bool


class GradientFacts(TypedDict):
    """Facts of a gradient in one format.

    largest: greatest magnitude of the reference, or null, and the spacing of the format there
    identical: whether the hand's bits are autograd's
    """

    largest: float | None
    ulp_at_largest: float | None
    identical: bool
    non_finite: NonFinite | None
    first: FirstElement


class JudgedFacts(GradientFacts):
    """Facts of a gradient whose noise was measured.

    noise: as a part of the gradient
    judged: how many of its `elements`, over all runs, can be judged
    limits: how many noises a correct gradient may be off
    """

    noise: Figure
    judged: int
    elements: int
    limits: Limits
    manual: ErrorInNoises
    autograd: AutogradsError


class SampleFacts(TypedDict):
    """Facts of a sample; those of the trial's gradients are `JudgedFacts`."""

    runs: int
    result: ResultFacts
    gradients: dict[str, GradientFacts]


class TrialFacts(TypedDict):
    """Facts of the trial, whose noise was measured."""

    runs: int
    result: ResultFacts
    gradients: dict[str, JudgedFacts]


class Facts(TypedDict):
    """What score_errors writes of one format."""

    dtype: str
    eps: float
    largest: float
    samples: dict[str, SampleFacts]


def trial_facts(facts: Facts) -> TrialFacts:
    """The facts of the trial, of which score_errors measures more than of other samples."""
    return cast("TrialFacts", facts["samples"]["trial"])


def units_of(noise: dict[str, Array], arithmetic: Arithmetic, dtype: str) -> dict[str, Array]:
    """The noise in which errors are told: of a reference that is no wider, its own on top."""
    own = sqrt(2) if arithmetic["arithmetic"] == dtype else 1.0
    return noise if own == 1 else {key: one * own for key, one in noise.items()}


def facts_of_result(values: Kinds, sample: str, dtype: str) -> ResultFacts:
    """Forward's own value: whether it is a scalar, how large it truly is, where it overflows."""
    result, truth = (values[kind][f"{sample}/result"] for kind in ("autograd", "reference"))
    return {
        "scalar": result.ndim == 1,
        "largest": _largest(truth),
        "non_finite": non_finite(result, truth, dtype),
    }


def facts_of_gradient(values: Kinds, key: str, dtype: str) -> GradientFacts:
    """Facts of the gradient "<sample>/d<tensor>"."""
    manual, autograd, truth = (values[kind][key] for kind in ("manual", "autograd", "reference"))
    size = _largest(truth)
    return {
        "largest": size,
        "ulp_at_largest": None if size is None else float(ulp(np.array(size), dtype)),
        "identical": bool((bits(manual) == bits(autograd)).all()),
        "non_finite": non_finite(manual, truth, dtype),
        "first": {
            "manual": float(manual.flat[0]),
            "autograd": float(autograd.flat[0]),
            "reference": float(truth.flat[0]),
        },
    }


def judged_facts(values: Kinds, key: str, dtype: str, noise: Array) -> JudgedFacts:
    """Facts of the gradient "<sample>/d<tensor>", and those in units of its noise.

    noise: of each element, shape (runs, *shape)
    """
    manual, autograd, truth = (values[kind][key] for kind in ("manual", "autograd", "reference"))
    unit, tail = Noise.of(noise, truth, dtype), values["reference"].get(f"{key}.tail")
    lost = non_finite(autograd, truth, dtype)
    return {
        **facts_of_gradient(values, key, dtype),
        "noise": unit.share(),
        "judged": int(unit.judged.sum()),
        "elements": unit.judged.size,
        "limits": limits(len(truth), truth.size),
        "manual": _in_noises(unit.measure(manual, truth, tail)),
        "autograd": {
            **_in_noises(unit.measure(autograd, truth, tail)),
            "lost": bool(lost and lost["fits"]),
        },
    }


def _in_noises(error: InNoises) -> ErrorInNoises:
    return {
        "norm": error.norm,
        "element": error.element,
        "run": error.run,
        "index": error.index,
    }


def _largest(value: Array) -> float | None:
    """Greatest magnitude among the finite elements, None if there are none."""
    found = [
        np.abs(one[np.isfinite(one)]).max(initial=-1)
        for one in (value.reshape(-1)[part] for part in blocks(value.size))
    ]
    return float(max(found)) if max(found) >= 0 else None
