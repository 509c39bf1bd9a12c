"""What the calls of the author's backward reveal besides the gradients."""

from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

from autograd_by_hand.experiment.autograd_use import AutogradUse


class LayoutFinding(TypedDict):
    """What a call gave with cotangents or inputs in another layout (`verdict.other_calls`).

    kind: a layout's, or "other inputs": no layout, but what a call after one on other inputs gave,
        for a gradient of which no two calls have the same bits
    apart: by tensor, how far the gradient is from that of the contiguous copy, relative to its norm
    refused: why there is no gradient, by tensor, although there is one of the contiguous copy
    """

    kind: str
    apart: Mapping[str, float | str]
    refused: dict[str, str]


class Calls(TypedDict):
    """What compute_manual writes for one dtype.

    second_call: what a second call on the same inputs gave, by tensor
    zero_cotangent: what dout = 0 gave on the first run, by tensor; empty if backward has no dout
    zero_share: its norm relative to that of the run's gradient, by tensor, where it is not zero
    changed_inputs: the inputs that backward changed in place
    refused: why there is no gradient, by tensor, and what backward gave unasked
    autograd: how backward uses autograd, if it does
    other_layouts: what differs with cotangents and inputs that are not contiguous, if anything
    kept_state: the gradients that other inputs in between have changed, if any
    """

    second_call: dict[str, str]
    zero_cotangent: dict[str, str]
    zero_share: NotRequired[Mapping[str, float | str]]
    changed_inputs: list[str]
    refused: dict[str, str]
    autograd: NotRequired[AutogradUse]
    other_layouts: NotRequired[list[LayoutFinding]]
    kept_state: NotRequired[list[str]]


class OfLayout(TypedDict):
    """The same for one tensor's gradient: it is refused, or as far apart as that."""

    kind: str
    apart: float
    refused: str | None


class CallsOfGradient(TypedDict):
    """The same for one tensor's gradient; `changed_inputs` concern every gradient."""

    refused: str | None
    second_call: str
    zero_cotangent: str
    zero_share: float
    changed_inputs: list[str]
    kept_state: bool
    layouts: list[OfLayout]


def calls_of(calls: Calls, name: str) -> CallsOfGradient:
    """Return what the calls of backward revealed about one tensor's gradient."""
    return {
        "refused": calls["refused"].get(name),
        "second_call": calls["second_call"][name],
        "zero_cotangent": calls["zero_cotangent"].get(name, "zero"),
        "zero_share": float(calls.get("zero_share", {}).get(name, 0)),
        "changed_inputs": calls["changed_inputs"],
        "kept_state": name in calls.get("kept_state", []),
        "layouts": [
            {
                "kind": one["kind"],
                "apart": float(one["apart"].get(name, 0)),
                "refused": one["refused"].get(name),
            }
            for one in calls.get("other_layouts", [])
            if name in one["apart"] or name in one["refused"]
        ],
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
