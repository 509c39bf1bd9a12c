"""The verdicts: the error of each gradient, its limit, and the checks by other methods."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.storage.second_opinions import Opinion as WrittenOpinion
from autograd_by_hand.storage.second_opinions import Oracle as WrittenOracle
from autograd_by_hand.verdict.judge import VerdictOnGradient


@dataclass(frozen=True)
class Row:
    """A gradient in a dtype.

    off_by, autograd, chance: the manual error of the whole gradient, autograd's, and the limit, in
        units of the rounding noise
    noise, limit: the noise and the least error that would be detected, as fractions of the
        gradient's norm
    steady: whether two calls on the same inputs give the same bits
    """

    gradient: str
    dtype: str
    outcome: str
    off_by: Figure
    autograd: Figure
    chance: Figure
    noise: Figure
    limit: Figure
    steady: bool


@dataclass(frozen=True)
class Oracle:
    """Autograd's derivative along a direction, and the same by finite differences.

    reason: why autograd is in doubt, None if it is not
    proven: where the two disagree, how far autograd is from the proven gradient, else None
    """

    reason: str | None
    proven: float | None
    autograd: Figure
    difference: Figure
    uncertain: Figure


@dataclass(frozen=True)
class Opinion:
    """The result of gradcheck.

    fast: whether it compared random projections instead of every element
    """

    refused: str | None
    objection: str | None
    fast: bool


@dataclass(frozen=True)
class Reason:
    """Why a gradient is not right.

    mistake, evidence: the likeliest mistake, None if none is named; the evidence is also None if
        it is the reason
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
    closely: how many runs are fully analysed
    most: the limit on the error of a single element, in units of the rounding noise
    oracle, opinion, mistakes: the last is None unless it is missing
    """

    rows: list[Row]
    right: int
    runs: int
    closely: int
    most: Figure
    oracle: Oracle | Missing
    opinion: Opinion | Missing
    mistakes: Missing | None
    reasons: list[Reason]


def verdict_of(measured: Measurements) -> Verdict:
    """Return the verdicts, and the reasons for those that are not right."""
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
        mistakes=next((one for one in measured.missing if one.stage == "name_mistakes"), None),
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
        steady="calls_differ" not in verdict,
    )


def _oracle(told: WrittenOracle | Missing) -> Oracle | Missing:
    if isinstance(told, Missing):
        return told
    return Oracle(
        told["reason"], told["proven"], told["autograd"], told["difference"], told["uncertain"]
    )


def _opinion(told: WrittenOpinion | Missing) -> Opinion | Missing:
    if isinstance(told, Missing):
        return told
    return Opinion(told["refused"], told["objection"], told["fast"])


def _reason(failing: VerdictOnGradient) -> Reason:
    diagnosis = failing["diagnosis"] or {"name": None, "evidence": None}
    is_reason = diagnosis["evidence"] == failing["reason"]
    return Reason(
        gradient=failing["gradient"],
        dtype=failing["dtype"],
        outcome=failing["outcome"],
        reason=failing["reason"],
        mistake=diagnosis["name"],
        evidence=None if is_reason else diagnosis["evidence"],
    )
