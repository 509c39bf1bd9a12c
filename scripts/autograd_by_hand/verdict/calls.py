"""What the calls of the author's backward reveal besides the gradients."""

from typing import TypedDict


class Calls(TypedDict):
    """What compute_manual writes for one dtype.

    second_call: what a second call on the same inputs gave, by tensor
    zero_cotangent: what dout = 0 gave on the first run, by tensor; empty if backward has no dout
    changed_inputs: the inputs that backward changed in place
    refused: why there is no gradient, by tensor, and what backward gave unasked
    """

    second_call: dict[str, str]
    zero_cotangent: dict[str, str]
    changed_inputs: list[str]
    refused: dict[str, str]


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
