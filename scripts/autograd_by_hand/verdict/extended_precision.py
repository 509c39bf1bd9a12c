"""Tensors that look like float64 to torch and compute in numpy's longdouble.

The reference of a float64 gradient must be wider than float64. `Wide` tensors pass through the
author's forward and through autograd's own formulas; below autograd, numpy executes every operation
in extended precision (64 bits of significand on x86, 113 on 64-bit Arm under Linux).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.dispatch import operation
from autograd_by_hand.aten.numpy_axes import axes
from autograd_by_hand.aten.numpy_views import VIEWS
from autograd_by_hand.aten.torch_private import shell
from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.core.errors import UserError

Array = NDArray[np.longdouble]
aten = torch.ops.aten


def is_wider_than_float64() -> bool:
    """Return whether longdouble has more bits than float64 on this machine; not all have it."""
    return bool(np.finfo(np.longdouble).eps < np.finfo(np.float64).eps)


class NoWideOperation(UserError):
    """Forward or its gradient uses an operation without an extended-precision version here."""


class Wide(torch.Tensor):
    """A tensor that is float64 for torch and computes on a longdouble array, `.array`."""

    array: Array

    @staticmethod
    def __new__(cls: type["Wide"], array: Array) -> "Wide":  # noqa: D102, PYI034
        wide = shell(cls, array.shape, torch.float64)
        assert isinstance(wide, Wide)
        wide.array = array
        return wide

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"Wide({self.array})"

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        known = _OPERATIONS.get(func)
        if known is None:
            decomposed = func.decompose(*args, **(kwargs or {}))
            if decomposed is NotImplemented:
                raise NoWideOperation(str(func))
            return decomposed
        with np.errstate(all="ignore"):  # inf and nan are valid results, as in torch
            try:
                result = known(*map(_unwrapped, args), **(kwargs or {}))
            except Exception as error:
                raise NoWideOperation(f"{func}: {error}") from error
        if func in _IN_PLACE:
            args[0].array[...] = result
            return args[0]
        if isinstance(result, tuple):
            return tuple(Wide(np.asarray(one, np.longdouble)) for one in result)
        return Wide(np.asarray(result, np.longdouble))


def widen(tensor: Tensor) -> Tensor:
    """Return a float64 tensor as `Wide`, exactly, and a tensor of integers unchanged."""
    if not tensor.is_floating_point():
        return tensor
    return Wide(tensor.detach().numpy().astype(np.longdouble))


def split(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Split a `Wide` tensor into float64 tensors (head, tail), whose sum it is; head is rounded."""
    array = tensor.array if isinstance(tensor, Wide) else tensor.numpy().astype(np.longdouble)
    head, tail = np.empty(array.shape), np.empty(array.shape)
    flat, heads, tails = (one.reshape(-1) for one in (array, head, tail))
    with np.errstate(over="ignore", invalid="ignore"):
        for part in blocks(flat.size):
            heads[part] = flat[part]
            tails[part] = np.where(np.isfinite(heads[part]), flat[part] - heads[part], 0)
    return torch.from_numpy(head), torch.from_numpy(tail)


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Wide):
        return value.array
    if isinstance(value, Tensor):
        array = value.detach().cpu().numpy()
        return array.astype(np.longdouble) if value.is_floating_point() else array
    if isinstance(value, list | tuple):
        return type(value)(map(_unwrapped, value))
    return value


