"""Write down every operation that torch carries out, with what went in and what came out.

Autograd's own operations pass here as the author's do, in the order in which they are done. A
tensor is known by the memory that it shows and not by its Python object, since autograd hands out
new objects for what it saved.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from scripts.lib.adders import Layout
from scripts.lib.dispatch import DispatchMode


@dataclass(frozen=True)
class Value:
    """Stands for a tensor among the arguments and results of calls."""

    number: int


@dataclass(frozen=True)
class Call:
    """One operation.

    args, kwargs, results: as torch had them, each tensor replaced by its `Value`
    layouts: of each tensor among the arguments, when the call began
    """

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    layouts: dict[int, Layout]
    results: Any


class Observer(DispatchMode):
    """Within it, each operation is appended to `calls`.

    Every tensor met is kept in `tensors`, by its value's number, so that no memory is used twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.tensors: list[Tensor] = []
        self.constants: dict[int, Tensor] = {}
        self._numbers: dict[Any, int] = {}

    def value(self, tensor: Tensor) -> Value:
        """The value that stands for a tensor; a new one if its memory was never met."""
        place = (
            tensor.untyped_storage().data_ptr(),
            tensor.storage_offset(),
            tuple(tensor.shape),
            tensor.stride(),
            tensor.dtype,
        )
        if tensor.numel() == 0:
            place = (id(tensor), *place[1:])
        if place not in self._numbers:
            self._numbers[place] = len(self.tensors)
            self.tensors.append(tensor.detach())
        return Value(self._numbers[place])

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        known = len(self.tensors)
        layouts: dict[int, Layout] = {}

        def given(tensor: Tensor) -> Value:
            value = self.value(tensor)
            layouts[value.number] = Layout.of(tensor)
            if value.number >= known:  # torch made it out of our sight: a number in the code
                self.constants[value.number] = tensor.detach().clone()
            return value

        before = replaced(args, given), replaced(kwargs, given)
        results = func(*args, **kwargs)
        self.calls.append(Call(func, *before, layouts, replaced(results, self.value)))
        return results


def replaced(structure: Any, replacement: Callable[[Any], Any], kind: type = Tensor) -> Any:
    """Lists, tuples and dicts with each tensor (or other `kind`) in them replaced."""
    if isinstance(structure, kind):
        return replacement(structure)
    if isinstance(structure, dict):
        return {key: replaced(value, replacement, kind) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(replaced(value, replacement, kind) for value in structure)
    return structure
