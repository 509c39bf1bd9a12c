"""Detect a backward with the right formula that computes in a coarser dtype than its inputs'.

Its errors are rounding: either every value is representable in the coarser dtype, or the errors
change sign at random when the inputs move by a few of its ulps; those of a wrong formula do not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.mistake import Mistake
from autograd_by_hand.floats.formats import eps, precision
from autograd_by_hand.floats.rounding import rounded

Array = NDArray[Any]
COARSER = ("float32", "float16", "bfloat16")  # than float64, the finest first
MOVED_BY = 4  # ulps of the coarser dtype
# Signs that change at random agree in half of the errors; of 32, hardly ever in three quarters.
ENOUGH = 32
MOSTLY = 0.75


def coarser_format(
    manual: Array,
    error: Array,
    times_noise: float,
    limit: float,
    moved_errors: Callable[[float], Array],
    judged_as: str = "float64",
) -> tuple[str, Message] | None:
    """The coarser dtype in which a float64 gradient was computed, and the evidence, or None.

    manual, error: the gradient and its error, shape (runs, *shape)
    times_noise, limit: the error in units of float64's rounding noise, and its limit
    judged_as: the dtype whose rounding noise is the unit; only coarser ones are looked for
    moved_errors: the errors at inputs that are moved by a given relative amount; nan if unknown
    """
    with np.errstate(over="ignore"):
        for dtype in COARSER:
            if precision(dtype) >= precision(judged_as):
                continue
            bits = precision(judged_as) - precision(dtype)
            if times_noise > limit * 2.0**bits:
                continue  # more than rounding to that dtype explains
            if times_noise < 2.0 ** (bits / 2):
                continue  # nearer to the rounding of float64 than to that of the dtype
            if np.array_equal(rounded(manual.astype(np.float32), dtype).astype(np.float64), manual):
                return dtype, Message(
                    "every value is exactly representable in {format}", format=dtype
                )
            signs = np.sign(error) * np.sign(moved_errors(MOVED_BY * eps(dtype)))
            signs = signs[np.isfinite(signs) & (signs != 0)]
            if signs.size >= ENOUGH and (signs > 0).mean() < MOSTLY:
                changed = int((signs < 0).sum())
                return dtype, Message(
                    "the error is the size of {format}'s rounding, and when the inputs "
                    "move by {step} of its ulps, {count} of {all} errors change sign",
                    format=dtype,
                    step=MOVED_BY,
                    count=changed,
                    all=signs.size,
                )
    return None


def precision_mistake(dtype: str, evidence: Message) -> Mistake:
    """The mistake of computing in a coarser dtype, with what to do if it is meant."""
    lower = Message(
        "backward computes in {format} internally, whatever the dtype of its inputs",
        format=dtype,
    )
    meant = Message(
        "{evidence}; if backward is meant to compute in {format}, write computes_in: {format} "
        "in config.yaml",
        evidence=evidence,
        format=dtype,
    )
    return Mistake("precision", lower, meant, "precision", dtype)
