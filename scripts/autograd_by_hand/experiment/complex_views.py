"""Make forward and backward functions of real tensors, by parts: the real and the imaginary one.

A complex tensor of shape s is stored, differentiated and judged as a real tensor of shape (*s, 2).
The author's functions get and give it as a complex tensor. This changes no gradient: torch's
gradient of a real number by a complex z = a + ib is the complex number whose parts are the
derivatives by a and by b.
"""

from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import Message
from autograd_by_hand.experiment.returned_values import what_is_wrong
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.user_code import Author, definition_of, load_function


def parts(value: Any) -> Any:
    """A complex tensor of shape s as a real one of shape (*s, 2); all else, and in it, as it is."""
    if isinstance(value, Tensor) and value.is_complex():
        return torch.view_as_real(value.resolve_conj())
    if isinstance(value, dict):
        return {key: parts(one) for key, one in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return type(value)(parts(one) for one in value)
    return value


def handed(tensors: dict[str, Tensor], given: Given) -> dict[str, Tensor]:
    """The tensors as the author's functions get them, from real ones by name.

    Of complex numbers in a half format, which torch hardly computes with, they get complex64.
    """
    return {
        name: _joined(tensor) if name in given.complex else tensor
        for name, tensor in tensors.items()
    }


def _joined(tensor: Tensor) -> Tensor:
    """The complex numbers, shape s, of which a real tensor of shape (*s, 2) holds the parts."""
    wide = tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
    return torch.view_as_complex(wide.contiguous())


def load_forward_of_real(path: Path, given: Given, limit: float) -> Author:
    """Load the author's forward as a function of real tensors with real results.

    Raises
        UserError: as `load_function` does.
    """
    function = load_function(path, "forward", given, limit)

    @wraps(function)
    def forward(**tensors: Tensor) -> Any:
        return parts(function(**handed(tensors, given)))

    return forward


def backward_of_real(function: Author, path: Path, given: Given) -> Author:
    """The author's backward as a function of real tensors that gives real gradients.

    When it is called, it raises a `UserError` if a gradient is complex and its tensor is real, or
    the other way round.
    """

    @wraps(function)
    def backward(**tensors: Tensor) -> Any:
        own = handed(tensors, given)
        returned = function(**own)
        if isinstance(returned, dict):
            for name in own.keys() & returned.keys():
                gradient = returned[name]
                is_complex = isinstance(gradient, Tensor) and gradient.is_complex()
                if gradient is None or not (is_complex or name in given.complex):
                    continue
                if wrong := what_is_wrong(gradient, name, own[name]):
                    place = definition_of(function, path)
                    raise UserError(Message("{place}: {wrong}.", place=place, wrong=wrong))
        return parts(returned)

    return backward
