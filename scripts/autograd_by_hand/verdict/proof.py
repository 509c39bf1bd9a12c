"""What the proven gradient of one run tells of autograd, and which arithmetic to refer to."""

from typing import Literal, TypedDict

from autograd_by_hand.core.messages import Message
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.storage.missing import Missing

ArithmeticName = Literal["ball arithmetic", "longdouble", "float64"]
BALLS: ArithmeticName = "ball arithmetic"
# How many numbers all runs together may take in ball arithmetic where nothing else speaks for it;
# a million are a second or two.
FEW = 1e6
# A reference is good enough if its own error is this small a part of what it is to measure.
PART = 1 / 16
ROUNDING = 64  # units roundoff; only an error of autograd beyond that has a cause to look for


def in_words(arithmetic: str) -> str:
    """The name of an arithmetic for a report."""
    return Message("ball arithmetic") if arithmetic == BALLS else arithmetic


class Fault(TypedDict):
    """The operation whose derivative in torch is off, and its error relative to the derivative."""

    operation: str
    error: float


class AutogradAgainstProof(TypedDict):
    """How far autograd's gradient is from the proven one, in float64.

    error: of the whole gradient, relative to its norm; 0 if autograd is within the bounds
    index: of the element that is off the most
    true, autograd: there
    undetermined: how many elements have no single derivative, being on a kink
    """

    error: float
    index: list[int]
    true: float
    autograd: float
    undetermined: int


class Proof(TypedDict):
    """What prove_reference writes: the trial's first run, in float64.

    reason: why there is no proven gradient, or null; the other entries then say nothing
    bits: the precision that was needed
    work: how many numbers were computed for one run
    kinks: by operation, how many of its derivatives have no single value
    longdouble: the greatest error of a reference in longdouble, as `error` is; null without one
    fault: the operation at fault, if autograd is off by more than rounding explains
    """

    reason: str | None
    bits: int
    work: float
    kinks: dict[str, int]
    longdouble: float | None
    gradients: dict[str, AutogradAgainstProof]
    fault: Fault | None


def without_proof(reason: str) -> Proof:
    """A proof that was not possible."""
    return {
        "reason": reason,
        "bits": 0,
        "work": 0.0,
        "kinks": {},
        "longdouble": None,
        "gradients": {},
        "fault": None,
    }


def greatest_error(proof: Proof | Missing) -> float | None:
    """How far autograd's gradients are from the proven ones; None if that settles nothing.

    It does not if autograd is off by more than rounding explains and no operation of torch's is
    found to be at fault: forward may then differentiate otherwise on purpose.
    """
    if isinstance(proof, Missing) or proof["reason"]:
        return None
    error = max(float(one["error"]) for one in proof["gradients"].values())
    return error if error <= ROUNDING * eps("float64") or proof["fault"] else None


def takes_balls(proof: Proof, dtype: str, runs: int) -> bool:
    """Whether the reference of a dtype is to be computed in ball arithmetic, run by run.

    It is if autograd's own rule is at fault, or if inputs are on a kink, where autograd's choice
    is one of many; and if it costs little and what is at hand otherwise is not precise enough.

    proof: as made, or as read from a file, where what is infinite or nan is text
    runs: how many there are
    """
    if proof["reason"]:
        return False
    error = max(float(one["error"]) for one in proof["gradients"].values())
    if any(one["undetermined"] for one in proof["gradients"].values()):
        return True
    if dtype == "float64" and proof["longdouble"] is not None:
        error = float(proof["longdouble"])
    if error <= PART * eps(dtype):
        return False
    return proof["fault"] is not None or proof["work"] * runs <= FEW
