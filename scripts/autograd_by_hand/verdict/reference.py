"""The reference that gradients are measured against: autograd's, in wider arithmetic."""

from dataclasses import replace

import torch
from torch import Tensor

from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.vjp import Forward
from autograd_by_hand.verdict.extended_precision import split, widen


def reference_of(
    forward: Forward, tensors: dict[str, Tensor], dout: Tensor, wide: bool
) -> dict[str, Tensor]:
    """Forward's "result" and gradients, "d<tensor>", in float64, in one run.

    forward: in the format whose rounded inputs the reference starts from
    tensors, dout: one run's, in float32 or int64
    wide: whether to compute in longdouble; what a value has beyond float64 is its "<name>.tail"

    Raises
        NoWideOperation: if an operation is not known in longdouble.
    """
    rounded = {name: cast(value, forward.dtype) for name, value in tensors.items()}
    wider, dout = replace(forward, dtype=torch.float64), cast(dout, forward.dtype)
    if not wide:
        return wider(rounded, dout)
    parts = {name: split(value) for name, value in wider(rounded, dout, widen).items()}
    return {name: head for name, (head, _) in parts.items()} | {
        f"{name}.tail": tail for name, (_, tail) in parts.items()
    }
