"""Is the hand-derived gradient right? One outcome per gradient and format, each with its reason.

The unit is the rounding noise that the gradient must have (`verdict.rounding_noise`), the line is
how many noises a correct gradient may be off (`verdict.normalized_error`) or twice what autograd
itself is, if that is more. The formula is judged by its run in float64, whose noise is small beside
any mistake; a format by its own run. A format can tell nothing where half the gradient or twice the
gradient would pass too: there the outcome is unresolved, and never right.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Literal, NotRequired, TypedDict

from autograd_by_hand.core.messages import Message, clause
from autograd_by_hand.core.number_format import number
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.verdict.calls import Calls, CallsOfGradient
from autograd_by_hand.verdict.gradient_facts import JudgedFacts

NO_NUMBER = Message("an intermediate result overflows, or there is a division by zero")
WORST_FACTOR = 0.5  # what half the gradient is off, as a part of it: zero and twice are off by more

Measure = Literal["norm", "element"]
OUTCOMES = ("wrong", "imprecise", "unresolved", "right")  # the worst first


class Mistake(TypedDict):
    """What name_mistakes writes of a wrong gradient.

    format: the coarser format that backward computes in, if that is all that is wrong
    """

    kind: str
    name: str
    evidence: str
    format: NotRequired[str]


class Diagnosis(TypedDict):
    """The mistake as a verdict tells it."""

    name: str
    evidence: str


class Outcome(TypedDict):
    """Of a verdict, the outcome alone: one of OUTCOMES."""

    outcome: str


class Verdict(Outcome):
    """The verdict on one gradient in one format.

    limit: the least error that is seen, as a part of the gradient's norm
    """

    reason: str
    limit: float
    diagnosis: Diagnosis | None


class VerdictOnGradient(Verdict):
    """A verdict, and the gradient and format that it is on."""

    gradient: str
    dtype: str


def worst_outcome(verdicts: Sequence[Outcome]) -> str:
    """The outcome of all together."""
    return min((verdict["outcome"] for verdict in verdicts), key=OUTCOMES.index)


def judge_gradient(
    dtype: str,
    facts: JudgedFacts,
    formula: JudgedFacts,
    calls: CallsOfGradient,
    mistake: Mistake | None,
    oracle: str | None,
) -> Verdict:
    """The verdict on one gradient in one format.

    facts, formula: the gradient's facts in this format and in float64, as score_errors measured
    calls: of the gradient in this format
    mistake: what name_mistakes found, or None
    oracle: why autograd itself is not to be trusted, if it is not
    """

    def verdict(outcome: str, reason: str, named: Mistake | Diagnosis | None = None) -> Verdict:
        diagnosis: Diagnosis | None = None
        if named:
            diagnosis = {"name": named["name"], "evidence": named["evidence"]}
        shown = detectable(facts)
        return {"outcome": outcome, "reason": reason, "limit": shown, "diagnosis": diagnosis}

    if calls["refused"]:
        sentence = clause(calls["refused"])
        name = Message("backward returns no usable gradient")
        return verdict("wrong", sentence, {"name": name, "evidence": sentence})
    if calls["second_call"] != "same bits":
        second = calls["second_call"]
        reason = Message("a second call on the same inputs gave {second}", second=second)
        return verdict("wrong", reason, mistake)
    if calls["zero_cotangent"] not in ("zero", "inf or nan"):
        given = calls["zero_cotangent"]
        reason = Message("for a cotangent of zeros it gives {given}", given=given)
        name = Message("a term is not multiplied by the cotangent")
        return verdict("wrong", reason, mistake or {"name": name, "evidence": reason})
    if oracle:
        return verdict("unresolved", clause(oracle))
    inside = mistake.get("format") if mistake else None  # coarser
    if lost := _lost(formula):
        if formula["autograd"]["lost"]:
            return verdict("unresolved", _neither(_of_formula(lost, dtype)))
        return verdict("wrong", _of_formula(lost, dtype), {"name": NO_NUMBER, "evidence": lost})
    if not (within(formula) or inside):
        return verdict("wrong", _of_formula(_off(formula), dtype), mistake)
    if lost := _lost(facts):
        if facts["autograd"]["lost"]:
            return verdict("unresolved", _neither(lost))
        return verdict("imprecise", lost, {"name": NO_NUMBER, "evidence": lost})
    if not within(facts):
        reason = Message("the formula is right, but the gradient is {off}", off=_off(facts))
        named = mistake if inside and precision(inside) < precision(dtype) else None
        return verdict("imprecise", reason, named)
    for told, where in ((facts, dtype), (formula, "float64")):
        if unresolved(told):
            return verdict("unresolved", _cannot_tell(told, where))
    return verdict("right", _near(facts))


def wrong_and_right(facts: Mapping[str, JudgedFacts], calls: Calls) -> tuple[list[str], list[str]]:
    """The tensors whose formula is wrong, and those for which it is right or not judged.

    facts, calls: of float64, by gradient, and as compute_manual writes them

    A gradient that is refused is in neither; a second call that differs is no matter of a formula.
    """
    given = [name for name in calls["second_call"] if name not in calls["refused"]]
    wrong = [
        name
        for name in given
        if calls["second_call"][name] == "same bits" and not within(facts[f"d{name}"])
    ]
    return wrong, [name for name in given if name not in wrong]


def within(facts: JudgedFacts) -> bool:
    """Whether a gradient is as near the reference as a correct one."""
    return _is_near(facts, "norm") and _is_near(facts, "element")


def _is_near(facts: JudgedFacts, measure: Measure) -> bool:
    """Whether one measure of the error is what may be chance, or twice autograd's own."""
    manual, autograd = float(facts["manual"][measure]), float(facts["autograd"][measure])
    chance = float(facts["limits"][measure])
    return manual <= (max(chance, 2 * autograd) if isfinite(autograd) else chance)


