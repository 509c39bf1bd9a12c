"""Find the operation of forward whose derivative in torch is off.

Each operation that forward executes is differentiated by itself: by autograd, and in ball
arithmetic, at the same inputs.
"""

from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import DispatchMode, Keywords
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.enclosure.differentiate import enclose
from autograd_by_hand.experiment.complex_views import parts
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import call
from autograd_by_hand.experiment.vjp import Forward
from autograd_by_hand.verdict.proof import Fault
from autograd_by_hand.verdict.proven_reference import autograd_against

BEYOND_ROUNDING = 2.0**-40  # of an operation's derivative, relative to its norm
SEED = 0  # of the cotangents


class _Recorder(DispatchMode):
    """A context that keeps every operation on float64 or complex128 with its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple[Any, ...], Keywords]] = []

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        if not func.is_view and any(map(_is_wide, args)):
            copies = tuple(one.clone() if isinstance(one, Tensor) else one for one in args)
            self.calls.append((func, copies, kwargs))
        return func(*args, **kwargs)


def operation_at_fault(forward: Forward, tensors: dict[str, Tensor]) -> Fault | None:
    """The operation whose derivative is off the most, or None if all are as good as rounding.

    tensors: of one run, as drawn
    """
    inputs = {
        name: cast(value, torch.float64).requires_grad_(name in forward.needed)
        for name, value in tensors.items()
    }
    recorder = _Recorder()
    with recorder:
        call(forward.function, forward.path, inputs, forward.limit)
    found = [
        Fault(operation=str(func).split(".")[1], error=error)
        for func, args, kwargs in recorder.calls
        if (error := _error_of(func, args, kwargs)) > BEYOND_ROUNDING
    ]
    return max(found, key=lambda fault: fault["error"], default=None)


def _error_of(func: Any, args: tuple[Any, ...], kwargs: Keywords) -> float:
    """The relative error of autograd's derivative of one operation; 0 if it cannot be known."""
    own = {str(i): one for i, one in enumerate(args) if _is_wide(one)}
    generator = torch.Generator().manual_seed(SEED)

    def result(leaves: dict[str, Tensor]) -> Tensor:
        given = [leaves.get(str(i), one) for i, one in enumerate(args)]
        made = func(*given, **kwargs)
        first: Tensor = made[0] if isinstance(made, tuple | list) else made
        return first

    leaves = {key: one.detach().clone().requires_grad_() for key, one in own.items()}
    try:
        made = result(leaves)
        if not made.requires_grad:
            return 0.0
        dout = torch.randn(made.shape, generator=generator, dtype=made.dtype)
        gradients = torch.autograd.grad(
            made, list(leaves.values()), dout, allow_unused=True, materialize_grads=True
        )
        found = enclose(result, {key: one.detach() for key, one in own.items()}, [*own], dout)
    except (UserError, RuntimeError):  # not covered, or not differentiable by itself
        return 0.0
    errors = [
        autograd_against(found.gradients[key], parts(gradient))["error"]
        for key, gradient in zip(own, gradients, strict=True)
    ]
    return max(errors)


def _is_wide(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.dtype in (torch.float64, torch.complex128)
