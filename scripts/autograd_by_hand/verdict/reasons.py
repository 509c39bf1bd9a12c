"""The reason of a verdict in words."""

from autograd_by_hand.core.element_index import index_in_brackets
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.normalized_error import MEASURES, Measure
from autograd_by_hand.verdict.proof import Fault
from autograd_by_hand.verdict.within_limits import autograd_is_off, is_near


def lost_element(facts: JudgedFacts) -> str:
    """Describe an element that is not finite although the true value is; "" if there is none.

    If autograd has lost some of them as well, it is one that only the manual gradient has lost.
    """
    lost = facts.get("lost_alone", facts["non_finite"])
    if not (lost and lost["fits"]):
        return ""
    return Message(
        "{value} at index {index} of run {run}, where the dtype can hold the true value {true}",
        value=lost["value"],
        index=index_in_brackets(lost["index"], by_parts=facts.get("by_parts", False)),
        run=lost["run"],
        true=number(lost["reference"]),
    )


def of_formula(finding: str, dtype: str) -> str:
    """Return a finding in float64, for a verdict on another dtype."""
    return finding if dtype == "float64" else Message("in float64 {told}", told=finding)


def neither(lost: str) -> Message:
    """Say of a lost element that autograd has lost it as well."""
    return Message("{lost}; autograd has none there either", lost=lost)


def off_by(facts: JudgedFacts) -> str:
    """Describe a gradient's error: by its norm, or at the element that exceeds the limit."""
    manual, autograd, most = facts["manual"], facts["autograd"], facts["limits"]
    measure: Measure = "element" if is_near(facts, "norm") else "norm"
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
    fault = facts["autograd"]["fault"]
    if fault and autograd_is_off(facts):
        return Message("{told}; both are off: {fault}", told=told, fault=of_torch(fault))
    return told


def imprecise_by(facts: JudgedFacts, hidden: bool) -> Message:
    """Say how far off a gradient is; `hidden` if only float64 can show it."""
    off = off_by(facts)
    if not hidden:
        return Message("the formula is right, but the gradient is {off}", off=off)
    digits = number(float(facts["manual"]["norm"]) * float(facts["noise"]))
    return Message("right to {digits} of its norm, but {off}", digits=digits, off=off)


def right_to(facts: JudgedFacts, why: str) -> Message:
    """Say to which part of its norm a gradient is right, and why it is not to all digits."""
    part = number(float(facts["manual"]["norm"]) * float(facts["noise"]))
    return Message("right to {part}: {why}", part=part, why=why)


def near_by(facts: JudgedFacts) -> str:
    """Describe the error of a gradient that is right."""
    times = number(facts["manual"]["norm"])
    near = Message("{times} times the rounding noise from the reference", times=times)
    if "computes_in" in facts:
        near = Message(
            "{times} times the rounding noise of {format}, in which backward computes, from the "
            "reference",
            times=times,
            format=facts["computes_in"],
        )
    fault = facts["autograd"]["fault"]
    if fault and autograd_is_off(facts):
        return Message(
            "{near}; autograd is off by {autograd}: {fault}",
            near=near,
            autograd=number(max(float(facts["autograd"][measure]) for measure in MEASURES)),
            fault=of_torch(fault),
        )
    return Message("autograd's own bits, {near}", near=near) if facts["identical"] else near


def of_torch(fault: Fault) -> Message:
    """Describe a derivative of torch's own that is off."""
    return Message(
        "torch's derivative of {operation} is {error} of its size off",
        operation=fault["operation"],
        error=number(fault["error"]),
    )


def too_noisy(facts: JudgedFacts, dtype: str) -> str:
    """Say why nothing can be said of a gradient."""
    share = float(facts["noise"])
    if not facts["judged"]:
        return Message(
            "{dtype} cannot hold the true gradient, or its rounding errors make a plain program "
            "overflow or fail at these inputs",
            dtype=facts.get("computes_in", dtype),
        )
    if share == float("inf"):
        return Message("the true gradient is zero at these inputs")
    return Message(
        "rounding noise in {dtype} is {share} of the gradient at these inputs, so that half the "
        "gradient would pass",
        dtype=facts.get("computes_in", dtype),
        share=number(share),
    )
