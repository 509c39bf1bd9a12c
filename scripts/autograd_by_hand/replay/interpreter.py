"""Execute a recorded program in numpy: sums in given orders, all other operations by IEEE 754.

A tensor is an array of the accumulator's dtype (float32 for the half formats, whose numbers it
holds exactly); each result is rounded once to the tensor's own dtype. Each element holds its values
in all runs (`held`), so that many runs are executed at once and a view remains a view: a value
written in place shows wherever it does in torch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.floats.rounding import FORMATS, accumulator, rounded
from autograd_by_hand.replay.program import (
    CONSTANT,
    SHOWN,
    Call,
    Program,
    add_results,
    arguments,
    is_given,
    numbers_in,
    orders_of_call,
    result_of,
    results_of,
)
from autograd_by_hand.summation.add import product_in_order, sum_in_order
from autograd_by_hand.summation.tree import Orders, unfused

Array = NDArray[Any]


def held(values: Array) -> Array:
    """Return an array (*shape, runs) as an array of `shape` whose elements hold all runs."""
    whole = np.ascontiguousarray(values)
    return whole.view([("runs", whole.dtype, (whole.shape[-1],))])[..., 0]


def tensor_of_runs(runs: Array, dtype: str) -> Array:
    """Round an input's numbers, (runs, *shape), to `dtype`, and hold them for `interpret`."""
    values = np.moveaxis(runs, 0, -1)
    if not np.issubdtype(values.dtype, np.floating):
        return held(values)
    with np.errstate(all="ignore"):
        return held(rounded(values.astype(accumulator(dtype)), dtype))


def knows(call: Call, dtypes: Mapping[int, str]) -> bool:
    """Return whether `interpret` can execute a call that is not a sum.

    dtypes: of the values among its arguments, by number
    """
    op, dtype = call["op"], call["dtype"]
    if isinstance(call["result"], list) or any(isinstance(arg, str) for arg in call["args"]):
        return False
    given = {dtypes[number] for number in numbers_in(call)}
    if op in SHOWN:
        return True
    if op in CONVERSIONS:
        return {dtype, *given} <= set(FORMATS)
    if op in EMPTY:
        return True
    if op in ELEMENTWISE or op in IN_PLACE:
        return dtype in FORMATS and given == {dtype} and not _has_special_arguments(call)
    return False


def _has_special_arguments(call: Call) -> bool:
    """Return whether an argument, such as an exponent, changes what an elementwise call does.

    Numpy's functions accept more arguments than torch's: an output array, a dtype, a shape.
    """
    op, args = call["op"], call["args"]
    if op == "aten.pow.Tensor_Scalar" and args[1] not in (1, 2):
        return True
    operands = 1 if op in ELEMENTWISE and op.endswith(".default") else 2
    simple = all(isinstance(one, dict | int | float) for one in args)
    return call["kwargs"].get("alpha", 1) != 1 or len(args) != operands or not simple


def _empty(call: Call, arrays: dict[int, Array], dtype: str) -> Array:
    """Return memory that the program writes before it reads it.

    Raises
        ValueError: if torch has no such shape or dtype.
    """
    size = EMPTY[call["op"]](*call["args"])
    shape = arrays[size["value"]].shape if isinstance(size, dict) else tuple(size)
    runs = max(array.dtype["runs"].shape[0] for array in arrays.values())
    kind = np.dtype(accumulator(dtype) if dtype in FORMATS else dtype)
    if kind.kind not in "biufc" or not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"{call['op']} does not make memory of {shape} for {dtype}")
    return held(np.zeros((*shape, runs), kind))


def interpret(
    call: Call, arrays: dict[int, Array], orders: Orders | None, rounding: bool = True
) -> None:
    """Execute one known call on `arrays` (by number, held), and add its result to them.

    orders: those of the call if it is a sum, else None
    rounding: whether the result is rounded to the tensor's own dtype

    Raises
        ValueError: if torch makes no such call. A call from an untrusted file may raise any other
            exception as well, but it reads and writes nothing except `arrays`.
    """
    op, dtype = call["op"], call["dtype"] if rounding else accumulator(call["dtype"])
    if op in SHOWN:
        args, kwargs = arguments(call, arrays.__getitem__)
        arrays[result_of(call)] = SHOWN[op](*args, **kwargs)
        return
    if op in EMPTY:
        arrays[result_of(call)] = _empty(call, arrays, dtype)
        return
    if (op in ELEMENTWISE or op in IN_PLACE) and _has_special_arguments(call):
        raise ValueError(f"{op} cannot be executed with these arguments")
    args, kwargs = arguments(call, lambda number: arrays[number]["runs"])
    with np.errstate(all="ignore"):  # inf and nan are valid results, as in torch
        if op.split(".")[1] in ROUNDS_SCALARS:
            args = [
                rounded(np.array(one, accumulator(dtype)), dtype)
                if isinstance(one, int | float)
                else one
                for one in args
            ]
        if op in IN_PLACE:
            args[0][...] = rounded(np.asarray(IN_PLACE[op](*args)), dtype)
            arrays[result_of(call)] = arrays[numbers_in(call)[0]]
            return
        if orders is not None:
            exact = rounding and dtype != accumulator(dtype)  # products of two half-format numbers
            result = SUMS[op](unfused(orders) if exact else orders, *args, **kwargs)
        elif op in CONVERSIONS:
            result = args[0].astype(accumulator(call["dtype"]))
        else:
            result = ELEMENTWISE[op](*args)
    arrays[result_of(call)] = held(rounded(np.asarray(result), dtype))


