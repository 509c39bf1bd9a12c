"""Compute the reference that gradients are measured against: autograd in wider arithmetic."""

from dataclasses import replace

import torch
from torch import Tensor

from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.vjp import Forward
from autograd_by_hand.verdict.extended_precision import split, widen


def reference_of(
    forward: Forward, tensors: dict[str, Tensor], douts: dict[str, Tensor], wide: bool
) -> dict[str, Tensor]:
    """Compute forward's outputs and the gradients "d<tensor>" of one run, in float64.

    forward: in the dtype to which the inputs are rounded
    tensors, douts: of one run, as drawn
    wide: whether to compute in longdouble; "<name>.tail" is then the part of a value beyond float64

    Raises
        NoWideOperation: if an operation has no longdouble version.
    """
    rounded, douts = (
        {name: cast(value, forward.dtype) for name, value in given.items()}
        for given in (tensors, douts)
    )
    wider = replace(forward, dtype=torch.float64)
    if not wide:
        return wider(rounded, douts)
    parts = {name: split(value) for name, value in wider(rounded, douts, widen).items()}
    return {name: head for name, (head, _) in parts.items()} | {
        f"{name}.tail": tail for name, (_, tail) in parts.items()
    }
