"""Compute the reference that gradients are measured against.

It is autograd's gradient in wider arithmetic, or the true one within proven bounds.
"""

from dataclasses import replace

import torch
from torch import Tensor

from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.vjp import Forward
from autograd_by_hand.verdict.extended_precision import split, widen
from autograd_by_hand.verdict.proof import BALLS, ArithmeticName
from autograd_by_hand.verdict.proven_reference import as_reference, enclosed


def reference_of(
    forward: Forward,
    tensors: dict[str, Tensor],
    douts: dict[str, Tensor],
    arithmetic: ArithmeticName,
) -> dict[str, Tensor]:
    """Compute forward's outputs and the gradients "d<tensor>" of one run, in float64.

    forward: in the dtype to which the inputs are rounded
    tensors, douts: of one run, as drawn
    arithmetic: if it is wider than float64, "<name>.tail" is the part of a value beyond that; for
        "<name>.radius" see `as_reference`

    Raises
        NoWideOperation: if an operation has no longdouble version.
        UserError: if there is no gradient in ball arithmetic.
    """
    if arithmetic == BALLS:
        return as_reference(enclosed(forward, tensors, douts), forward, tensors, douts)
    rounded, douts = (
        {name: cast(value, forward.dtype) for name, value in given.items()}
        for given in (tensors, douts)
    )
    wider = replace(forward, dtype=torch.float64)
    if arithmetic == "float64":
        return wider(rounded, douts)
    parts = {name: split(value) for name, value in wider(rounded, douts, widen).items()}
    return {name: head for name, (head, _) in parts.items()} | {
        f"{name}.tail": tail for name, (_, tail) in parts.items()
    }
