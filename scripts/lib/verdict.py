"""Is the hand-derived gradient right? One outcome per gradient and format, each with its reason.

The line between a wrong formula and rounding is half of the digits of the format, sqrt(eps): a
formula that is wrong is off in the first digits, rounding is in the last, and nothing is tuned
between them. It is normwise, so single small elements go unjudged; and where autograd itself keeps
fewer than half of its digits, the format cannot tell and the outcome is unresolved.
"""

from typing import Any

from scripts.lib.formats import eps
from scripts.lib.numbers import number
from scripts.lib.patterns import name_of


def judge_gradient(
    dtype: str,
    facts: dict[str, Any],
    manual_error: float,
    autograd_error: float,
    second_call: str,
    right_in_widest: bool,
) -> dict[str, Any]:
    """The verdict on one gradient in one format.

    facts: its facts as score_errors measured them
    manual_error, autograd_error: greatest normwise distance from the reference, over the runs
    second_call: what calling backward again gave ("same bits" if all is well)
    right_in_widest: whether the gradient is right in the widest format tried
    returns: outcome (right, wrong, imprecise, unresolved), reason, and diagnosis (name, evidence)
    """
    limit = eps(dtype) ** 0.5
    lost = facts["non_finite"]
    if second_call != "same bits":
        name = (
            "backward adds to what an earlier call left"
            if second_call == "twice the first"
            else "backward is not a function of its inputs"
        )
        evidence = f"a second call on the same inputs gave {second_call}"
        return _verdict("wrong", evidence, name, evidence)
    if lost and lost["fits"]:
        where = f"{lost['value']} at index {tuple(lost['index'])} of run {lost['run']}"
        reason = f"{where}, where the true value is a number of the format"
        return _verdict("wrong" if not right_in_widest else "imprecise", reason, "overflow", reason)
    if facts["identical"] and autograd_error <= limit:
        return _verdict("right", "autograd's own bits")
    if manual_error <= limit:
        return _verdict("right", f"{number(manual_error)} from the reference")
    if facts["ratio"] is not None:
        evidence = f"every element is {facts['ratio']:.6g} times the true one"
        return _verdict("wrong", evidence, name_of(facts["ratio"], second_call), evidence)
    if autograd_error > limit:
        return _verdict(
            "unresolved",
            f"autograd itself is {number(autograd_error)} of the norm from the reference",
        )
    reason = (
        f"{number(manual_error)} of the norm from the reference, autograd {number(autograd_error)}"
    )
    return _verdict("imprecise" if right_in_widest else "wrong", reason)


def _verdict(
    outcome: str, reason: str, name: str | None = None, evidence: str | None = None
) -> dict[str, Any]:
    diagnosis = None if name is None else {"name": name, "evidence": evidence}
    return {"outcome": outcome, "reason": reason, "diagnosis": diagnosis}
