"""Carry out observed operations in numpy: sums in their revealed orders, the rest by IEEE 754.

A tensor is an array of the accumulator's format (float32 for the half formats, whose numbers it
holds exactly); each result is rounded once to the format that the tensor has. A view is a view, so
that what is written in place shows wherever it does in torch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray

from scripts.lib.axes import axes
from scripts.lib.observe import Call, Value, replaced
from scripts.lib.replay import add_in_order
from scripts.lib.reveal import Orders

Array = NDArray[Any]
aten = torch.ops.aten

_HALF = {torch.float16: np.float16, torch.bfloat16: ml_dtypes.bfloat16}


def rounded(array: Array, dtype: torch.dtype) -> Array:
    """An array of the accumulator's format, each element rounded to `dtype`."""
    if dtype not in _HALF:
        return array
    with np.errstate(all="ignore"):
        return array.astype(_HALF[dtype]).astype(np.float32)


def interpret(call: Call, arrays: dict[int, Array], orders: Orders | None, dtype: Any) -> bool:
    """Carry out one call on `arrays` (by the numbers of their values), and put its result there.

    orders: of the sum that the call is, if it is one
    dtype: the format of the result
    returns: False, with nothing done, where the operation is not known or has no order
    """

    def array(value: Value) -> Array:
        return arrays[value.number]

    if not isinstance(call.results, Value):
        return False
    args, kwargs = (replaced(given, array, Value) for given in (call.args, call.kwargs))
    number = call.results.number
    with np.errstate(all="ignore"):  # inf and nan are results here as they are torch's
        if call.function in VIEWS:
            arrays[number] = VIEWS[call.function](*args, **kwargs)
        elif call.function in ELEMENTWISE:
            result = ELEMENTWISE[call.function](*args, **kwargs)
            if result is None:
                return False
            arrays[number] = rounded(np.asarray(result), dtype)
        elif call.function in IN_PLACE:
            target = args[0]
            target[...] = rounded(np.asarray(IN_PLACE[call.function](*args, **kwargs)), dtype)
            arrays[number] = target
        elif orders is not None and call.function in _SUMS:
            arrays[number] = rounded(_SUMS[call.function](orders, *args, **kwargs), dtype)
        else:
            return False
    return True


def _product(orders: Orders, left: Array, right: Array, bias: Array | None = None) -> Array:
    """The product plus the bias, for matrices, batches of them and vectors, in their orders."""
    first = left[None, :] if left.ndim == 1 else left
    second = right[:, None] if right.ndim == 1 else right
    shape = first.shape[:-1] + second.shape[-1:]
    first, second = (one if one.ndim == 3 else one[None] for one in (first, second))
    second = second.swapaxes(1, 2)
    if bias is not None:
        onto = bias[:, None] if right.ndim == 1 and bias.ndim else bias
        bias = np.broadcast_to(onto, shape).reshape(orders.which.shape)
    result = np.empty(orders.which.shape, left.dtype)
    for number, order in enumerate(orders.orders):
        at = np.nonzero(orders.which == number)
        added = None if bias is None else bias[at]
        result[at] = add_in_order(order, first[at[0], at[1]], second[at[0], at[2]], added)
    drop = tuple(
        axis for axis, one in ((len(shape) - 2, left), (len(shape) - 1, right)) if one.ndim == 1
    )
    return result.reshape(shape).squeeze(drop)


def _total(
    orders: Orders, value: Array, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Array:
    """The sum over some axes, in its orders."""
    reduced = axes(dim, value.ndim)
    reduced = tuple(range(value.ndim)) if reduced is None else tuple(sorted(reduced))
    kept = [axis for axis in range(value.ndim) if axis not in reduced]
    count = int(np.prod([value.shape[axis] for axis in reduced], dtype=np.int64))
    if dtype == torch.float64:
        value = value.astype(np.float64)
    terms = value.transpose(*kept, *reduced).reshape(-1, count)
    result = np.empty(len(terms), terms.dtype)
    for number, order in enumerate(orders.orders):
        mine = orders.which.ravel() == number
        result[mine] = add_in_order(order, terms[mine])
    if keepdim:
        return result.reshape([1 if axis in reduced else n for axis, n in enumerate(value.shape)])
    return result.reshape([value.shape[axis] for axis in kept])


def _mean(orders: Orders, value: Array, dim: Any = None, keepdim: bool = False) -> Array:
    total = _total(orders, value, dim, keepdim)
    return np.asarray(total / total.dtype.type(value.size // total.size))


def _power(value: Array, exponent: float) -> Array | None:
    if exponent == 2:
        return np.asarray(value * value)
    return np.array(value) if exponent == 1 else None


def _squeezed(value: Array, dim: Any) -> Array:
    dims = axes(dim, value.ndim) or ()
    return value.squeeze(tuple(axis for axis in dims if value.shape[axis] == 1))


def _expanded(value: Array, size: list[int], **_: Any) -> Array:
    new = len(size) - value.ndim
    return np.broadcast_to(
        value, [value.shape[at - new] if n == -1 else n for at, n in enumerate(size)]
    )


_SUMS: Mapping[Any, Callable[..., Array]] = {
    aten.mm.default: _product,
    aten.bmm.default: _product,
    aten.mv.default: _product,
    aten.dot.default: _product,
    aten.addmm.default: lambda orders, bias, left, right: _product(orders, left, right, bias),
    aten.baddbmm.default: lambda orders, bias, left, right: _product(orders, left, right, bias),
    aten.addmv.default: lambda orders, bias, left, right: _product(orders, left, right, bias),
    aten.sum.default: _total,
    aten.sum.dim_IntList: _total,
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
}
VIEWS: Mapping[Any, Callable[..., Array]] = {
    aten.t.default: np.transpose,
    aten.transpose.int: np.swapaxes,
    aten.permute.default: np.transpose,
    aten.view.default: np.reshape,
    aten._unsafe_view.default: np.reshape,
    aten.expand.default: _expanded,
    aten.unsqueeze.default: np.expand_dims,
    aten.squeeze.dim: _squeezed,
    aten.squeeze.dims: _squeezed,
    aten.detach.default: lambda value: value,
    aten.alias.default: lambda value: value,
}
ELEMENTWISE: Mapping[Any, Callable[..., Any]] = {
    aten.add.Tensor: lambda first, second, alpha=1: first + second if alpha == 1 else None,
    aten.sub.Tensor: lambda first, second, alpha=1: first - second if alpha == 1 else None,
    aten.mul.Tensor: lambda first, second: first * second,
    aten.div.Tensor: lambda first, second: first / second,
    aten.mul.Scalar: lambda first, second: first * second,
    aten.div.Scalar: lambda first, second: first / second,
    aten.neg.default: np.negative,
    aten.abs.default: np.abs,
    aten.pow.Tensor_Scalar: _power,
    aten.clone.default: lambda value, **_: np.array(value),
    aten.ones_like.default: lambda value, **_: np.ones_like(value),
    aten.zeros_like.default: lambda value, **_: np.zeros_like(value),
}
IN_PLACE: Mapping[Any, Callable[..., Any]] = {
    aten.add_.Tensor: lambda target, other: target + other,
    aten.mul_.Tensor: lambda target, other: target * other,
    aten.copy_.default: lambda _target, source: source,
}
