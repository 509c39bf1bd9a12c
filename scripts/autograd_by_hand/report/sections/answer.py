"""The first lines of a report: whether the gradient is right, and where it has autograd's bits."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.report.sections.grouping import distinct, grouped
from autograd_by_hand.verdict.judge import OUTCOMES, VerdictOnGradient


@dataclass(frozen=True)
class Failure:
    """Gradients that fail alike.

    mistake, evidence: the likeliest mistake, None where none is named
    reason: why they fail, None where that is the evidence
    """

    outcome: str
    gradients: list[str]
    dtypes: list[str]
    mistake: str | None
    evidence: str | None
    reason: str | None


@dataclass(frozen=True)
class Answer:
    """Whether all gradients are right, or what is wrong.

    identical: the formats in which all runs have autograd's own bits
    runs, closely: how many runs there are, and how many of them are judged
    """

    identical: list[str]
    identical_everywhere: bool
    runs: int
    closely: int
    failures: list[Failure]


def answer_of(measured: Measurements) -> Answer:
    """The answer; gradients of one outcome and one mistake, or one reason, fail alike."""
    identical = [dtype for dtype in measured.dtypes if _is_identical(measured, dtype)]
    failures = [
        _failure(alike)
        for outcome in OUTCOMES
        for _, alike in grouped(
            (one for one in measured.failing if one["outcome"] == outcome), _why
        )
    ]
    everywhere = len(identical) == len(measured.dtypes)
    return Answer(identical, everywhere, measured.runs, measured.closely, failures)


def _is_identical(measured: Measurements, dtype: str) -> bool:
    judged = measured.trial_facts(dtype)["gradients"].values()
    counted = measured.tails[dtype]["gradients"].values()
    return all(one["identical"] for one in judged) and not any(one["unequal"] for one in counted)


def _why(failing: VerdictOnGradient) -> str:
    """The likeliest mistake, or else the reason."""
    return str((failing["diagnosis"] or {"name": failing["reason"]})["name"])


def _failure(alike: list[VerdictOnGradient]) -> Failure:
    """What is said of gradients that fail alike: of the first, whose reason stands for all."""
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