def unresolved(facts: JudgedFacts) -> bool:
    """Whether half the gradient would be within the limit, or there is none to compare with."""
    return not detectable(facts) < WORST_FACTOR


def detectable(facts: JudgedFacts) -> float:
    """The least error of the whole gradient that is seen, as a part of its norm."""
    return float(facts["limits"]["norm"]) * float(facts["noise"])


def _lost(facts: JudgedFacts) -> str:
    """Where an element is no number though the true one is, in words; "" if none is."""
    lost = facts["non_finite"]
    if not (lost and lost["fits"]):
        return ""
    return Message(
        "{value} at index {index} of run {run}, where the dtype can hold the true value {true}",
        value=lost["value"],
        index=str(tuple(lost["index"])),
        run=lost["run"],
        true=number(lost["reference"]),
    )


def _of_formula(told: str, dtype: str) -> str:
    """What is so in float64, in a verdict on another format."""
    return told if dtype == "float64" else Message("in float64 {told}", told=told)


def _neither(lost: str) -> Message:
    return Message("{lost}; autograd has none there either", lost=lost)


def _off(facts: JudgedFacts) -> str:
    """How far a gradient is off, in words: by its norm, or where an element is."""
    manual, autograd, most = facts["manual"], facts["autograd"], facts["limits"]
    measure: Measure = "element" if _is_near(facts, "norm") else "norm"
    off = Message("off by {times} times the rounding noise", times=number(manual[measure], 3))
    if measure == "element":
        index, run = str(tuple(manual["index"])), manual["run"]
        off = Message("{off} at index {index} of run {run}", off=off, index=index, run=run)
    return Message(
        "{off}; autograd is off by {autograd}; the limit is {most}",
        off=off,
        autograd=number(autograd[measure]),
        most=number(most[measure]),
    )


def _near(facts: JudgedFacts) -> str:
    times = number(facts["manual"]["norm"])
    near = Message("{times} times the rounding noise from the reference", times=times)
    return Message("autograd's own bits, {near}", near=near) if facts["identical"] else near


def _cannot_tell(facts: JudgedFacts, dtype: str) -> str:
    share = float(facts["noise"])
    if share == float("inf"):
        return Message("the true gradient is zero at these inputs, or the dtype cannot hold it")
    return Message(
        "rounding noise in {dtype} is {share} of the gradient at these inputs, so that half the "
        "gradient would pass",
        dtype=dtype,
        share=number(share),
    )
