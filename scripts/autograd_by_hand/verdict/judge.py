"""Judge the manual gradient: one outcome for each gradient in each dtype, with its reason.

Errors are measured in units of the rounding noise that the gradient must have
(`verdict.rounding_noise`). The limit is the one for a correct gradient (`verdict.normalized_error`)
or twice autograd's own error, if that is greater and autograd is not proven to be at fault. The
formula is judged by its error in float64, whose noise is small compared with any mistake: it is
wrong if the error stays the same in a coarser dtype (`verdict.error_growth`). Otherwise every dtype
is judged by its own error. If half the gradient or twice the gradient would pass as well, the
outcome is unresolved, and never right.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NotRequired, TypedDict

from autograd_by_hand.core.element_index import index_in_brackets
from autograd_by_hand.core.messages import Message, clause
from autograd_by_hand.core.number_format import number
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.verdict.call_findings import (
    change_in_place,
    first_said,
    no_function_of_its_inputs,
    other_layout,
)
from autograd_by_hand.verdict.calls import Calls, CallsOfGradient
from autograd_by_hand.verdict.error_growth import growth
from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.normalized_error import MEASURES, Measure

NO_NUMBER = Message("an intermediate result overflows, or there is a division by zero")
WORST_FACTOR = 0.5  # the relative error of half the gradient; those of zero and twice it are 1

OUTCOMES = ("wrong", "imprecise", "unresolved", "right")  # the worst first


class Mistake(TypedDict):
    """What name_mistakes writes for a wrong gradient.

    format: the coarser dtype that backward computes in, if that is the only mistake
    """

    kind: str
    name: str
    evidence: str
    format: NotRequired[str]


class Diagnosis(TypedDict):
    """The mistake as a verdict names it."""

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
    """A verdict, with its gradient and dtype."""

    gradient: str
    dtype: str


def worst_outcome(verdicts: Sequence[Outcome]) -> str:
    """Return the worst outcome of several verdicts."""
    return min((verdict["outcome"] for verdict in verdicts), key=OUTCOMES.index)


def judge_gradient(
    dtype: str,
    facts: JudgedFacts,
    formula: JudgedFacts,
    coarser: JudgedFacts | None,
    calls: CallsOfGradient,
    mistake: Mistake | None,
    oracle: str | None,
) -> Verdict:
    """Judge one gradient in one dtype.

    facts, formula: the gradient's facts in this dtype and in float64, as score_errors wrote them
    coarser: those in the next coarser dtype than float64, or None
    calls: what the calls of backward revealed in this dtype
    mistake: what name_mistakes found, or None
    oracle: why autograd itself cannot be trusted, or None if it can
    """

    def verdict(outcome: str, reason: str, named: Mistake | Diagnosis | None = None) -> Verdict:
        diagnosis: Diagnosis | None = None
        if named:
            diagnosis = {"name": named["name"], "evidence": named["evidence"]}
        if outcome == "wrong" and (names := calls["changed_inputs"]):
            diagnosis, reason = _named(change_in_place(names)), first_said(names, reason)
        shown = detectable(facts)
        return {"outcome": outcome, "reason": reason, "limit": shown, "diagnosis": diagnosis}

    if calls["refused"]:
        sentence = clause(calls["refused"])
        name = Message("backward returns no usable gradient")
        return verdict("wrong", sentence, {"name": name, "evidence": sentence})
    if unlike := no_function_of_its_inputs(calls):
        return verdict("wrong", unlike[1], mistake or _named(unlike))
    if oracle and not formula["autograd"]["fault"]:
        return verdict("unresolved", clause(oracle))
    inside = mistake.get("format") if mistake else None  # coarser
    if lost := _lost(formula):
        if formula["autograd"]["lost"]:
            return verdict("unresolved", _neither(_of_formula(lost, dtype)))
        return verdict("wrong", _of_formula(lost, dtype), {"name": NO_NUMBER, "evidence": lost})
    becomes = None if within(formula) or inside else growth(formula, coarser)
    if becomes == "stays":
        return verdict("wrong", _of_formula(_off(formula), dtype), mistake)
    if layout := other_layout(calls, facts):
        return verdict("wrong", layout[1], _named(layout))
    if lost := _lost(facts):
        if facts["autograd"]["lost"]:
            return verdict("unresolved", _neither(lost))
        return verdict("imprecise", lost, {"name": NO_NUMBER, "evidence": lost})
    if not within(facts):
        hidden = becomes == "hidden" and dtype == "float64"
        seen = hidden or (inside and precision(inside) < precision(dtype))
        return verdict("imprecise", _imprecise(facts, hidden), mistake if seen else None)
    for measured, where in ((facts, dtype), (formula, "float64")):
        if unresolved(measured):
            return verdict("unresolved", _too_noisy(measured, where))
    return verdict("right", _near(facts))


def _named(found: tuple[str, str]) -> Diagnosis:
    """The diagnosis of a mistake, by its name and its evidence."""
    return {"name": found[0], "evidence": found[1]}


def wrong_and_right(facts: Mapping[str, JudgedFacts], calls: Calls) -> tuple[list[str], list[str]]:
    """Return the tensors whose formula is wrong, and those whose formula is right or not judged.

    A refused gradient is in neither list. If a second call differs, the formula is not judged.

    facts: in float64, by gradient
    calls: in float64, as compute_manual writes them
    """
    given = [name for name in calls["second_call"] if name not in calls["refused"]]
    wrong = [
        name
        for name in given
        if calls["second_call"][name] == "same bits" and not within(facts[f"d{name}"])
    ]
    return wrong, [name for name in given if name not in wrong]


def within(facts: JudgedFacts) -> bool:
    """Return whether a gradient is as near to the reference as a correct one."""
    return _is_near(facts, "norm") and _is_near(facts, "element")


def _is_near(facts: JudgedFacts, measure: Measure) -> bool:
    """Return whether one measure of the error is within its limit, or twice autograd's error.

    Twice autograd's error is no limit if autograd's own rule is at fault, not its rounding.
    """
    manual, autograd = float(facts["manual"][measure]), float(facts["autograd"][measure])
    limit = float(facts["limits"][measure])
    if not isfinite(autograd) or facts["autograd"]["fault"]:
        return manual <= limit
    return manual <= max(limit, 2 * autograd)


def autograd_is_off(facts: JudgedFacts) -> bool:
    """Return whether autograd's error exceeds the limit because a rule of its own is at fault."""
    autograd, limit = facts["autograd"], facts["limits"]
    return autograd["fault"] is not None and any(
        float(autograd[measure]) > float(limit[measure]) for measure in MEASURES
    )