def _sum(value: Array, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    return value.sum(axis=axes(dim, value.ndim), keepdims=keepdim)


def _mean(value: Array, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    return value.mean(axis=axes(dim, value.ndim), keepdims=keepdim)


def _amax(value: Array, dim: Any = (), keepdim: bool = False) -> Any:
    return value.max(axis=axes(dim, value.ndim), keepdims=keepdim)


def _add(first: Any, second: Any, *, alpha: float = 1) -> Any:
    return first + (second if alpha == 1 else second * np.longdouble(alpha))


def _sub(first: Any, second: Any, *, alpha: float = 1) -> Any:
    return first - (second if alpha == 1 else second * np.longdouble(alpha))


def _addmm(bias: Array, first: Array, second: Array, *, beta: float = 1, alpha: float = 1) -> Any:
    product = (first @ second) * np.longdouble(alpha)
    return product if beta == 0 else bias * np.longdouble(beta) + product  # torch's rule for 0


def _softmax(value: Array, dim: int, half_to_float: bool = False) -> Any:
    raised = np.exp(value - value.max(axis=dim, keepdims=True))
    return raised / raised.sum(axis=dim, keepdims=True)


def _log_softmax(value: Array, dim: int, half_to_float: bool = False) -> Any:
    lowered = value - value.max(axis=dim, keepdims=True)
    return lowered - np.log(np.exp(lowered).sum(axis=dim, keepdims=True))


def _softmax_backward(dout: Array, out: Array, dim: int, dtype: Any = None) -> Any:
    return out * (dout - (dout * out).sum(axis=dim, keepdims=True))


def _log_softmax_backward(dout: Array, out: Array, dim: int, dtype: Any = None) -> Any:
    return dout - np.exp(out) * dout.sum(axis=dim, keepdims=True)


def _nll_loss(scores: Array, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    """Return the loss of log-probabilities (rows, classes), and how many rows its mean is over."""
    counts, picked = _picked(scores, target, weight, ignore_index)
    total = counts.sum()
    losses = -(scores * picked).sum(axis=-1)
    return [losses, losses.sum() / total, losses.sum()][reduction], total


def _nll_loss_backward(
    dout: Array,
    scores: Array,
    target: Any,
    weight: Any,
    reduction: int,
    ignore_index: int,
    total: Array,
) -> Any:
    _, picked = _picked(scores, target, weight, ignore_index)
    each = [dout[..., None], dout / total, dout][reduction]
    return -picked * each


def _picked(scores: Array, target: Any, weight: Any, ignore_index: int) -> tuple[Any, Any]:
    """Return which rows count, and the one-hot targets of these rows."""
    if weight is not None or scores.ndim != 2:
        raise ValueError("classes with weights, or scores with more axes than two")
    counts = target != ignore_index
    picked = np.zeros_like(scores)
    picked[np.arange(len(target))[counts], target[counts]] = 1
    return counts, picked


def _gather(value: Array, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    if not value.ndim:  # torch takes a single number for a vector of one
        return np.full(np.shape(index), value)
    sizes = enumerate(index.shape)  # on the other axes, torch ignores what lies beyond the index
    own = tuple(slice(None if axis == dim % value.ndim else size) for axis, size in sizes)
    return np.take_along_axis(value[own], index, axis=dim)


def _like(value: Any, fill: float) -> Any:
    return np.full(np.shape(value), fill, np.longdouble)


def _to_copy(value: Array, *, dtype: Any = None, **_: Any) -> Any:
    if dtype not in (None, torch.float64):
        raise NoWideOperation(f"conversion to {dtype}")
    return np.array(value)


_OPERATIONS: dict[Any, Callable[..., Any]] = {
    # products and sums
    aten.mm.default: np.matmul,
    aten.bmm.default: np.matmul,
    aten.mv.default: np.matmul,
    aten.dot.default: np.matmul,
    aten.addmm.default: _addmm,
    aten.baddbmm.default: _addmm,
    aten.addmv.default: _addmm,
    aten.sum.default: _sum,
    aten.sum.dim_IntList: _sum,
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
    aten.amax.default: _amax,
    # elementwise
    aten.add.Tensor: _add,
    aten.add.Scalar: _add,
    aten.add_.Tensor: _add,
    aten.sub.Tensor: _sub,
    aten.sub.Scalar: _sub,
    aten.rsub.Scalar: lambda first, second, alpha=1: _sub(second, first, alpha=alpha),
    aten.mul.Tensor: np.multiply,
    aten.mul.Scalar: np.multiply,
    aten.div.Tensor: np.divide,
    aten.div.Scalar: np.divide,
    aten.neg.default: np.negative,
    aten.abs.default: np.abs,
    aten.sgn.default: np.sign,
    aten.sign.default: np.sign,
    aten.exp.default: np.exp,
    aten.log.default: np.log,
    aten.log1p.default: np.log1p,
    aten.expm1.default: np.expm1,
    aten.tanh.default: np.tanh,
    aten.sin.default: np.sin,
    aten.cos.default: np.cos,
    aten.sqrt.default: np.sqrt,
    aten.rsqrt.default: lambda value: 1 / np.sqrt(value),
    aten.reciprocal.default: lambda value: 1 / value,
    aten.sigmoid.default: lambda value: 1 / (1 + np.exp(-value)),
    aten.relu.default: lambda value: np.maximum(value, 0),
    aten.pow.Tensor_Scalar: lambda value, power: np.power(value, np.longdouble(power)),
    aten.pow.Tensor_Tensor: np.power,
    aten.tanh_backward.default: lambda dout, out: dout * (1 - out * out),
    aten.sigmoid_backward.default: lambda dout, out: dout * out * (1 - out),
    aten.threshold_backward.default: lambda dout, out, limit: np.where(out > limit, dout, 0),
    aten._softmax.default: _softmax,
    aten._log_softmax.default: _log_softmax,
    aten._softmax_backward_data.default: _softmax_backward,
    aten.nll_loss_forward.default: _nll_loss,
    aten.nll_loss_backward.default: _nll_loss_backward,
    aten._log_softmax_backward_data.default: _log_softmax_backward,
    # shape
    **{operation(name): view for name, view in VIEWS.items()},
    aten.cat.default: lambda values, dim=0: np.concatenate(values, axis=dim),
    aten.stack.default: lambda values, dim=0: np.stack(values, axis=dim),
    aten.gather.default: _gather,
    # copies and constants
    aten._to_copy.default: _to_copy,
    aten.clone.default: lambda value, **_: np.array(value),
    aten.copy_.default: lambda _, value, *__: value,
    aten.new_empty_strided.default: lambda _, size, *__, **___: _like(np.empty(size), 0),
    aten.ones_like.default: lambda value, **_: _like(value, 1),
    aten.zeros_like.default: lambda value, **_: _like(value, 0),
}
_IN_PLACE = {aten.add_.Tensor, aten.copy_.default}
