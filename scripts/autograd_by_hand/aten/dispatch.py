"""See torch's operations below autograd, and its tensors as numpy's arrays."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.torch_private import TorchDispatchMode

HALF = (torch.float16, torch.bfloat16)


class DispatchMode(TorchDispatchMode):
    """Within it, `execute` is called in place of each operation, and what it returns is the result.

    A mode overrides `execute`; within that, operations are torch's own again.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of the operation `func`; the arguments may be changed, they are no one's."""
        return func(*args, **kwargs)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return self.execute(func, args, dict(kwargs or {}))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler (0.7 s) to keep it out of here


def summable(tensor: Tensor) -> NDArray[Any]:
    """A tensor of any device as an array for numpy to sum in, strides kept: halves in float32."""
    wide = tensor.float() if tensor.dtype in HALF else tensor
    array: NDArray[Any] = wide.detach().cpu().numpy()
    return array


def operation(name: str) -> Any:
    """The operation that `str` names so: `aten.mm.default`."""
    namespace, packet, overload = name.split(".")
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload)
