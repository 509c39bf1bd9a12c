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
from typing import NotRequired, TypedDict

from autograd_by_hand.core.messages import Message, clause
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.verdict.call_findings import (
    change_in_place,
    first_said,
    no_function_of_its_inputs,
    not_reproducible,
    other_layout,
)
from autograd_by_hand.verdict.calls import Calls, CallsOfGradient
from autograd_by_hand.verdict.error_growth import growth
from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.reasons import (
    imprecise_by,
    lost_element,
    near_by,
    neither,
    of_formula,
    off_by,
    right_to,
    too_noisy,
)
from autograd_by_hand.verdict.within_limits import detectable, repeats, unresolved, within

NO_NUMBER = Message("an intermediate result overflows, or there is a division by zero")
ROUNDED = "rounded constant"  # the outcome
OUTCOMES = ("wrong", "imprecise", "unresolved", ROUNDED, "right")  # the worst first


class Mistake(TypedDict):
    """What name_mistakes writes for a wrong gradient.

    format: the coarser dtype that backward computes in, if that is the only mistake
    digits: how many digits the constants of backward have, if rounded ones are the only mistake
    """

    kind: str
    name: str
    evidence: str
    format: NotRequired[str]
    digits: NotRequired[int]


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
    calls_differ: by how much two calls on the same inputs differ, if they do
    digits: how many digits the constants have, if the outcome is ROUNDED
    """

    reason: str
    limit: float
    diagnosis: Diagnosis | None
    calls_differ: NotRequired[str]
    digits: NotRequired[int]


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
        judged: Verdict = {
            "outcome": outcome,
            "reason": reason,
            "limit": shown,
            "diagnosis": diagnosis,
        }
        if outcome == ROUNDED and mistake:
            judged["digits"] = mistake["digits"]
        if apart and outcome == "right":
            judged["reason"] = Message(
                "not reproducible: {apart}; {reason}", apart=apart, reason=reason
            )
        return judged | {"calls_differ": apart} if apart else judged

    apart = not_reproducible(calls, facts)
    if calls["refused"]:
        sentence = clause(calls["refused"])
        name = Message("backward returns no usable gradient")
        return verdict("wrong", sentence, {"name": name, "evidence": sentence})
    if unlike := no_function_of_its_inputs(calls, facts, formula):
        return verdict("wrong", unlike[1], mistake or _named(unlike))
    if oracle:
        return verdict("unresolved", clause(oracle))
    inside = mistake.get("format") if mistake else None  # coarser
    if lost := lost_element(formula):
        if _lost_by_both(formula):
            return verdict("unresolved", neither(of_formula(lost, dtype)))
        return verdict("wrong", of_formula(lost, dtype), {"name": NO_NUMBER, "evidence": lost})
    becomes = None if within(formula) or inside else growth(formula, coarser)
    if becomes == "stays":
        return verdict("wrong", of_formula(off_by(formula), dtype), mistake)
    if layout := other_layout(calls, facts):
        return verdict("wrong", layout[1], _named(layout))
    if lost := lost_element(facts):
        if _lost_by_both(facts):
            return verdict("unresolved", neither(lost))
        return verdict("imprecise", lost, {"name": NO_NUMBER, "evidence": lost})
    if not within(facts):
        hidden = becomes == "hidden" and dtype == "float64"
        seen = hidden or (inside and precision(inside) < precision(dtype))
        return verdict(*_beyond_limit(facts, mistake if seen else None, hidden))
    for measured, where in ((facts, dtype), (formula, "float64")):
        if unresolved(measured):
            return verdict("unresolved", too_noisy(measured, where))
    return verdict("right", near_by(facts))


def _lost_by_both(facts: JudgedFacts) -> bool:
    """Whether autograd has none of the numbers that the manual gradient has lost."""
    return facts["autograd"]["lost"] and "lost_alone" not in facts


def _beyond_limit(
    facts: JudgedFacts, mistake: Mistake | None, hidden: bool
) -> tuple[str, str, Mistake | None]:
    """Return the outcome, reason and diagnosis where an error exceeds the limit and is no blunder.

    mistake: what was found, if it is to be told
    hidden: whether only float64 can show the error
    """
    if hidden and mistake and "digits" in mistake:
        return ROUNDED, right_to(facts, mistake["name"]), None
    return "imprecise", imprecise_by(facts, hidden), mistake


def _named(found: tuple[str, str]) -> Diagnosis:
    """The diagnosis of a mistake, by its name and its evidence."""
    return {"name": found[0], "evidence": found[1]}


def is_repeated(calls: Calls, facts: Mapping[str, JudgedFacts], name: str) -> bool:
    """Return whether a second call gave a tensor's gradient again, up to rounding.

    calls, facts: in one dtype, the facts by gradient
    """
    if calls["second_call"][name] == "same bits":
        return True
    return "second" in facts[f"d{name}"] and repeats(facts[f"d{name}"])


def wrong_and_right(facts: Mapping[str, JudgedFacts], calls: Calls) -> tuple[list[str], list[str]]:
    """Return the tensors whose formula is wrong, and those whose formula is right or not judged.

    A refused gradient is in neither list. If a second call differs by more than rounding, the
    formula is not judged.

    facts: in float64, by gradient
    calls: in float64, as compute_manual writes them
    """
    given = [name for name in calls["second_call"] if name not in calls["refused"]]
    wrong = [
        name for name in given if is_repeated(calls, facts, name) and not within(facts[f"d{name}"])
    ]
    return wrong, [name for name in given if name not in wrong]
