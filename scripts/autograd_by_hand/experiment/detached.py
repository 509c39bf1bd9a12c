"""What a function detaches from autograd's graph: where, and the function with that held fixed.

Autograd takes what is detached for a constant. Finite differences move it with the inputs, and so
agree with autograd only if it is held at its value.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, resolve_name

from autograd_by_hand.aten.torch_private import is_own_function
from autograd_by_hand.core.frames import frames
from autograd_by_hand.experiment.gradient_stops import Stop
from autograd_by_hand.experiment.user_code import Author

DETACHING = ("detach", "detach_", "data", "item", "tolist", "numpy", "__float__", "__int__")
STEPS = ("round", "round_", "floor", "ceil", "trunc", "fix", "sign", "heaviside")
NO_GRAD = "torch.no_grad"


@contextmanager
def finding_stops(path: Path) -> Iterator[list[Stop]]:
    """A context that lists where a function that is called in it stops derivatives.

    path: the author's file
    """
    finder = _Finder(str(path))
    with finder:
        yield finder.stops


def functions_behind(outputs: Iterable[Tensor], path: Path) -> list[Stop]:
    """The autograd Functions in the graph behind forward's outputs that are not torch's own."""
    found = []
    for node in _nodes_behind(outputs):
        if is_own_function(node):
            name = type(node).__name__.removesuffix("Backward")
            line = _line_of_definition(node, path)
            found.append(Stop(kind="function", operation=name, line=line))
    return found


def detached_fixed(function: Author) -> Author:
    """The function with everything that it detaches held at its value in the first call."""
    kept: list[tuple[str, Any]] = []
    first = True

    @wraps(function)
    def with_fixed(**tensors: Any) -> Any:
        nonlocal first
        mode = _Fixed(kept, first)
        first = False
        # gradcheck calls with gradients disabled, which must not be taken for the function's own
        leafless = {name: _copy(value) for name, value in tensors.items()}
        with torch.enable_grad(), mode:
            return function(**leafless)

    return with_fixed


def _line_of_definition(node: Any, path: Path) -> int | None:
    forward = getattr(getattr(type(node), "_forward_cls", None), "forward", None)
    code = getattr(forward, "__code__", None)
    return code.co_firstlineno if code and code.co_filename == str(path) else None


def _nodes_behind(outputs: Iterable[Tensor]) -> Iterator[Any]:
    waiting: list[Any] = [output.grad_fn for output in outputs]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
            yield node


class _Finder(TorchFunctionMode):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.stops: list[Stop] = []
        self._path = path

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = _name(func)
        if any(isinstance(one, Tensor) and one.requires_grad for one in args):
            if name in STEPS:
                self._note("step", name)
            elif name in DETACHING:
                self._note("detach", name)
            elif _in_no_grad():
                self._note("detach", NO_GRAD)
        return func(*args, **(kwargs or {}))

    def _note(self, kind: str, operation: str) -> None:
        line = next((line for file, line in frames() if file == self._path), None)
        stop = Stop(kind=kind, operation=operation, line=line)
        if stop not in self.stops:
            self.stops.append(stop)


class _Fixed(TorchFunctionMode):
    """Keeps what is detached, or gives what was kept.

    kept: the names of the operations that detach, in their order, each with its result
    """

    def __init__(self, kept: list[tuple[str, Any]], first: bool) -> None:
        super().__init__()
        self._kept, self._first, self._next = kept, first, 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name, result = _name(func), func(*args, **(kwargs or {}))
        if not (name in DETACHING or _in_no_grad()):
            return result
        if self._first:
            self._kept.append((name, _copy(result)))
            return result
        number, self._next = self._next, self._next + 1
        if number >= len(self._kept) or self._kept[number][0] != name:
            return result  # the function went another way
        value = self._kept[number][1]
        if isinstance(result, Tensor) and result is args[0]:  # it wrote into its argument
            return result.copy_(value)
        return _copy(value)


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _name(func: Any) -> str:
    """The name of a function of torch: `detach` of torch.Tensor.detach, `data` of its getter."""
    parts = (resolve_name(func) or "").removesuffix(".__get__").split(".")
    return str(parts[-1])


def _in_no_grad() -> bool:
    """Whether gradients are disabled, and not only since an autograd Function is executed."""
    functions = torch.autograd.function.__file__
    return not torch.is_grad_enabled() and all(file != functions for file, _ in frames())
