"""Add in a revealed order, in numpy: the bits that the kernel gives, without the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.lib.axes import axes
from scripts.lib.fma import fma
from scripts.lib.order import ADD
from scripts.lib.reveal import Order, Orders

Array = NDArray[Any]
AT_ONCE = 4096  # positions, so that what is gathered for them stays small


def add_in_order(
    order: Order, left: Array, right: Array | None = None, bias: Array | None = None
) -> Array:
    """The sums over the last axis of left * right, plus the bias, as `order` adds them.

    left, right: (..., terms), broadcast against each other, float64 or float32: the accumulator's
        format, in which numbers of a half format are exact; right is None where nothing multiplies
    bias: (...), the same format
    returns: (...), not yet rounded to a narrower format
    """
    terms = left.shape[-1]
    fused = order.fused.tolist()

    def summand(number: int) -> Array:
        if number == terms and bias is not None:
            return bias
        one: Array = left[..., number]
        return one if right is None else one * right[..., number]

    stack: list[int | Array] = []  # a summand's number until it is added, then a sum
    with np.errstate(all="ignore"):  # inf and nan are results here as they are the kernel's
        for step in order.tree.tolist():
            if step != ADD:
                stack.append(step)
                continue
            added, onto = stack.pop(), stack.pop()
            total = summand(onto) if isinstance(onto, int) else onto
            if not isinstance(added, int):
                stack.append(total + added)
            elif right is not None and fused[added]:
                stack.append(fma(left[..., added], right[..., added], total))
            else:
                stack.append(total + summand(added))
        last = stack.pop()
        result = summand(last) if isinstance(last, int) else last
        return np.asarray(result + result.dtype.type(0) if order.from_zero else result)


def product_in_order(orders: Orders, left: Array, right: Array, bias: Array | None = None) -> Array:
    """The product plus the bias, of matrices, batches or vectors, each position in its order."""
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
        places = np.argwhere(orders.which == number)
        for start in range(0, len(places), AT_ONCE):
            batch, row, column = places[start : start + AT_ONCE].T
            added = None if bias is None else bias[batch, row, column]
            one = add_in_order(order, first[batch, row], second[batch, column], added)
            result[batch, row, column] = one
    drop = tuple(
        axis for axis, one in ((len(shape) - 2, left), (len(shape) - 1, right)) if one.ndim == 1
    )
    return result.reshape(shape).squeeze(drop)


def sum_in_order(orders: Orders, value: Array, dim: Any = None, keepdim: bool = False) -> Array:
    """The sum over some axes (torch's `dim` and `keepdim`), each position in its order."""
    reduced = axes(dim, value.ndim)
    reduced = tuple(range(value.ndim)) if reduced is None else tuple(sorted(reduced))
    kept = [axis for axis in range(value.ndim) if axis not in reduced]
    count = int(np.prod([value.shape[axis] for axis in reduced], dtype=np.int64))
    terms = value.transpose(*kept, *reduced).reshape(-1, count)
    result = np.empty(len(terms), terms.dtype)
    for number, order in enumerate(orders.orders):
        mine = orders.which.ravel() == number
        result[mine] = add_in_order(order, terms[mine])
    if keepdim:
        return result.reshape([1 if axis in reduced else n for axis, n in enumerate(value.shape)])
    return result.reshape([value.shape[axis] for axis in kept])