def run_program(
    program: Program,
    inputs: dict[str, Array],
    orders: list[Orders | None],
    recorded: dict[tuple[int, int], Array],
) -> dict[int, Array]:
    """Execute a program, and return every value by its number, held.

    inputs: by name, held
    orders: of each sum, None if it has none
    recorded: results that are taken as given, held, by (index of the call, number)
    """
    arrays = {number: inputs[name] for name, number in program["inputs"].items() if name in inputs}
    arrays |= {number: recorded[CONSTANT, number] for number in program["constants"]}
    for index, call in enumerate(program["calls"]):
        own = orders_of_call(call, orders)
        if is_given(call, own):
            made = {number: recorded[index, number] for number in results_of(call)}
            add_results(call, arrays, made)
        else:
            interpret(call, arrays, own)
    return arrays


def _biased(orders: Orders, bias: Array, left: Array, right: Array) -> Array:
    return product_in_order(orders, left, right, bias)


def _total(orders: Orders, value: Array, *args: Any, **kwargs: Any) -> Array:
    kwargs.pop("dtype", None)  # its accumulator is the same, or the call would not be a sum
    return sum_in_order(orders, value, *args, **kwargs)


def _mean(orders: Orders, value: Array, *args: Any, **kwargs: Any) -> Array:
    total = _total(orders, value, *args, **kwargs)
    return np.asarray(total / total.dtype.type(value.size // total.size))


def _power(value: Array, exponent: float) -> Array:
    return np.asarray(value * value) if exponent == 2 else np.array(value)


SUMS: Mapping[str, Callable[..., Array]] = {
    "aten.mm.default": product_in_order,
    "aten.bmm.default": product_in_order,
    "aten.mv.default": product_in_order,
    "aten.dot.default": product_in_order,
    "aten.addmm.default": _biased,
    "aten.baddbmm.default": _biased,
    "aten.addmv.default": _biased,
    "aten.sum.default": _total,
    "aten.sum.dim_IntList": _total,
    "aten.mean.default": _mean,
    "aten.mean.dim": _mean,
}
BIASED = {op for op, function in SUMS.items() if function is _biased}
ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "aten.add.Tensor": np.add,
    "aten.add.Scalar": np.add,
    "aten.sub.Tensor": np.subtract,
    "aten.sub.Scalar": np.subtract,
    "aten.rsub.Scalar": lambda first, second: second - first,
    "aten.mul.Tensor": np.multiply,
    "aten.mul.Scalar": np.multiply,
    "aten.div.Tensor": np.divide,
    "aten.div.Scalar": np.divide,
    "aten.neg.default": np.negative,
    "aten.abs.default": np.abs,
    "aten.reciprocal.default": np.reciprocal,
    "aten.pow.Tensor_Scalar": _power,
    "aten.clone.default": np.array,
    "aten.ones_like.default": np.ones_like,
    "aten.zeros_like.default": np.zeros_like,
}
IN_PLACE: Mapping[str, Callable[..., Any]] = {
    "aten.add_.Tensor": np.add,
    "aten.sub_.Tensor": np.subtract,
    "aten.mul_.Tensor": np.multiply,
    "aten.div_.Tensor": np.divide,
    "aten.copy_.default": lambda _target, source: source,
}
EMPTY: Mapping[str, Callable[..., Any]] = {  # by operation: the size, or a tensor that has it
    "aten.empty.memory_format": lambda size: size,
    "aten.empty_like.default": lambda like: like,
    "aten.empty_strided.default": lambda size, _strides: size,
    "aten.new_empty.default": lambda _like, size: size,
    "aten.new_empty_strided.default": lambda _like, size, _strides: size,
}
ROUNDS_SCALARS = (
    "add",
    "sub",
    "rsub",
    "add_",
    "sub_",
)  # torch rounds a Python number before adding it
CONVERSIONS = ("aten._to_copy.default",)
