"""Whether a gradient is as near to the reference as a correct one."""

from math import isfinite, sqrt
from typing import cast

from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.normalized_error import MEASURES, Measure

WORST_FACTOR = 0.5  # the relative error of half the gradient; those of zero and twice it are 1


def within(facts: JudgedFacts) -> bool:
    """Return whether a gradient is as near to the reference as a correct one."""
    return is_near(facts, "norm") and is_near(facts, "element")


def is_near(facts: JudgedFacts, measure: Measure) -> bool:
    """Return whether one measure of the error is within its limit, or twice autograd's error.

    Twice autograd's error is no limit if autograd's own rule is at fault, not its rounding.
    """
    manual, autograd = float(facts["manual"][measure]), float(facts["autograd"][measure])
    limit = float(facts["limits"][measure])
    if not isfinite(autograd) or facts["autograd"]["fault"]:
        return manual <= limit
    return manual <= max(limit, 2 * autograd)


def repeats(facts: JudgedFacts) -> bool:
    """Return whether a second call gave the same gradient, up to what rounding explains.

    Both gradients must be as near to the reference as a correct one. If neither is, the formula is
    wrong, and the two are the same wrong gradient if they differ by no more than two roundings.
    """
    second = facts.get("second")
    if second is None:
        return True
    again = cast("JudgedFacts", {**facts, "manual": second["error"]})
    if within(facts) or within(again):
        return within(facts) and within(again)
    return all(
        float(second["apart"][measure]) <= sqrt(2) * float(facts["limits"][measure])
        for measure in MEASURES
    )


def autograd_is_off(facts: JudgedFacts) -> bool:
    """Return whether autograd's error exceeds the limit because a rule of its own is at fault."""
    autograd, limit = facts["autograd"], facts["limits"]
    return autograd["fault"] is not None and any(
        float(autograd[measure]) > float(limit[measure]) for measure in MEASURES
    )


def has_torchs_fault(facts: JudgedFacts) -> bool:
    """Return whether a gradient is autograd's up to rounding, where a rule of torch's is off."""
    apart = facts["autograd"].get("apart")
    return (
        apart is not None
        and autograd_is_off(facts)
        and all(
            float(apart[measure]) <= sqrt(2) * float(facts["limits"][measure])
            for measure in MEASURES
        )
    )


def unresolved(facts: JudgedFacts) -> bool:
    """Return whether half the gradient would be within the limit, as for a zero gradient."""
    return not detectable(facts) < WORST_FACTOR


def detectable(facts: JudgedFacts) -> float:
    """Return the least error of the whole gradient that is detected, as a fraction of its norm."""
    return float(facts["limits"]["norm"]) * float(facts["noise"]) + float(facts["jumps"])
