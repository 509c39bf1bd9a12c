"""What a backward does wrong that its numbers alone do not show: its effects, and its layouts."""

from math import inf, isfinite, sqrt

from autograd_by_hand.core.messages import Message, clause, joined
from autograd_by_hand.core.number_format import number
from autograd_by_hand.verdict.calls import CallsOfGradient, OfLayout
from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.within_limits import repeats

Named = tuple[Message, Message]  # the likeliest mistake, and the reason or the evidence

STATEFUL = Message("backward is not a function of its inputs: it keeps a state, or draws at random")
KEPT = Message("backward keeps what an earlier call computed from other inputs")


def change_in_place(names: list[str]) -> Named:
    """The mistake of changing arguments in place, and how to mend it.

    names: of the arguments, at least one
    """
    changed = ", ".join(f"`{name}`" for name in names)
    return (
        Message("backward changes its argument {names} in place", names=changed),
        Message(
            "autograd does not copy what it hands over, so others find the changed numbers; work "
            "on a copy, `{name}.clone()`",
            name=names[0],
        ),
    )


def first_said(names: list[str], reason: str) -> Message:
    """The reason of a wrong gradient, after the arguments that backward changes in place."""
    return joined("; ", [change_in_place(names)[0], reason])


def no_function_of_its_inputs(
    calls: CallsOfGradient, facts: JudgedFacts, formula: JudgedFacts
) -> Named | None:
    """What shows that a gradient is no linear function of the cotangent, or none of its inputs.

    A second call that differs by rounding shows nothing: its sums are added in another order.
    Nor does what a cotangent of zeros gives if it is small: an algorithm that computes several
    things at once, such as the transform of a complex number's two parts, leaves rounding errors of
    one in the other. They are a part of the gradient's error, and judged by it.

    facts, formula: in the dtype of the calls, and in float64
    """
    if calls["second_call"] != "same bits" and not (repeats(facts) and "second" in facts):
        return (
            STATEFUL,
            Message("a second call on the same inputs gave {second}", second=calls["second_call"]),
        )
    if not repeats(formula):
        return (
            STATEFUL,
            Message("in float64 a second call on the same inputs gave another gradient"),
        )
    if calls["kept_state"]:
        return (
            KEPT,
            Message("after a call on other inputs, the same inputs gave other bits"),
        )
    if calls["zero_cotangent"] not in ("zero", "inf or nan") and not _is_rounding(calls, facts):
        return (
            Message("a term is not multiplied by the cotangent"),
            Message("for a cotangent of zeros it gives {given}", given=calls["zero_cotangent"]),
        )
    return None


def _is_rounding(calls: CallsOfGradient, facts: JudgedFacts) -> bool:
    """Whether what a cotangent of zeros gives may be left to the measure of the errors."""
    return isfinite(calls["zero_share"]) and calls["zero_share"] <= _half_the_digits(facts)


def _half_the_digits(facts: JudgedFacts) -> float:
    """The part of a gradient's norm that leaves half the digits that rounding leaves."""
    noise, off = float(facts["noise"]), float(facts["manual"]["norm"])
    rounding = noise * max(off, float(facts["limits"]["norm"]))
    return sqrt(rounding) if isfinite(rounding) else inf


def not_reproducible(calls: CallsOfGradient, facts: JudgedFacts) -> Message | None:
    """Say by how much two calls on the same inputs differ, None if they give the same bits."""
    second = facts.get("second")
    if calls["second_call"] == "same bits" or second is None:
        return None
    words = {
        "ulps": f"{float(second['ulps']):.3g}",
        "unequal": second["unequal"],
        "count": facts["elements"],
    }
    if second["ulps"] == 1:
        return Message("two calls differ by {ulps} ulp in {unequal} of {count} elements", **words)
    return Message(
        "two calls differ by up to {ulps} ulps in {unequal} of {count} elements", **words
    )


def other_layout(calls: CallsOfGradient, facts: JudgedFacts) -> Named | None:
    """The first layout of cotangents or inputs, or later call, that gives another gradient.

    Two gradients agree if half of the digits agree that rounding leaves, which a kernel that adds
    in another order does by far; what is read at the wrong index disagrees in the first digit. Of a
    gradient that is nothing but rounding noise, no digit is left to agree.
    """
    most = _half_the_digits(facts)
    for one in calls["layouts"]:
        if one["refused"] or one["apart"] > most:
            return _mistake(one["kind"]), _reason(one)
    return None


def _mistake(kind: str) -> Message:
    if kind == "other inputs":
        return KEPT
    if kind == "inputs":
        return Message(
            "backward takes its inputs for contiguous; it must call `.contiguous()` on them, or "
            "`.reshape` instead of `.view`"
        )
    return Message(
        "backward takes the cotangent for contiguous; it must call `.contiguous()` on it, or "
        "`.reshape` instead of `.view`"
    )


def _reason(found: OfLayout) -> Message:
    if found["kind"] == "other inputs":
        return Message(
            "after a call on other inputs, the gradient is off by {part} of its norm",
            part=number(found["apart"]),
        )
    what = (
        Message("backward fails: {sentence}", sentence=clause(found["refused"]))
        if found["refused"]
        else Message(
            "the gradient is off by {part} of its norm from that of a contiguous copy",
            part=number(found["apart"]),
        )
    )
    match found["kind"]:
        case "expanded":
            return Message(
                "with a cotangent of stride 0, as y.sum().backward() gives, {what}", what=what
            )
        case "transposed":
            return Message("with a transposed cotangent, {what}", what=what)
        case "gaps":
            return Message(
                "with a cotangent that is a part of a larger tensor, as torch.stack and torch.cat "
                "give, {what}",
                what=what,
            )
        case _:
            return Message("with inputs that are not contiguous, {what}", what=what)
