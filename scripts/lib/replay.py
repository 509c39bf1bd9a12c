"""Add in a revealed order, in numpy: the bits that the kernel gives, without the kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.lib.fma import fma
from scripts.lib.order import ADD
from scripts.lib.reveal import Order

Array = NDArray[Any]


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
