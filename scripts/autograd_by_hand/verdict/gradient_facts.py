"""Facts about one gradient in one dtype, for the verdict and for the report."""

from dataclasses import asdict
from math import sqrt
from typing import Any, NotRequired, TypedDict, cast

import numpy as np

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.experiment.output_names import RESULT
from autograd_by_hand.floats.bits import bits
from autograd_by_hand.floats.ulp import Array, distance, ulp
from autograd_by_hand.verdict.normalized_error import Limits, Noise, NormalizedError, limits
from autograd_by_hand.verdict.proof import Fault
from autograd_by_hand.verdict.value_checks import NonFinite, lost_alone, non_finite

JUMPS = ".jumps"  # ends the key of what decisions change that rounding may turn
Kinds = dict[str, dict[str, Array]]  # manual, autograd, reference: arrays by "<sample>/<name>"


Figure = float | str  # JSON has no inf and no nan; a file holds them as text


class Arithmetic(TypedDict):
    """The arithmetic that compute_reference used, and the reason if it is not wider.

    fault: the operation whose derivative in torch is off, if that is why it is ball arithmetic
    kinks: the operations of which some elements are on a kink, so that the reference is a range
    """

    arithmetic: str
    reason: str | None
    fault: Fault | None
    kinks: list[str]


class ResultFacts(TypedDict):
    """Forward's result: whether it is a scalar, its greatest true value, where it overflows.

    output: its name, if forward returns several; it is the first one that is not finite, if any
    """

    output: NotRequired[str]
    scalar: bool
    largest: float | None
    non_finite: NonFinite | None


class FirstElement(TypedDict):
    """The first element of the first run, as an example for the reader."""

    manual: Figure
    autograd: Figure
    reference: Figure


class ErrorInNoise(TypedDict):
    """An error in units of the rounding noise; see `normalized_error.NormalizedError`."""

    norm: Figure
    element: Figure
    run: int
    index: list[int]
    beyond: int


class AutogradsError(ErrorInNoise):
    """Autograd's error, and whether an element is not finite although the true value is.

    fault: the operation whose derivative in torch is proven to be off, or null
    apart: how far the manual gradient is from autograd's, if there is such a fault
    """

    lost: bool
    fault: Fault | None
    apart: NotRequired[ErrorInNoise]


class SecondCall(TypedDict):
    """How the gradient of a second call on the same inputs differs from that of the first.

    error: of the second call's gradient, as `manual` is that of the first
    apart: the difference of the two, in the same unit
    unequal: how many of the elements have other bits, over all runs
    ulps: the greatest difference of an element
    """

    error: ErrorInNoise
    apart: ErrorInNoise
    unequal: int
    ulps: Figure


class GradientFacts(TypedDict):
    """Facts about a gradient in one dtype.

    shape: in one run
    by_parts: whether it is complex, and its last axis has the real and the imaginary part
    largest: the greatest magnitude of the reference, or null
    ulp_at_largest: the spacing of the dtype there, or null
    identical: whether the manual gradient has autograd's bits
    """

    shape: list[int]
    by_parts: NotRequired[bool]
    largest: float | None
    ulp_at_largest: float | None
    identical: bool
    non_finite: NonFinite | None
    first: FirstElement


class JudgedFacts(GradientFacts):
    """Facts about a gradient whose rounding noise was measured.

    noise: as a fraction of the gradient's norm
    jumps: what decisions change that rounding may turn, and on a kink the range of the derivative;
        as a fraction of the gradient's norm
    jumping: how many elements such decisions change
    judged: how many of its `elements`, over all runs, can be judged
    limits: on the error of a correct gradient, in units of the noise
    computes_in: the dtype whose noise it is, if backward computes in a coarser one than its inputs'
    second: what a second call on the same inputs gave, if it gave other bits
    lost_alone: the elements that are inf or nan although autograd has a number there, as the true
        value is one that the dtype can hold; absent if there are none
    """

    noise: Figure
    jumps: Figure
    jumping: int
    judged: int
    elements: int
    limits: Limits
    manual: ErrorInNoise
    autograd: AutogradsError
    computes_in: NotRequired[str]
    second: NotRequired[SecondCall]
    lost_alone: NotRequired[NonFinite]


class SampleFacts(TypedDict):
    """Facts about a sample; those about the trial's gradients are `JudgedFacts`."""

    runs: int
    result: ResultFacts
    gradients: dict[str, GradientFacts]


class TrialFacts(TypedDict):
    """Facts of the trial, whose noise was measured."""

    runs: int
    result: ResultFacts
    gradients: dict[str, JudgedFacts]


class Facts(TypedDict):
    """What score_errors writes for one dtype."""

    dtype: str
    eps: float
    largest: float
    samples: dict[str, SampleFacts]


def trial_facts(facts: Facts) -> TrialFacts:
    """The facts of the trial, of which score_errors measures more than of other samples."""
    return cast("TrialFacts", facts["samples"]["trial"])


