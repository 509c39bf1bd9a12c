"""Intercept torch's operations below autograd, and read tensors as numpy arrays."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.torch_private import TorchDispatchMode, is_zero_without_memory

Keywords = dict[str, Any]  # the keyword arguments of an operation, which may be of any type
HALF = (torch.float16, torch.bfloat16)


class DispatchMode(TorchDispatchMode):
    """A context in which `execute` is called in place of each operation and returns its result.

    Subclasses override `execute`; the operations that it calls are not intercepted.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        """The result of the operation `func`; `kwargs` is a copy that may be modified."""
        return func(*args, **kwargs)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Keywords | None = None,
    ) -> Any:
        return self.execute(func, args, dict(kwargs or {}))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise torch imports its compiler (0.7 s) to exclude this mode from it


def has_memory(tensor: Tensor) -> bool:
    """Whether a tensor's elements lie in memory one by one, as those of a sparse one do not."""
    return tensor.layout == torch.strided and not is_zero_without_memory(tensor)


def materialized(tensor: Tensor) -> Tensor:
    """A tensor whose elements lie in memory with the values that it shows; itself if they do."""
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if is_zero_without_memory(tensor):
        tensor = tensor.clone()
    if tensor.is_conj() or tensor.is_neg():
        tensor = tensor.resolve_conj().resolve_neg()
    return tensor


def summable(tensor: Tensor) -> NDArray[Any]:
    """A tensor of any device as a numpy array with the same strides; half formats in float32.

    Complex numbers with parts of a half format are in complex64, 8-bit formats in float32.
    """
    wide = tensor
    if tensor.dtype == torch.complex32:
        wide = tensor.to(torch.complex64)
    elif tensor.dtype in HALF or (tensor.is_floating_point() and tensor.itemsize == 1):
        wide = tensor.float()
    array: NDArray[Any] = materialized(wide.detach()).cpu().numpy()
    return array


def operation(name: str) -> Any:
    """The operation with a name such as `aten.mm.default`, which is its `str`."""
    namespace, packet, overload = name.split(".")
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload)
