"""Formulas that authors confuse, each as a function and in writing."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from autograd_by_hand.core.messages import Message

Formula = Callable[[Tensor], Tensor]


def written(formula: str, z: str) -> str:
    """Write a formula of `FORMULAS` with the name of a value for its z."""
    return WORDED[formula](z=z) if formula in WORDED else formula.replace("z", z)


def _slope(function: Formula, at_value: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = at_value.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


FORMULAS: dict[str, Formula] = {
    "z": lambda z: z,
    "-z": lambda z: -z,
    "1 - z": lambda z: 1 - z,
    "1 + z": lambda z: 1 + z,
    "2 * z": lambda z: 2 * z,
    "1 / z": lambda z: 1 / z,
    "1 / (z * z)": lambda z: 1 / (z * z),
    "z**2": lambda z: z * z,
    "1 - z**2": lambda z: 1 - z * z,
    "z * (1 - z)": lambda z: z * (1 - z),
    "(z > 0)": lambda z: (z > 0).to(z.dtype),
    "sign(z)": torch.sign,
    "2 * sign(z)": lambda z: 2 * torch.sign(z),
    "abs(z)": torch.abs,
    "conj(z)": torch.conj_physical,
    "sqrt(z)": torch.sqrt,
    "exp(z)": torch.exp,
    "log(z)": torch.log,
    "relu(z)": torch.relu,
    "tanh(z)": torch.tanh,
    "1 - tanh(z)**2": lambda z: 1 - z.tanh() ** 2,
    "sigmoid(z)": torch.sigmoid,
    "sigmoid(z) * (1 - sigmoid(z))": lambda z: z.sigmoid() * (1 - z.sigmoid()),
    "softmax(z)": lambda z: z.softmax(-1),
    "softmax(z), first axis": lambda z: z.softmax(0),
    "gelu'(z)": partial(_slope, functional.gelu),
    "silu'(z)": partial(_slope, functional.silu),
}
WORDED: dict[str, Callable[..., Message]] = {  # the formulas that are written in words
    "softmax(z), first axis": partial(Message, "softmax({z}) along the first axis"),
    "gelu'(z)": partial(Message, "the derivative of the exact gelu at {z}"),
    "silu'(z)": partial(Message, "the derivative of {function} at {z}", function="silu"),
}