def units_of(noise: dict[str, Array], arithmetic: Arithmetic, dtype: str) -> dict[str, Array]:
    """Return the noise used as the unit of errors.

    If the reference is no wider than the dtype, its own noise is added.

    noise: as measure_noise writes it, with the jumps
    """
    own = sqrt(2) if arithmetic["arithmetic"] == dtype else 1.0
    if own == 1:
        return noise
    return {key: one if key.endswith(JUMPS) else one * own for key, one in noise.items()}


def facts_of_result(values: Kinds, sample: str, gradients: list[str], dtype: str) -> ResultFacts:
    """Return the facts about forward's result in a sample, or about one of its several outputs.

    gradients: the names of the gradients; autograd's other values are forward's outputs
    """
    names = [key.split("/", 1)[1] for key in values["autograd"] if key.startswith(f"{sample}/")]
    outputs = {
        name: _of_output(values, f"{sample}/{name}", dtype)
        for name in names
        if name not in gradients
    }
    name = next((name for name, one in outputs.items() if one["non_finite"]), next(iter(outputs)))
    return (
        outputs[name]
        if name == RESULT
        else {"output": name.removeprefix(f"{RESULT}_"), **outputs[name]}
    )


def _of_output(values: Kinds, key: str, dtype: str) -> ResultFacts:
    result, truth = (values[kind][key] for kind in ("autograd", "reference"))
    return {
        "scalar": result.ndim == 1,
        "largest": _largest(truth),
        "non_finite": non_finite(result, truth, dtype),
    }


def facts_of_gradient(values: Kinds, key: str, dtype: str) -> GradientFacts:
    """Return the facts about the gradient "<sample>/d<tensor>"."""
    manual, autograd, truth = (values[kind][key] for kind in ("manual", "autograd", "reference"))
    size = _largest(truth)
    return {
        "shape": [*truth.shape[1:]],
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


def judged_facts(
    values: Kinds,
    key: str,
    dtype: str,
    units: dict[str, Array],
    computed_in: str | None = None,
    fault: Fault | None = None,
) -> JudgedFacts:
    """Return the facts about the gradient "<sample>/d<tensor>", with its errors in units of noise.

    values: also "peer", autograd's gradients in `computed_in`, if that is not `dtype`; and among
        the manual ones "<sample>/d<tensor>.second", if a second call gave other bits
    units: each element's noise, shape (runs, *shape), and the jumps
    computed_in: the dtype that backward computes in, and whose noise it is; None for `dtype`
    fault: of autograd, as compute_reference writes it
    """
    own = computed_in or dtype
    theirs = "autograd" if own == dtype else "peer"
    manual, autograd, truth = (values[kind][key] for kind in ("manual", theirs, "reference"))
    unit = Noise.of(units[key], truth, own)
    tail, radius = (values["reference"].get(f"{key}.{part}") for part in ("tail", "radius"))
    jumps = units.get(f"{key}{JUMPS}")
    free = jumps if radius is None else radius if jumps is None else radius + jumps
    lost = non_finite(autograd, truth, own)
    facts: dict[str, Any] = {
        **facts_of_gradient(values, key, dtype),
        "non_finite": non_finite(manual, truth, own),
        "noise": unit.share(),
        "jumps": 0.0 if free is None else unit.share_of(free),
        "jumping": 0 if jumps is None else int((jumps > 0).sum()),
        "judged": int(unit.judged.sum()),
        "elements": unit.judged.size,
        "limits": limits(len(truth), truth.size),
        "manual": _in_noise(unit.measure(manual, truth, tail, free)),
        "autograd": {
            **_in_noise(unit.measure(autograd, truth, tail, free)),
            "lost": bool(lost and lost["fits"]),
            "fault": fault,
        },
    }
    if fault:
        facts["autograd"]["apart"] = _in_noise(unit.measure(manual, autograd))
    if alone := lost_alone(manual, autograd, truth, own):
        facts["lost_alone"] = alone
    if own != dtype:
        facts["computes_in"] = own
    if (second := values["manual"].get(f"{key}.second")) is not None:
        unequal = bits(manual) != bits(second)
        facts["second"] = SecondCall(
            error=_in_noise(unit.measure(second, truth, tail, free)),
            apart=_in_noise(unit.measure(second, manual, None, free)),
            unequal=int(unequal.sum()),
            ulps=distance(second, manual, dtype).max_ulp,
        )
    return cast("JudgedFacts", facts)


def _in_noise(error: NormalizedError) -> ErrorInNoise:
    return cast("ErrorInNoise", asdict(error))


def _largest(value: Array) -> float | None:
    """Return the greatest magnitude among the finite elements, None if there are none."""
    found = [
        np.abs(one[np.isfinite(one)]).max(initial=-1)
        for one in (value.reshape(-1)[part] for part in blocks(value.size))
    ]
    return float(max(found)) if max(found) >= 0 else None
