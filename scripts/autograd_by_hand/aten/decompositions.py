"""Decompose ATen operations that torch executes in one kernel.

Torch's own table has most of the decompositions. This module adds operations that the table does
not decompose, and operations whose usual decomposition has a step that only keeps numbers in range
and does not belong to the function itself.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.attention import attention, attention_backward
from autograd_by_hand.aten.torch_private import decomposition, writes_to_an_input

aten = torch.ops.aten


def decomposition_of(func: Any) -> Callable[..., Any] | None:
    """The decomposition of a compound ATen operation as a function, or None if it has none."""
    if writes_to_an_input(func):
        return None
    if func in OWN:
        return OWN[func]
    if func.is_view or (torch.Tag.core in func.tags and func not in COMPOUND):
        return None
    return decomposition(func)


def _mean(value: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    total = value.sum() if dim is None else value.sum(dim, keepdim)
    return total / (value.numel() // max(1, total.numel()))


def _variance_and_mean(
    value: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Tensor, Tensor]:
    if isinstance(unbiased, bool):
        correction = int(unbiased)
    every = list(range(value.dim())) if dim is None else dim
    mean = _mean(value, every, True)
    apart = value - mean
    squares = (apart * apart).sum(every, keepdim)
    count = value.numel() // max(1, squares.numel())
    variance = squares / (count - (1 if correction is None else correction))
    return variance, mean if keepdim else mean.reshape(variance.shape)


def _variance(*args: Any, **kwargs: Any) -> Tensor:
    return _variance_and_mean(*args, **kwargs)[0]


def _log_softmax(value: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    return value - value.logsumexp(dim, keepdim=True)


def _softmax(value: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    return _log_softmax(value, dim).exp()


def _trilinear(
    first: Tensor,
    second: Tensor,
    third: Tensor,
    expand1: list[int],
    expand2: list[int],
    expand3: list[int],
    sumdim: list[int],
    unroll_dim: int = 1,
) -> Tensor:
    factors = [first, second, third]
    for index, axes in enumerate((expand1, expand2, expand3)):
        for axis in sorted(axes):
            factors[index] = factors[index].unsqueeze(axis)
    product = factors[0] * factors[1] * factors[2]
    return product.sum(sumdim) if sumdim else product


AS_THE_KERNELS: dict[Any, Callable[..., Any]] = {
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
    aten.var_mean.correction: _variance_and_mean,
    aten.var_mean.dim: _variance_and_mean,
    aten.var.correction: _variance,
    aten.var.dim: _variance,
    aten._trilinear.default: _trilinear,
    aten._scaled_dot_product_flash_attention_for_cpu.default: attention,
    aten._scaled_dot_product_flash_attention_for_cpu_backward.default: attention_backward,
}
OWN: dict[Any, Callable[..., Any] | None] = {
    **AS_THE_KERNELS,
    aten._softmax.default: _softmax,
    aten._log_softmax.default: _log_softmax,
    aten.logsumexp.default: None,  # stays one step, from which the two above are computed
}
COMPOUND = {
    aten.native_layer_norm.default,
    aten.native_group_norm.default,
    aten._native_batch_norm_legit.default,
    aten._native_batch_norm_legit.no_stats,
    aten.gelu.default,
    aten.sigmoid.default,
}
