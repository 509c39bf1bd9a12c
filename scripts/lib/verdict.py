"""Is the hand-derived gradient right? One outcome per gradient and format, each with its reason.

The unit is the rounding noise that the gradient must have (scripts/lib/noise.py), the line is how
many noises a correct gradient may be off (scripts/lib/noises.py) or twice what autograd itself is,
if that is more. The formula is judged by its run in float64, whose noise is small beside any
mistake; a format by its own run. A format can tell nothing where half the gradient or twice the
gradient would pass too: there the outcome is unresolved, and never right.
"""

from math import isfinite
from typing import Any

from scripts.lib.formats import precision
from scripts.lib.numbers import number

UNKNOWN = "no known mistake gives these values"  # the name of a mistake that has none
NO_NUMBER = "something on the way overflows, or is divided by zero"
WORST_FACTOR = 0.5  # what half the gradient is off, as a part of it: zero and twice are off by more

OUTCOMES = ("wrong", "imprecise", "unresolved", "right")  # the worst first


def worst_outcome(verdicts: list[dict[str, Any]]) -> str:
    """The outcome of all together."""
    return min((str(verdict["outcome"]) for verdict in verdicts), key=OUTCOMES.index)


def judge_gradient(
    dtype: str,
    facts: dict[str, Any],
    formula: dict[str, Any],
    calls: dict[str, Any],
    mistake: dict[str, Any] | None,
    oracle: str | None,
) -> dict[str, Any]:
    """The verdict on one gradient in one format.

    facts, formula: the gradient's facts in this format and in float64, as score_errors measured
    calls: `second_call`, `zero_cotangent` and `refused` of the gradient in this format
    mistake: what name_mistakes found (kind, name, evidence), or None
    oracle: why autograd itself is not to be trusted, if it is not
    returns: outcome (right, wrong, imprecise, unresolved), reason, limit (the least error that is
        seen, as a part of the gradient's norm), and diagnosis (name, evidence) or None
    """

    def verdict(outcome: str, reason: str, named: dict[str, Any] | None = None) -> dict[str, Any]:
        diagnosis = named and {key: named[key] for key in ("name", "evidence")}
        shown = detectable(facts)
        return {"outcome": outcome, "reason": reason, "limit": shown, "diagnosis": diagnosis}

    if calls["refused"]:
        sentence = calls["refused"].rstrip(".")
        name = "backward gives nothing that can be this gradient"
        return verdict("wrong", sentence, {"name": name, "evidence": sentence})
    if calls["second_call"] != "same bits":
        reason = f"a second call on the same inputs gave {calls['second_call']}"
        return verdict("wrong", reason, mistake)
    if calls["zero_cotangent"] not in ("zero", "no numbers"):
        reason = f"for a cotangent of zeros it gives {calls['zero_cotangent']}"
        name = "a term is not multiplied by the cotangent"
        return verdict("wrong", reason, mistake or {"name": name, "evidence": reason})
    if oracle:
        return verdict("unresolved", oracle.rstrip("."))
    inside = (mistake or {}).get("format")  # a coarser format that backward computes in
    where = "" if dtype == "float64" else "in float64 "
    if lost := _lost(formula):
        if formula["autograd"]["lost"]:
            return verdict("unresolved", f"{where}{lost}; autograd has none there either")
        return verdict("wrong", where + lost, {"name": NO_NUMBER, "evidence": lost})
    if not (within(formula) or inside):
        return verdict("wrong", where + _off(formula), mistake)
    if lost := _lost(facts):
        if facts["autograd"]["lost"]:
            return verdict("unresolved", f"{lost}; autograd has none there either")
        return verdict("imprecise", lost, {"name": NO_NUMBER, "evidence": lost})
    if not within(facts):
        reason = f"the formula is right, but the gradient is {_off(facts)}"
        named = mistake if inside and precision(inside) < precision(dtype) else None
        return verdict("imprecise", reason, named)
    for told, where in ((facts, dtype), (formula, "float64")):
        if unresolved(told):
            return verdict("unresolved", _cannot_tell(told, where))
    bits = "autograd's own bits, " if facts["identical"] else ""
    return verdict("right", bits + _near(facts))


def calls_of(calls: dict[str, Any], name: str) -> dict[str, Any]:
    """What the calls of backward showed of one tensor's gradient, in what compute_manual writes."""
    return {
        "refused": calls["refused"].get(name),
        "second_call": calls["second_call"][name],
        "zero_cotangent": calls["zero_cotangent"].get(name, "zero"),
    }


def within(facts: dict[str, Any]) -> bool:
    """Whether a gradient is as near the reference as a correct one."""
    return all(_is_near(facts, measure) for measure in ("norm", "element"))


def _is_near(facts: dict[str, Any], measure: str) -> bool:
    """Whether one measure of the error is what may be chance, or twice autograd's own."""
    manual, autograd = (float(facts[whose][measure]) for whose in ("manual", "autograd"))
    chance = float(facts["limits"][measure])
    return manual <= (max(chance, 2 * autograd) if isfinite(autograd) else chance)


def unresolved(facts: dict[str, Any]) -> bool:
    """Whether half the gradient would be within the limit, or there is none to compare with."""
    return not detectable(facts) < WORST_FACTOR


def detectable(facts: dict[str, Any]) -> float:
    """The least error of the whole gradient that is seen, as a part of its norm."""
    return float(facts["limits"]["norm"]) * float(facts["noise"])


def _lost(facts: dict[str, Any]) -> str:
    """Where an element is no number though the true one is, in words; "" if none is."""
    lost = facts["non_finite"]
    if not (lost and lost["fits"]):
        return ""
    where = f"{lost['value']} at index {tuple(lost['index'])} of run {lost['run']}"
    return f"{where}, where the true value {number(lost['reference'])} is one of the format"


def _off(facts: dict[str, Any]) -> str:
    """How far a gradient is off, in words: by its norm, or where an element is."""
    manual, autograd, most = facts["manual"], facts["autograd"], facts["limits"]
    measure = "element" if _is_near(facts, "norm") else "norm"
    where = f" at index {tuple(manual['index'])} of run {manual['run']}" * (measure == "element")
    return (
        f"off by {number(manual[measure], 3)} times the rounding noise{where}; "
        f"autograd is by {number(autograd[measure])}, and {number(most[measure])} may be chance"
    )


def _near(facts: dict[str, Any]) -> str:
    return f"{number(facts['manual']['norm'])} times the rounding noise from the reference"


def _cannot_tell(facts: dict[str, Any], dtype: str) -> str:
    share = float(facts["noise"])
    if share == float("inf"):
        return "the true gradient is zero at these inputs, or no number of the format"
    return (
        f"rounding noise in {dtype} is {number(share)} of the gradient at these inputs, so that "
        "half the gradient would pass"
    )
