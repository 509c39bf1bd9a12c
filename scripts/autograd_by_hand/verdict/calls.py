"""What the calls of the author's backward reveal besides the gradients."""

from collections.abc import Iterable
from typing import NotRequired, TypedDict

from autograd_by_hand.experiment.autograd_use import AutogradUse


class Calls(TypedDict):
    """What compute_manual writes for one dtype.

    second_call: what a second call on the same inputs gave, by tensor
    zero_cotangent: what dout = 0 gave on the first run, by tensor; empty if backward has no dout
    changed_inputs: the inputs that backward changed in place
    refused: why there is no gradient, by tensor, and what backward gave unasked
    autograd: how backward uses autograd, if it does
    """

    second_call: dict[str, str]
    zero_cotangent: dict[str, str]
    changed_inputs: list[str]
    refused: dict[str, str]
    autograd: NotRequired[AutogradUse]


class CallsOfGradient(TypedDict):
    """The same for one tensor's gradient."""

    refused: str | None
    second_call: str
    zero_cotangent: str


def calls_of(calls: Calls, name: str) -> CallsOfGradient:
    """Return what the calls of backward revealed about one tensor's gradient."""
    return {
        "refused": calls["refused"].get(name),
        "second_call": calls["second_call"][name],
        "zero_cotangent": calls["zero_cotangent"].get(name, "zero"),
    }


def autograd_use(calls: Iterable[Calls]) -> AutogradUse | None:
    """Return how backward uses autograd, all dtypes taken together; None if it never does."""
    every = [one.get("autograd") for one in calls]
    used = [one for one in every if one]
    if not used:
        return None
    return {
        "whole": all(one and one["whole"] for one in every),
        "gradients": list(dict.fromkeys(name for one in used for name in one["gradients"])),
        "nodes": sorted({name for one in used for name in one["nodes"]}),
        "lines": sorted({line for one in used for line in one["lines"]}),
    }
