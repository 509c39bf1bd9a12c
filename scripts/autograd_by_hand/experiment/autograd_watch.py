"""Find out whether the author's backward has autograd compute the gradient, or a part of it.

Every operation that backward executes is intercepted below autograd, where torch says which node of
a graph its engine is executing. The nodes of torch's own operations are autograd at work; those of
the author's own torch.autograd.Function are not. From where a tensor comes is followed by its
memory, so that a gradient that the engine gave is told from one that was computed from such. What a
thread of the author's own does is not seen.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import DispatchMode, has_memory
from autograd_by_hand.aten.torch_private import differentiating, is_own_function, running_node
from autograd_by_hand.core.frames import frames
from autograd_by_hand.experiment.autograd_use import AutogradUse

aten = torch.ops.aten

FORWARD_MODE = "forward mode"  # in place of a node's name
MOVES = (
    aten.clone.default,
    aten._to_copy.default,  # noqa: SLF001 - an operation's name
    aten.copy_.default,
    aten.cat.default,
    aten.stack.default,
)
_AUTOGRAD, _MIXED = 1, 2


class AutogradWatch(DispatchMode):
    """A context that notices when backward uses autograd.

    path: the author's backward.py
    cotangents: those that backward gets; handing one down unchanged is no work
    """

    def __init__(self, path: Path, cotangents: list[Tensor]) -> None:
        super().__init__()
        self._path, self._cotangents = str(path), cotangents
        self._origins: dict[int, int] = {}  # by address
        self._held: list[Tensor] = []  # so that no address is used again
        self._nodes: dict[str, None] = {}
        self._lines: dict[int, None] = {}
        self._seeds: dict[int, bool] = {}  # by call of the engine: whether it is given a seed
        self._with_own: set[int] = set()  # the calls that reach a Function of the author's

    def found(self, gradients: dict[str, Tensor]) -> AutogradUse | None:
        """How the gradients that backward gave use autograd; None if they do not.

        gradients: by tensor, or copies of them that were made within the context
        """
        silent = {*self._seeds} - self._with_own
        if not (self._nodes or silent):
            return None
        origins = {name: self._origin([value]) for name, value in gradients.items()}
        given = [name for name, origin in origins.items() if origin == _AUTOGRAD]
        alone = not self._with_own and all(self._seeds.values())
        return {
            "whole": alone and 0 < len(given) == len(gradients),
            "gradients": given,
            "nodes": sorted(self._nodes),
            "lines": sorted(self._lines),
        }

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute an operation, and note where its result comes from."""
        results = func(*args, **kwargs)
        running, inputs = running_node(), _tensors((args, kwargs))
        origin, moves = self._origin(inputs), _only_moves(func)
        if running and is_own_function(running[1]):
            self._with_own.add(running[0])
        if running:
            begins = self._seeds.get(running[0], False) or any(map(self._is_seed, inputs))
            self._seeds[running[0]] = begins
        if running and not is_own_function(running[1]):
            self._note_line()
            accumulates = running[1].name().endswith("AccumulateGrad")
            if not (moves or accumulates):
                origin = self._computed(running[1].name(), results)
        elif differentiating():
            if not moves:
                origin = self._computed(FORWARD_MODE, results)
        elif origin and not moves and not self._pairs(inputs):
            origin = _MIXED
        if origin:
            for tensor in _tensors(results):
                self._held.append(tensor)
                self._origins[_address(tensor)] = origin
        return results

    def _computed(self, node: str, results: Any) -> int:
        """Note a result that autograd computes, unless it is only the cotangent again."""
        if all(map(self._is_cotangent, _tensors(results))):
            return 0
        self._nodes[node] = None
        self._note_line()
        return _AUTOGRAD

    def _note_line(self) -> None:
        """Note the line of the author's function that is being executed."""
        lines = [line for file, line in frames() if file == self._path]
        if lines:
            self._lines[lines[-1]] = None  # others are of functions that it or torch calls

    def _origin(self, tensors: list[Tensor]) -> int:
        return max((self._origins.get(_address(one), 0) for one in tensors), default=0)

    def _pairs(self, inputs: list[Tensor]) -> bool:
        """Whether an operation only pairs what autograd gave with a cotangent, as after jacrev."""
        others = [one for one in inputs if not self._origin([one])]
        return bool(others) and all(map(self._is_cotangent, others))

    def _is_seed(self, tensor: Tensor) -> bool:
        """Whether autograd can begin with a tensor: a cotangent, or the identity matrix."""
        if self._is_cotangent(tensor):
            return True
        ones = (tensor == 1).sum()
        return bool(ones == (tensor != 0).sum() and ones**2 == tensor.numel())

    def _is_cotangent(self, tensor: Tensor) -> bool:
        """Whether a tensor is all ones, or has the elements of a cotangent in their order."""
        flat = tensor.detach().reshape(-1)
        return bool((flat == 1).all()) or any(
            torch.equal(flat, one.detach().reshape(-1).to(flat)) for one in self._cotangents
        )


def _only_moves(func: Any) -> bool:
    """Whether an operation computes nothing: it copies, or gives another view."""
    return func.is_view or func in MOVES or torch.Tag.inplace_view in func.tags


def _tensors(values: Any) -> list[Tensor]:
    """The tensors among an operation's arguments or results, also those in its lists.

    Those without memory are left out: no address identifies them, and torch.equal does not survive
    autograd's zeros.
    """
    if isinstance(values, Tensor):
        return [values] if has_memory(values) else []
    if isinstance(values, dict):
        values = [*values.values()]
    nested = values if isinstance(values, list | tuple) else []
    return [tensor for one in nested for tensor in _tensors(one)]


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
