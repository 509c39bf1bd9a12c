"""Definitions of sums, means, norms and what is made of them, as programs of torch.

Their arguments are those of the ATen operation.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.enclosure.balls import midpoints
from autograd_by_hand.enclosure.tensor import operand_of


def shift_of(value: Tensor, dim: Any) -> Tensor:
    """The greatest midpoints, as constants: exp is applied to differences from them."""
    if not value.numel():
        return torch.zeros((), dtype=torch.float64)
    heads = torch.from_numpy(midpoints(operand_of(value).values))
    greatest = heads.amax(dim, keepdim=True)
    return torch.where(greatest.isfinite(), greatest, 0.0)


def logsumexp(value: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The logarithm of the sum of exponentials."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    shift = shift_of(value, dims)
    result = (value - shift).exp().sum(dims, keepdim=True).log() + shift
    return result if keepdim else result.squeeze(dims)


def softmax(value: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    raised = (value - shift_of(value, dim)).exp()
    return raised / raised.sum(dim, keepdim=True)


def log_softmax(value: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    return value - logsumexp(value, dim, keepdim=True)


def mean(value: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    total = value.sum() if dim is None else value.sum(dim, keepdim)
    return total / (value.numel() // max(1, total.numel()))


def addmm(
    bias: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    product = first @ second
    scaled = product if alpha == 1 else product * alpha
    return scaled.clone() if beta == 0 else scaled + (bias if beta == 1 else bias * beta)


def addbmm(
    bias: Tensor, first: Tensor, second: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    scaled = torch.bmm(first, second).sum(0) * alpha
    return scaled if beta == 0 else scaled + bias * beta


def mv(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(1)).squeeze(1)


def dot(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum()


def prod(value: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    if dim is None:
        return prod(value.reshape(-1), 0)
    if not value.dim():
        return value.clone()
    result = value.new_ones(value.sum(dim).shape)
    for one in value.unbind(dim):
        result = result * one
    return result.unsqueeze(dim) if keepdim else result


def _cumulative(combine: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def cumulated(value: Tensor, dim: int, **_: Any) -> Tensor:
        if not value.dim() or not value.numel():
            return value.clone()
        parts = list(value.unbind(dim))
        for i in range(1, len(parts)):
            parts[i] = combine(parts[i - 1], parts[i])
        return torch.stack(parts, dim)

    return cumulated


def _squares(value: Tensor) -> Tensor:
    """The squares of absolute values."""
    if not value.is_complex():
        return value * value
    parts = torch.view_as_real(value)
    return (parts * parts).sum(-1)


def vector_norm(
    value: Tensor,
    ord: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    **_: Any,
) -> Tensor:
    """The norm of that order over axes."""
    dims = list(range(value.dim())) if dim is None else dim
    order = float(ord)
    if order == 2:
        return _squares(value).sum(dims, keepdim).sqrt()
    size = value.abs()
    if order == float("inf"):
        return size.amax(dims, keepdim)
    if order == -float("inf"):
        return size.amin(dims, keepdim)
    if order == 0:
        return (value != 0).double().sum(dims, keepdim)
    if order == 1:
        return size.sum(dims, keepdim)
    found: Tensor = (size**order).sum(dims, keepdim) ** (1 / order)
    return found


def _norm(value: Tensor, p: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Tensor:
    return vector_norm(value, 2 if p is None else p, dim or None, keepdim)


def _distances(first: Tensor, second: Tensor, p: float, *_: Any) -> Tensor:
    return vector_norm(first.unsqueeze(-2) - second.unsqueeze(-3), p, [-1])


def _pairwise(value: Tensor, p: float = 2) -> Tensor:
    first, second = torch.triu_indices(len(value), len(value), 1)
    return vector_norm(value[first] - value[second], p, [-1])


def _trace(value: Tensor) -> Tensor:
    return value.diagonal().sum()


def _variance_and_mean(
    value: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[Tensor, Tensor]:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    dims = list(range(value.dim())) if dim in (None, []) else dim
    center = mean(value, dims, True)
    squares = _squares(value - center).sum(dims, keepdim)
    count = value.numel() // max(1, squares.numel())
    variance = squares / (count - (int(unbiased) if correction is None else correction))
    return variance, center if keepdim else center.squeeze(dims)


def _standard_deviation(*args: Any, **kwargs: Any) -> Tensor:
    return _variance_and_mean(*args, **kwargs)[0].sqrt()


def _batch_norm(
    value: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    shape = [1, -1] + [1] * (value.dim() - 2)
    if training or running_mean is None or running_var is None:
        dims = [axis for axis in range(value.dim()) if axis != 1]
        variance, center = _variance_and_mean(value, dims, unbiased=False)
        count = value.numel() // max(1, center.numel())
        for running, found in (
            (running_mean, center),
            (running_var, variance * count / (count - 1) if count > 1 else variance / 0),
        ):
            if running is not None:
                running.copy_(running * (1 - value.new_full((), momentum)) + found * momentum)
    else:
        variance, center = running_var, running_mean
    result = (value - center.reshape(shape)) * (variance.reshape(shape) + eps).rsqrt()
    if weight is not None:
        result = result * weight.reshape(shape)
    if bias is not None:
        result = result + bias.reshape(shape)
    return result, torch.empty(0), torch.empty(0)


def _batch_norm_without_statistics(
    value: Tensor, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    return _batch_norm(value, weight, bias, None, None, training, momentum, eps)


def _batch_norm_with_update(
    value: Tensor,
    weight: Any,
    bias: Any,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, ...]:
    made = _batch_norm(value, weight, bias, running_mean, running_var, True, momentum, eps)
    return *made, torch.empty(0)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "logsumexp": logsumexp,
    "_softmax": softmax,
    "_log_softmax": log_softmax,
    "mean": mean,
    "addmm": addmm,
    "baddbmm": addmm,
    "addmv": addmm,
    "addbmm": addbmm,
    "mv": mv,
    "dot": dot,
    "vdot": dot,
    "prod": prod,
    "cumsum": _cumulative(torch.add),
    "cumprod": _cumulative(torch.mul),
    "logcumsumexp": _cumulative(torch.logaddexp),
    "var": lambda *args, **kwargs: _variance_and_mean(*args, **kwargs)[0],
    "var_mean": _variance_and_mean,
    "std": _standard_deviation,
    "linalg_vector_norm": vector_norm,
    "norm": _norm,
    "_cdist_forward": _distances,
    "_euclidean_dist": lambda first, second: _distances(first, second, 2),
    "trace": _trace,
    "_pdist_forward": _pairwise,
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit": _batch_norm,
    "_batch_norm_with_update": _batch_norm_with_update,
}
BY_OVERLOAD: dict[str, Callable[..., Any]] = {
    "_native_batch_norm_legit.no_stats": _batch_norm_without_statistics,
}
WRITING = frozenset(  # only to statistics
    {"native_batch_norm", "_native_batch_norm_legit", "_batch_norm_with_update"}
)
