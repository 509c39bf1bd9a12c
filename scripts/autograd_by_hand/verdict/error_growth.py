"""What an error in float64 becomes in a coarser dtype: a mistake stays as it is, rounding grows.

Let r be how many times greater the noise of the coarser dtype is. An error of k times the noise of
float64 is k/r times the coarser noise if it stays the same, and about k times if it is rounding;
k/sqrt(r) lies between the two. An error that leaves more than half the digits right can be too
small for the coarser dtype to show it; it cannot be a blunder, and is not called one. Of code that
computes in a coarser dtype itself, float64 shows nothing so fine: there an error that is not seen
to grow is a mistake.
"""

from collections.abc import Mapping
from math import inf, isfinite, isnan, sqrt
from typing import Literal

from autograd_by_hand.floats.formats import precision
from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.normalized_error import MEASURES, Measure

Growth = Literal["stays", "grows", "hidden"]


def growth(formula: JudgedFacts, coarser: JudgedFacts | None) -> Growth:
    """Tell what a gradient's error, which exceeds the limit in float64, becomes in a coarser dtype.

    formula: the gradient's facts in float64
    coarser: those in a coarser dtype, as `next_coarser` finds them, or None
    returns: "stays", if it is the same there; "grows", if it grows with the noise; "hidden", if it
        is smaller than half the digits and the noise there
    """
    found = {
        _growth(formula, coarser, measure)
        for measure in MEASURES
        if _manual(formula, measure) > float(formula["limits"][measure])
    }
    order: tuple[Growth, ...] = ("stays", "grows", "hidden")
    return next(one for one in order if one in found)


def next_coarser(facts: Mapping[str, JudgedFacts]) -> JudgedFacts | None:
    """Return a gradient's facts in the finest arithmetic below that of float64's column, or None.

    facts: by dtype; if backward computes in a coarser dtype than its inputs', that one counts
    """
    bits = {dtype: precision(one.get("computes_in", dtype)) for dtype, one in facts.items()}
    finest = bits.get("float64", precision("float64"))
    below = [dtype for dtype in bits if bits[dtype] < finest]
    return facts[max(below, key=bits.__getitem__)] if below else None


def _growth(formula: JudgedFacts, coarser: JudgedFacts | None, measure: Measure) -> Growth:
    error, limit = _manual(formula, measure), float(formula["limits"][measure])
    if coarser:
        there, least = _manual(coarser, measure), error / sqrt(_ratio(formula, coarser))
        if there > max(float(coarser["limits"][measure]), least):
            return "grows"
    half_the_digits = 2.0 ** (precision("float64") / 2)
    is_small = "computes_in" not in formula and error <= limit * half_the_digits
    return "hidden" if is_small else "stays"


def _ratio(formula: JudgedFacts, coarser: JudgedFacts) -> float:
    """Return how many times greater the coarser noise is; 1 if either is zero or unknown."""
    own, other = float(formula["noise"]), float(coarser["noise"])
    return other / own if 0 < own < other and isfinite(other) else 1.0


def _manual(facts: JudgedFacts, measure: Measure) -> float:
    """Return the manual gradient's error in units of the noise; inf if it is not a number."""
    error = float(facts["manual"][measure])
    return inf if isnan(error) else error