def unresolved(facts: JudgedFacts) -> bool:
    """Return whether half the gradient would be within the limit, as for a zero gradient."""
    return not detectable(facts) < WORST_FACTOR


def detectable(facts: JudgedFacts) -> float:
    """Return the least error of the whole gradient that is detected, as a fraction of its norm."""
    return float(facts["limits"]["norm"]) * float(facts["noise"]) + float(facts["jumps"])


def _lost(facts: JudgedFacts) -> str:
    """Describe an element that is not finite although the true value is; "" if there is none."""
    lost = facts["non_finite"]
    if not (lost and lost["fits"]):
        return ""
    return Message(
        "{value} at index {index} of run {run}, where the dtype can hold the true value {true}",
        value=lost["value"],
        index=index_in_brackets(lost["index"], by_parts=facts.get("by_parts", False)),
        run=lost["run"],
        true=number(lost["reference"]),
    )


def _of_formula(finding: str, dtype: str) -> str:
    """Return a finding in float64, for a verdict on another dtype."""
    return finding if dtype == "float64" else Message("in float64 {told}", told=finding)


def _neither(lost: str) -> Message:
    return Message("{lost}; autograd has none there either", lost=lost)


def _off(facts: JudgedFacts) -> str:
    """Describe a gradient's error: by its norm, or at the element that exceeds the limit."""
    manual, autograd, most = facts["manual"], facts["autograd"], facts["limits"]
    measure: Measure = "element" if _is_near(facts, "norm") else "norm"
    off = Message("off by {times} times the rounding noise", times=number(manual[measure], 3))
    if "computes_in" in facts:
        off = Message("{off} of {format}", off=off, format=facts["computes_in"])
    if measure == "element":
        index = index_in_brackets(manual["index"], by_parts=facts.get("by_parts", False))
        off = Message(
            "{off} at {beyond} of {count} elements, the most at index {index} of run {run}",
            off=off,
            beyond=manual["beyond"],
            count=facts["judged"],
            index=index,
            run=manual["run"],
        )
    told = Message(
        "{off}; autograd is off by {autograd}; the limit is {most}",
        off=off,
        autograd=number(autograd[measure]),
        most=number(most[measure]),
    )
    if not autograd_is_off(facts):
        return told
    return Message("{told}; both are off: {fault}", told=told, fault=_fault(facts))


def _imprecise(facts: JudgedFacts, hidden: bool) -> Message:
    """Say how far off a gradient is; `hidden` if only float64 can show it."""
    off = _off(facts)
    if not hidden:
        return Message("the formula is right, but the gradient is {off}", off=off)
    digits = number(float(facts["manual"]["norm"]) * float(facts["noise"]))
    return Message("right to {digits} of its norm, but {off}", digits=digits, off=off)


def _near(facts: JudgedFacts) -> str:
    times = number(facts["manual"]["norm"])
    near = Message("{times} times the rounding noise from the reference", times=times)
    if "computes_in" in facts:
        near = Message(
            "{times} times the rounding noise of {format}, in which backward computes, from the "
            "reference",
            times=times,
            format=facts["computes_in"],
        )
    if autograd_is_off(facts):
        return Message(
            "{near}; autograd is off by {autograd}: {fault}",
            near=near,
            autograd=number(max(float(facts["autograd"][measure]) for measure in MEASURES)),
            fault=_fault(facts),
        )
    return Message("autograd's own bits, {near}", near=near) if facts["identical"] else near


def _fault(facts: JudgedFacts) -> Message:
    fault = facts["autograd"]["fault"]
    assert fault is not None
    return Message(
        "torch's derivative of {operation} is {error} of its size off",
        operation=fault["operation"],
        error=number(fault["error"]),
    )


def _too_noisy(facts: JudgedFacts, dtype: str) -> str:
    share = float(facts["noise"])
    if share == float("inf"):
        return Message("the true gradient is zero at these inputs, or the dtype cannot hold it")
    return Message(
        "rounding noise in {dtype} is {share} of the gradient at these inputs, so that half the "
        "gradient would pass",
        dtype=facts.get("computes_in", dtype),
        share=number(share),
    )
