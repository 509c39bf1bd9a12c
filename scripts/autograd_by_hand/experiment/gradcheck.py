"""Check the manual gradient with torch.autograd.gradcheck.

It calls the author's functions with the declared shapes alone: native code may rely on them.
"""

import re
from collections.abc import Callable
from time import monotonic
from typing import Any

import torch
from torch import Tensor
from torch.autograd.gradcheck import GradcheckError, gradcheck

from autograd_by_hand.aten.torch_private import gradcheck_in_one_mode
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import Message
from autograd_by_hand.experiment.vjp import Backward

Value = Callable[..., dict[str, Tensor]]

PATIENCE = 10  # seconds
# Its slow mode takes 0.3 ms of processor time for each element of a linear layer's inputs and
# result, and so 0.15 s for this many; its fast mode takes 5 ms whatever the size.
FEW = 512


class _ManualGradient(torch.autograd.Function):
    """Forward as a function whose derivative is the manual backward."""

    @staticmethod
    def forward(
        ctx: Any, value: Value, by_hand: Backward, names: list[str], *given: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.by_hand, ctx.names = by_hand, names
        ctx.save_for_backward(*given)
        outputs = value(**dict(zip(names, given, strict=True)))
        ctx.cotangents = [*outputs]
        return tuple(outputs.values())

    @staticmethod
    def backward(ctx: Any, *douts: Any) -> Any:
        tensors = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        named = dict(zip(ctx.cotangents, douts, strict=True))
        answer = ctx.by_hand(tensors, named)
        if ctx.by_hand.failed:
            raise UserError(ctx.by_hand.failed)
        scale = 1 if len(named) > 1 or ctx.by_hand.takes(named) else douts[0]
        gradients = {name: value * scale for name, value in answer.gradients.items()}
        return None, None, None, *(gradients.get(name) for name in ctx.names)


def modes(elements: int) -> list[bool]:
    """Whether gradcheck is asked in its fast mode, in the order in which the modes are tried.

    elements: of the inputs that need a gradient and of forward's result
    """
    return [False, True] if elements <= FEW else [True]


def ask(
    value: Value,
    by_hand: Backward,
    tensors: dict[str, Tensor],
    needed: list[str],
    fast: bool,
) -> str | None:
    """The first line of gradcheck's error message; None if the check passes.

    value: forward, which gives its outputs by the names of their cotangents
    tensors: in float64 or int64
    fast: whether it compares random projections instead of every element

    Raises
        UserError: if forward or the manual backward fails, if gradcheck cannot handle them, or
            after PATIENCE seconds.
    """
    given = [value.clone().requires_grad_(name in needed) for name, value in tensors.items()]
    end = monotonic() + PATIENCE

    def evaluated(*leaves: Tensor) -> Any:
        if monotonic() > end:
            raise UserError(Message("gradcheck is not done after {limit} s.", limit=PATIENCE))
        return _ManualGradient.apply(value, by_hand, list(tensors), *leaves)  # type: ignore[no-untyped-call]

    try:
        with gradcheck_in_one_mode():
            gradcheck(
                evaluated,
                given,
                fast_mode=fast,
                check_undefined_grad=False,
                nondet_tol=0.0,
            )
    except GradcheckError as error:
        names = [name for name in tensors if name in needed]  # gradcheck numbers only these
        first = str(error).strip().splitlines()[0].rstrip(":,.")
        return re.sub(r"input (\d+)", lambda match: f"input {names[int(match[1])]}", first)
    except (RuntimeError, ValueError) as error:  # gradcheck's way to refuse what it cannot check
        reason = " ".join(str(error).split())
        raise UserError(Message("gradcheck cannot: {reason}", reason=reason)) from error
    return None
