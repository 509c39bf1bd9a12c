"""Torch's matrix products and sums as `Adder`s: the recorded call, with chosen operands.

The operands have the memory layout of the recorded call (strides, and the offset of the data from
a cache line), since a kernel may choose its order by it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.dispatch import HALF, operation, summable
from autograd_by_hand.aten.dtypes import dtype_name, torch_dtype
from autograd_by_hand.aten.numpy_axes import axes
from autograd_by_hand.floats.rounding import FORMATS, accumulator
from autograd_by_hand.summation.adder import Adder, Axis, Example
from autograd_by_hand.summation.orders_file import SumCall, WrittenLayout

Array = NDArray[Any]
aten = torch.ops.aten

CACHE_LINE = 64  # bytes
PRODUCTS = {  # by operation: whether a bias comes before its factors
    aten.mm.default: False,
    aten.bmm.default: False,
    aten.mv.default: False,
    aten.dot.default: False,
    aten.addmm.default: True,
    aten.baddbmm.default: True,
    aten.addmv.default: True,
}
MEANS = {aten.mean.default: aten.sum.default, aten.mean.dim: aten.sum.dim_IntList}
SUMS = (aten.sum.default, aten.sum.dim_IntList, *MEANS)


@dataclass(frozen=True)
class Layout:
    """How a tensor lies in memory.

    strides: in elements
    offset: bytes from the start of a cache line
    device: "cpu" or "cuda"
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    offset: int
    device: str

    @classmethod
    def of(cls, tensor: Tensor) -> "Layout":
        """Return the layout of a tensor."""
        return cls(
            tuple(tensor.shape),
            tensor.stride(),
            tensor.dtype,
            tensor.data_ptr() % CACHE_LINE,
            tensor.device.type,
        )

    def plain(self) -> WrittenLayout:
        """Return the layout in JSON's types."""
        return {
            "shape": list(self.shape),
            "strides": list(self.strides),
            "dtype": dtype_name(self.dtype),
            "offset": self.offset,
            "device": self.device,
        }

    @classmethod
    def read(cls, plain: WrittenLayout) -> "Layout":
        """Read a layout that `plain` returned."""
        return cls(
            tuple(plain["shape"]),
            tuple(plain["strides"]),
            torch_dtype(plain["dtype"]),
            plain["offset"],
            plain["device"],
        )

    def shared(self) -> bool:
        """Return whether several elements share one place in memory."""
        return any(s == 0 and n > 1 for s, n in zip(self.strides, self.shape, strict=True))

    def empty(self) -> Tensor:
        """Return a tensor of this layout; a contiguous one if elements share memory.

        Raises
            ValueError: if the memory cannot be aligned to the element.
        """
        if self.shared():
            return torch.empty(self.shape, dtype=self.dtype, device=self.device)
        last = sum((n - 1) * s for s, n in zip(self.strides, self.shape, strict=True))
        size = self.dtype.itemsize
        memory = torch.empty(
            (last + 1) * size + 2 * CACHE_LINE, dtype=torch.uint8, device=self.device
        )
        start = (self.offset - memory.data_ptr()) % CACHE_LINE
        start += 0 if start % size == 0 else CACHE_LINE
        if (memory.data_ptr() + start) % size:
            raise ValueError("memory is not aligned to the element")
        memory = memory[start:]
        if memory.storage_offset() % size:  # a view as another type has to start at an element
            return torch.empty_strided(
                self.shape, self.strides, dtype=self.dtype, device=self.device
            )
        whole = memory[: (len(memory) // size) * size].view(self.dtype)
        return whole.as_strided(self.shape, self.strides, whole.storage_offset())


def adds(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether a call is a sum whose terms can be chosen one by one.

    args: as in the call, with a `Layout` for each tensor
    """
    layouts = [arg for arg in args if isinstance(arg, Layout)]
    if not layouts or not all(dtype_name(layout.dtype) in FORMATS for layout in layouts):
        return False
    if 0 in [size for layout in layouts for size in layout.shape]:
        return False
    if function in PRODUCTS:
        return not set(kwargs.values()) - {1}
    if function not in SUMS or set(kwargs) - {"dtype"}:
        return False
    if function in MEANS and kwargs.get("dtype") not in (None, layouts[0].dtype):
        return False
    given = dtype_name(layouts[0].dtype)
    into = dtype_name(kwargs.get("dtype") or layouts[0].dtype)
    return into in FORMATS and accumulator(given) == accumulator(into)


def _drawn(generator: np.random.Generator, shape: tuple[int, ...], name: str) -> Array:
    """Return random numbers of many sizes, for a dtype, in its accumulator."""
    numbers = generator.standard_normal(shape) * 2.0 ** generator.integers(-4, 5, shape)
    return numbers.astype(accumulator(name))


def adder(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Adder:
    """Return the `Adder` of a call for which `adds` is true, with the same arguments."""
    layouts = [arg for arg in args if isinstance(arg, Layout)]
    if function in PRODUCTS:
        return Product(function, layouts, PRODUCTS[function])
    return Sum(function, layouts[0], args[1:], kwargs)


def adder_of(described: SumCall, dtype: torch.dtype | None = None) -> Adder:
    """Return the `Adder` of a sum that an `Observer` recorded.

    dtype: instead of a half format among its operands, or None for the recorded dtypes
    """
    args = tuple(
        Layout.read(arg) if isinstance(arg, dict) and "shape" in arg else arg
        for arg in described["args"]
    )
    kwargs: dict[str, Any] = dict(described["kwargs"])
    if kwargs.get("dtype"):
        kwargs["dtype"] = torch_dtype(kwargs["dtype"])
    if dtype is not None:
        args = tuple(
            replace(arg, dtype=dtype, offset=0)
            if isinstance(arg, Layout) and arg.dtype in HALF
            else arg
            for arg in args
        )
    return adder(operation(described["op"]), args, kwargs)


class Product:
    """A matrix product, with or without a bias."""

    multiplies = True

    def __init__(self, function: Any, layouts: list[Layout], bias: bool) -> None:
        self.function, self.bias = function, bias
        self.format = self.result = dtype_name(layouts[-1].dtype)
        self.operands = [layout.empty() for layout in layouts]
        first, second = self.operands[-2:]
        if second.dim() == 1:
            second = second[:, None]
        if first.dim() == 1:
            first = first[None]
        self.left = first if first.dim() == 3 else first[None]  # (batch, rows, terms)
        right = second if second.dim() == 3 else second[None]
        self.right = right.transpose(1, 2)  # (batch, columns, terms)
        self.shape = (self.left.shape[0], self.left.shape[1], self.right.shape[1])
        self.terms = self.left.shape[2]
        sides: list[Axis] = ["columns", "rows"]
        own = [
            side
            for side, one in zip(sides, (layouts[-1], layouts[-2]), strict=True)
            if not one.shared()
        ]
        self.axes = tuple(own or sides)

    def add(self, axis: Axis, own: Array, shared: float, bias: float) -> Array:
        """See `Adder.add`."""
        mine, other = (self.left, self.right) if axis == "rows" else (self.right, self.left)
        mine.copy_(torch.from_numpy(own.reshape(mine.shape)))
        other.fill_(shared)
        if self.bias:
            self.operands[0].fill_(bias)
        return self._called()

    def example(self, generator: np.random.Generator, cancelling: bool) -> Example:
        """See `Adder.example`."""
        batch, rows, columns = self.shape
        left = _drawn(generator, (batch, rows, self.terms), self.format)
        right = _drawn(generator, (batch, columns, self.terms), self.format)
        bias = _drawn(generator, (columns,), self.format) * self.bias
        if cancelling:
            shuffled = generator.permutation(self.terms)
            half = self.terms // 2
            first, second, rest = shuffled[:half], shuffled[half : 2 * half], shuffled[2 * half :]
            left[:, :, second], right[:, :, second] = -left[:, :, first], right[:, :, first]
            left[:, :, rest] = 1
            right[:, :, rest] = -bias[:, None]
            if not len(rest):
                bias[:] = 0
        self.left.copy_(torch.from_numpy(left))
        self.right.copy_(torch.from_numpy(right))
        onto = None
        if self.bias:
            self._fill_bias(torch.from_numpy(bias))
            onto = self._bias_bits()
        return self._called(), np.array(summable(self.left)), np.array(summable(self.right)), onto

    def _fill_bias(self, bias: Tensor) -> None:
        """Fill the bias with a number per column, or with the first one where it has no columns."""
        operand = self.operands[0]
        if operand.shape and operand.shape[-1] == len(bias):
            operand.copy_(bias.expand(operand.shape))
        else:
            operand.fill_(float(bias[0]))

    def _bias_bits(self) -> Array:
        onto = self.operands[0]
        if self.operands[-1].dim() == 1 and onto.dim():
            onto = onto[:, None]
        return np.array(np.broadcast_to(summable(onto), self.shape))

    def _called(self) -> Array:
        return summable(self.function(*self.operands)).reshape(self.shape)


class Sum:
    """A sum over some axes of a tensor, or the sum in a mean, before the division.

    For the mean of a half format, torch sums a float32 copy.
    """

    multiplies = False
    bias = False
    axes: tuple[Axis, ...] = ("columns",)

    def __init__(self, function: Any, layout: Layout, args: tuple[Any, ...], kwargs: Any) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        if function in MEANS:
            self.function, self.kwargs = MEANS[function], {}
            if layout.dtype in HALF:
                layout = replace(layout, dtype=torch.float32, offset=0)
        self.operand = layout.empty()
        reduced = axes(self.args[0] if self.args else None, len(layout.shape))
        every = range(len(layout.shape))
        reduced = tuple(every) if reduced is None else reduced
        kept = [axis for axis in every if axis not in reduced]
        self.view = self.operand.permute([*kept, *sorted(reduced)])
        self.terms = int(np.prod([layout.shape[axis] for axis in reduced], dtype=np.int64))
        self.shape = (1, 1, self.operand.numel() // max(self.terms, 1))
        self.format = dtype_name(layout.dtype)
        self.result = dtype_name(kwargs.get("dtype") or layout.dtype)

    def add(self, axis: Axis, own: Array, shared: float, bias: float) -> Array:  # noqa: ARG002
        """See `Adder.add`; a sum has one axis, no factor and no bias."""
        self.view.copy_(torch.from_numpy(own.reshape(self.view.shape)))
        return self._called()

    def example(self, generator: np.random.Generator, cancelling: bool) -> Example:
        """See `Adder.example`."""
        terms = _drawn(generator, (self.shape[2], self.terms), self.format)
        if cancelling:
            shuffled, half = generator.permutation(self.terms), self.terms // 2
            terms[:, shuffled[half : 2 * half]] = -terms[:, shuffled[:half]]
            terms[:, shuffled[2 * half :]] = 0
        self.view.copy_(torch.from_numpy(terms.reshape(self.view.shape)))
        bits = np.array(summable(self.view)).reshape(1, -1, self.terms)
        return self._called(), np.ones((1, 1, self.terms), bits.dtype), bits, None

    def _called(self) -> Array:
        result = self.function(self.operand, *self.args, **self.kwargs)
        return summable(result).reshape(self.shape)
