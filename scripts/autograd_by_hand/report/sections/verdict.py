"""The verdicts: how far each gradient is off, how far it may be, and who bears that out."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.storage.second_opinions import Opinion as WrittenOpinion
from autograd_by_hand.storage.second_opinions import Oracle as WrittenOracle
from autograd_by_hand.verdict.judge import VerdictOnGradient


@dataclass(frozen=True)
class Row:
    """A gradient in a format.

    off_by, autograd, chance: of the whole gradient, in units of the rounding noise: the hand's
        error, autograd's, and how much may be chance
    noise, limit: the noise and the least error that would be seen, as parts of the gradient's norm
    """

    gradient: str
    dtype: str
    outcome: str
    off_by: Figure
    autograd: Figure
    chance: Figure
    noise: Figure
    limit: Figure


@dataclass(frozen=True)
class Oracle:
    """Autograd's derivative along a direction beside that by finite differences.

    reason: why autograd is in doubt, None where it is not
    """

    reason: str | None
    autograd: Figure
    difference: Figure
    uncertain: Figure


@dataclass(frozen=True)
class Opinion:
    """What gradcheck said; shapes: those of the run that it was asked about, cut short."""

    refused: str | None
    objection: str | None
    fast: bool
    shapes: str


@dataclass(frozen=True)
class Reason:
    """Why a gradient is not right.

    mistake, evidence: the likeliest mistake, None where none is named; the evidence is None as
        well where it is the reason
    """

    gradient: str
    dtype: str
    outcome: str
    reason: str
    mistake: str | None
    evidence: str | None


@dataclass(frozen=True)
class Verdict:
    """The table of verdicts, gradient by gradient.

    right: how many rows are right
    most: how many noises off a single element may be
    """

    rows: list[Row]
    right: int
    runs: int
    closely: int
    most: Figure
    oracle: Oracle
    opinion: Opinion
    reasons: list[Reason]


def verdict_of(measured: Measurements) -> Verdict:
    """The verdicts, and the reasons of those that are not right."""
    verdicts = measured.judgement["verdicts"]
    first = measured.trial_facts(measured.shown)["gradients"][measured.gradients[0]]
    return Verdict(
        rows=[
            _row(measured, one)
            for gradient in measured.gradients
            for one in verdicts
            if one["gradient"] == gradient
        ],
        right=len(verdicts) - len(measured.failing),
        runs=measured.runs,
        closely=measured.closely,
        most=first["limits"]["element"],
        oracle=_oracle(measured.oracle),
        opinion=_opinion(measured.gradcheck),
        reasons=[_reason(one) for one in measured.failing],
    )


def _row(measured: Measurements, verdict: VerdictOnGradient) -> Row:
    fact = measured.trial_facts(verdict["dtype"])["gradients"][verdict["gradient"]]
    return Row(
        gradient=verdict["gradient"],
        dtype=verdict["dtype"],
        outcome=verdict["outcome"],
        off_by=fact["manual"]["norm"],
        autograd=fact["autograd"]["norm"],
        chance=fact["limits"]["norm"],
        noise=fact["noise"],
        limit=verdict["limit"],
    )


def _oracle(told: WrittenOracle) -> Oracle:
    return Oracle(told["reason"], told["autograd"], told["difference"], told["uncertain"])


def _opinion(told: WrittenOpinion) -> Opinion:
    shapes = ", ".join(f"{name} {shape}" for name, shape in told["shapes"].items())
    return Opinion(told["refused"], told["objection"], told["fast"], shapes)


def _reason(failing: VerdictOnGradient) -> Reason:
    diagnosis = failing["diagnosis"] or {"name": None, "evidence": None}
    told = diagnosis["evidence"] == failing["reason"]
    return Reason(
        gradient=failing["gradient"],
        dtype=failing["dtype"],
        outcome=failing["outcome"],
        reason=failing["reason"],
        mistake=diagnosis["name"],
        evidence=None if told else diagnosis["evidence"],
    )
