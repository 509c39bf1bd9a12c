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

from scripts.lib.observe import Call, Value, replaced
from scripts.lib.replay import product_in_order, sum_in_order
from scripts.lib.reveal import Orders
from scripts.lib.views import VIEWS

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


def _biased(orders: Orders, bias: Array, left: Array, right: Array) -> Array:
    return product_in_order(orders, left, right, bias)


def _total(orders: Orders, value: Array, *args: Any, dtype: Any = None, **kwargs: Any) -> Array:
    widened = value.astype(np.float64) if dtype == torch.float64 else value
    return sum_in_order(orders, widened, *args, **kwargs)


def _mean(orders: Orders, value: Array, dim: Any = None, keepdim: bool = False) -> Array:
    total = sum_in_order(orders, value, dim, keepdim)
    return np.asarray(total / total.dtype.type(value.size // total.size))


def _power(value: Array, exponent: float) -> Array | None:
    if exponent == 2:
        return np.asarray(value * value)
    return np.array(value) if exponent == 1 else None


_SUMS: Mapping[Any, Callable[..., Array]] = {
    aten.mm.default: product_in_order,
    aten.bmm.default: product_in_order,
    aten.mv.default: product_in_order,
    aten.dot.default: product_in_order,
    aten.addmm.default: _biased,
    aten.baddbmm.default: _biased,
    aten.addmv.default: _biased,
    aten.sum.default: _total,
    aten.sum.dim_IntList: _total,
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
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
