"""Run torch code with numpy's sums: the same formula in another summation order.

Every matrix product and every sum that the code asks torch for is computed by numpy, whose BLAS is
another library, with its own blocks and fused multiply-adds. Nothing else changes, so that any
difference from torch's result is due to the sums, and no formula has to be written twice.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.dispatch import DispatchMode, summable
from autograd_by_hand.aten.numpy_axes import axes

Array = NDArray[Any]
aten = torch.ops.aten


class NumpySums(DispatchMode):
    """A context in which numpy computes torch's matrix products and sums.

    Float16 and bfloat16 are summed in float32 and rounded once, as torch's kernels do.

    handed_over: how often numpy executed each operation
    """

    def __init__(self) -> None:
        super().__init__()
        self.handed_over: Counter[str] = Counter()

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute sums and matrix products in numpy, everything else in torch."""
        replacement = _REPLACEMENTS.get(func)
        operands = [arg for arg in args if isinstance(arg, Tensor)]
        converts = kwargs.get("dtype") is not None  # a sum that asks for another precision
        if replacement is None or converts or not all(map(torch.is_floating_point, operands)):
            return func(*args, **kwargs)
        kwargs.pop("dtype", None)
        self.handed_over[func.overloadpacket.__name__] += 1
        with np.errstate(all="ignore"):  # inf and nan are valid results, as in torch
            result = replacement(
                *(summable(arg) if isinstance(arg, Tensor) else arg for arg in args), **kwargs
            )
        return torch.from_numpy(result).to(operands[0])  # its dtype and its device


def _mm(first: Array, second: Array) -> Array:
    return np.asarray(first @ second)


def _addmm(bias: Array, first: Array, second: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    product = first @ second
    product = product if alpha == 1 else product * product.dtype.type(alpha)
    if beta == 0:  # torch then ignores the bias, even where it is nan
        return np.asarray(product)
    return np.asarray(product + (bias if beta == 1 else bias * bias.dtype.type(beta)))


def _sum(value: Array, dim: Any = None, keepdim: bool = False) -> Array:
    return np.asarray(value.sum(axis=axes(dim, value.ndim), keepdims=keepdim))


def _mean(value: Array, dim: Any = None, keepdim: bool = False) -> Array:
    return np.asarray(value.mean(axis=axes(dim, value.ndim), keepdims=keepdim))


_REPLACEMENTS: dict[Any, Callable[..., Array]] = {
    aten.mm.default: _mm,
    aten.bmm.default: _mm,
    aten.mv.default: _mm,
    aten.dot.default: _mm,
    aten.addmm.default: _addmm,
    aten.baddbmm.default: _addmm,
    aten.addmv.default: _addmm,
    aten.sum.default: _sum,
    aten.sum.dim_IntList: _sum,
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
}
