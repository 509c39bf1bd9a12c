"""The first lines of a report: whether the gradient is right, and where it is bit-identical."""

from dataclasses import dataclass

from autograd_by_hand.experiment.gradient_stops import Stop
from autograd_by_hand.experiment.settings import arithmetic_of
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.report.sections.grouping import distinct, grouped
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.verdict.acceptance import AutogradFinding
from autograd_by_hand.verdict.judge import OUTCOMES, VerdictOnGradient, is_repeated
from autograd_by_hand.verdict.proof import Fault
from autograd_by_hand.verdict.within_limits import autograd_is_off


@dataclass(frozen=True)
class Failure:
    """Gradients that fail for the same reason.

    mistake, evidence: the likeliest mistake, None if none is named
    reason: why they fail, None if the evidence says it
    """

    outcome: str
    gradients: list[str]
    dtypes: list[str]
    mistake: str | None
    evidence: str | None
    reason: str | None


@dataclass(frozen=True)
class Unsteady:
    """Gradients of which two calls on the same inputs give other bits, and by how much."""

    gradients: list[str]
    dtypes: list[str]
    words: str


@dataclass(frozen=True)
class Answer:
    """Whether all gradients are right, or what is wrong.

    identical: the dtypes in which all runs have autograd's own bits
    runs, closely: how many runs there are, and how many of them are fully analysed
    autograd: how backward uses autograd, None if it does not
    surrogate: the file that is differentiated in place of forward.py, None if forward.py is
    computes_in: the dtype that backward computes in whatever it is given, None if in its inputs'
    finer: the dtypes in which it is therefore judged by the noise of that one
    steps: operations of forward whose derivative is zero, if that may be why gradients fail
    changed: the arguments that backward changes in place
    unsteady: the gradients that are not reproducible, bit for bit, but for rounding
    fault, off: the operation whose derivative in torch is off, and the dtypes in which that makes
        autograd's gradient wrong
    """

    identical: list[str]
    identical_everywhere: bool
    runs: int
    closely: int
    failures: list[Failure]
    autograd: AutogradFinding | None
    surrogate: str | None
    computes_in: str | None
    finer: list[str]
    steps: list[Stop]
    changed: list[str]
    unsteady: list[Unsteady]
    fault: Fault | None
    off: list[str]


def answer_of(measured: Measurements) -> Answer:
    """Group the failures that have the same outcome and the same mistake or reason."""
    identical = [dtype for dtype in measured.dtypes if _is_identical(measured, dtype)]
    failures = [
        _failure(alike)
        for outcome in OUTCOMES
        for _, alike in grouped(
            (one for one in measured.failing if one["outcome"] == outcome), _why
        )
    ]
    off = [dtype for dtype in measured.dtypes if _faults(measured, dtype)]
    everywhere = len(identical) == len(measured.dtypes)
    return Answer(
        identical,
        everywhere,
        measured.runs,
        measured.closely,
        failures,
        measured.judgement.get("autograd"),
        measured.surrogate,
        measured.computes_in,
        [one for one in measured.dtypes if arithmetic_of(one, measured.computes_in) != one],
        _steps(measured),
        distinct(
            name for dtype in measured.dtypes for name in measured.calls[dtype]["changed_inputs"]
        ),
        _unsteady(measured),
        _faults(measured, off[0])[0] if off else None,
        off,
    )


def _unsteady(measured: Measurements) -> list[Unsteady]:
    """The gradients that differ from call to call by rounding, those alike together."""
    differing = [
        one
        for one in measured.judgement["verdicts"]
        if "calls_differ" in one and _is_repeated(measured, one)
    ]
    return [
        Unsteady(
            distinct(one["gradient"] for one in alike),
            distinct(one["dtype"] for one in alike),
            words,
        )
        for words, alike in grouped(differing, lambda one: one["calls_differ"])
    ]


def _is_repeated(measured: Measurements, verdict: VerdictOnGradient) -> bool:
    facts = measured.trial_facts(verdict["dtype"])["gradients"]
    name = verdict["gradient"].removeprefix("d")
    return is_repeated(measured.calls[verdict["dtype"]], facts, name)


def _steps(measured: Measurements) -> list[Stop]:
    oracle = measured.oracle
    fails = any(one["outcome"] in ("wrong", "unresolved") for one in measured.failing)
    if isinstance(oracle, Missing) or not fails or oracle["reason"] or measured.surrogate:
        return []
    return [one for one in oracle["stops"] if one["kind"] == "step"]


def _faults(measured: Measurements, dtype: str) -> list[Fault]:
    judged = measured.trial_facts(dtype)["gradients"].values()
    off = [one["autograd"]["fault"] for one in judged if autograd_is_off(one)]
    return [fault for fault in off if fault]


def _is_identical(measured: Measurements, dtype: str) -> bool:
    judged = measured.trial_facts(dtype)["gradients"].values()
    counted = measured.tails[dtype]["gradients"].values()
    return all(one["identical"] for one in judged) and not any(one["unequal"] for one in counted)


def _why(failing: VerdictOnGradient) -> str:
    """Return the likeliest mistake, or the reason if none is named."""
    return str((failing["diagnosis"] or {"name": failing["reason"]})["name"])


def _failure(alike: list[VerdictOnGradient]) -> Failure:
    """Describe gradients that fail for the same reason; that of the first stands for all."""
    first = alike[0]
    diagnosis = first["diagnosis"] or {"name": None, "evidence": None}
    return Failure(
        outcome=first["outcome"],
        gradients=distinct(one["gradient"] for one in alike),
        dtypes=distinct(one["dtype"] for one in alike),
        mistake=diagnosis["name"],
        evidence=diagnosis["evidence"],
        reason=None if diagnosis["evidence"] == first["reason"] else first["reason"],
    )
