"""Add in a revealed order in numpy, to get the kernel's bits without the kernel.

Many runs are added at once: arrays have the runs along their last axis.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.aten.numpy_axes import axes
from autograd_by_hand.floats.fma import fma, two_sum
from autograd_by_hand.summation.tree import ADD, Order, Orders

Array = NDArray[Any]
AT_ONCE = 2**16  # sums added at once, so that their summands stay in the processor's cache


def add_in_order(
    order: Order, left: Array, right: Array | None = None, bias: Array | None = None
) -> Array:
    """Return the sums over the first axis of left * right, plus the bias, added in `order`.

    left, right: (terms, ...), broadcast against each other, in the accumulator's dtype (float64 or
        float32), which holds the numbers of a half format exactly; right is None if the kernel
        does not multiply
    bias: (...), in the same dtype
    returns: (...), not yet rounded to a narrower dtype
    """
    fused = order.fused.tolist()

    def summand(number: int) -> Array:
        if number == len(left) and bias is not None:
            return bias
        one: Array = left[number]
        return one if right is None else one * right[number]

    if order.compensated:
        return _compensated(summand(number) for number in order.tree.tolist() if number != ADD)
    stack: list[int | Array] = []  # a summand's number until it is added, then a sum
    for step in order.tree.tolist():
        if step != ADD:
            stack.append(step)
            continue
        added, onto = stack.pop(), stack.pop()
        total = summand(onto) if isinstance(onto, int) else onto
        if not isinstance(added, int):
            stack.append(total + added)
        elif right is not None and fused[added]:
            stack.append(fma(left[added], right[added], total))
        else:
            stack.append(total + summand(added))
    last = stack.pop()
    result = summand(last) if isinstance(last, int) else last
    return np.asarray(result + result.dtype.type(0) if order.from_zero else result)


def _compensated(summands: Iterator[Array]) -> Array:
    """Add with compensation: sum the rounding error of each addition separately, add it at the end.

    Ogita, Rump & Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput. 26(6), 2005,
    algorithm 4.1 (which gives the result of Neumaier 1974).
    """
    total = next(summands)
    lost = np.zeros_like(total)
    for one in summands:
        total, error = two_sum(total, one)
        lost = lost + error
    return np.asarray(np.where(np.isfinite(lost), total + lost, total))


def product_in_order(orders: Orders, left: Array, right: Array, bias: Array | None = None) -> Array:
    """Multiply matrices, batches of them or vectors, plus the bias, each position in its own order.

    left, right: (rows, terms, runs) and (terms, columns, runs); batches have one more axis in
        front, and a vector lacks the rows or the columns
    bias: broadcast to the result's shape
    returns: (rows, columns, runs), with the batch axis and without rows or columns as the factors
    """
    vectors = [axis for axis, one in ((1, left), (2, right)) if one.ndim == 2]
    first = left[None] if left.ndim == 2 else left
    second = right[:, None] if right.ndim == 2 else right
    first, second = (one if one.ndim == 4 else one[None] for one in (first, second))
    first, second = first.transpose(2, 0, 1, 3), second.transpose(1, 0, 2, 3)  # terms first
    runs = max(one.shape[-1] for one in (first, second, *([] if bias is None else [bias])))
    result = np.empty((*orders.which.shape, runs), left.dtype)
    if bias is not None:
        onto = np.expand_dims(bias, -2) if 2 in vectors and bias.ndim > 1 else bias
        bias = np.broadcast_to(onto, result.shape)
    for order, batches, rows, columns in _grids(orders, runs):
        mine = np.ix_(batches, rows, columns)
        result[mine] = add_in_order(
            order,
            first[:, batches[:, None], rows][:, :, :, None],
            second[:, batches[:, None], columns][:, :, None],
            None if bias is None else bias[mine],
        )
    kept = [n for axis, n in enumerate(orders.which.shape) if axis not in vectors]
    return result.reshape(*kept[0 if max(left.ndim, right.ndim) == 4 else 1 :], runs)


def _grids(orders: Orders, runs: int) -> Iterator[tuple[Order, Array, Array, Array]]:
    """Yield each order with grids of positions (batches x rows x columns) that add in it."""
    for number, order in enumerate(orders.orders):
        for batches, plane in _alike(orders.which == number):
            for rows, line in _alike(plane):
                columns = np.flatnonzero(line)
                if not len(columns):
                    continue
                step = max(1, AT_ONCE // (len(batches) * len(columns) * runs))
                for start in range(0, len(rows), step):
                    yield order, batches, rows[start : start + step], columns


def _alike(member: Array) -> Iterator[tuple[Array, Array]]:
    """Group the equal parts along an array's first axis: yield their indices, and one part."""
    numbers: dict[bytes, list[int]] = {}
    for number, part in enumerate(member):
        numbers.setdefault(part.tobytes(), []).append(number)
    for same in numbers.values():
        yield np.array(same), member[same[0]]


def sum_in_order(orders: Orders, value: Array, dim: Any = None, keepdim: bool = False) -> Array:
    """Sum over some axes (torch's `dim` and `keepdim`), each position in its own order.

    value: (*shape, runs)
    returns: (*remaining axes, runs)
    """
    *shape, runs = value.shape
    reduced = axes(dim, len(shape))
    reduced = tuple(range(len(shape))) if reduced is None else tuple(sorted(reduced))
    kept = [axis for axis in range(len(shape)) if axis not in reduced]
    count = int(np.prod([shape[axis] for axis in reduced], dtype=np.int64))
    terms = value.transpose(*reduced, *kept, len(shape)).reshape(count, -1, runs)
    result = np.empty(terms.shape[1:], terms.dtype)
    for number, order in enumerate(orders.orders):
        mine = orders.which.ravel() == number
        result[mine] = add_in_order(order, terms[:, mine])
    if keepdim:
        return result.reshape(
            [1 if axis in reduced else n for axis, n in enumerate(shape)] + [runs]
        )
    return result.reshape([shape[axis] for axis in kept] + [runs])
