"""One run through the author's functions: autograd's gradient of forward, and the hand's."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from scripts.lib.author import Author, call, check_gradients, check_result, told_as_theirs
from scripts.lib.draws import cast
from scripts.lib.refusal import Refusal


def autograd_vjp(
    forward: Author,
    path: Path,
    tensors: dict[str, Tensor],
    needed: list[str],
    dtype: torch.dtype,
    dout: Tensor,
    limit: float,
    lift: Callable[[Tensor], Tensor] = lambda tensor: tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Forward's result, and its vector-Jacobian product with `dout` by autograd.

    tensors: one run's inputs in float32 or int64; they are rounded to `dtype` first
    needed: the tensors to differentiate by
    dout: the cotangent, shape of forward's result
    lift: what a rounded tensor becomes before forward sees it (a wider kind of tensor, say)

    Raises
        Refusal: if forward fails, or its result does not depend on a needed tensor.
    """
    leaves = {name: lift(cast(value, dtype)) for name, value in tensors.items()}
    for name in needed:
        leaves[name].requires_grad_()
    result = check_result(call(forward, path, leaves, limit), forward, path)
    with told_as_theirs(path, limit):
        # A scalar's cotangent is 1 and goes unsaid: naming it makes torch import sympy first.
        seed = () if result.dim() == 0 else (lift(cast(dout, dtype)).to(result.dtype),)
        result.backward(*seed)
    gradients = {}
    for name in needed:
        gradient = leaves[name].grad
        if gradient is None:
            raise Refusal(
                f"{path}: forward's result does not depend on {name!r}; use it, or take its "
                "requires_grad away."
            )
        gradients[name] = gradient
    return result.detach(), gradients


def manual_vjp(
    backward: Author,
    path: Path,
    tensors: dict[str, Tensor],
    needed: list[str],
    dtype: torch.dtype,
    dout: Tensor,
    limit: float,
) -> tuple[dict[str, Tensor], list[str]]:
    """What the hand-written `backward` gives, and the names of the inputs that it changed in place.

    Arguments as for `autograd_vjp`.

    Raises
        Refusal: if backward fails or returns something else than gradients.
    """
    given = {name: cast(value, dtype) for name, value in tensors.items()} | {
        "dout": cast(dout, dtype)
    }
    kept = {name: value.clone() for name, value in given.items()}
    with torch.no_grad():
        returned = call(backward, path, given, limit)
    gradients = check_gradients(returned, backward, path, kept, needed)
    changed = [name for name in given if not same_bits(given[name], kept[name])]
    return {name: gradient.clone() for name, gradient in gradients.items()}, changed


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits, nan and -0 included."""
    bits = [value.contiguous().reshape(-1).view(torch.uint8) for value in (first, second)]
    return torch.equal(*bits)
