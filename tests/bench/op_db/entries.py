"""Entries of torch's operator database as an author's forward and backward.

A sample's tensors are named t0, t1, ... in the order of its arguments; those that require a
gradient are differentiated by. All its other arguments are kept as they are.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.testing._internal.common_methods_invocations import op_db

from autograd_by_hand.experiment.output_names import cotangent_of
from autograd_by_hand.experiment.returned_values import differentiable, outputs_of

SEED = 0
FORWARD = """\
from tests.bench.op_db.entries import samples_of

_sample = samples_of({entry!r})[{number}]


def forward({tensors}):
    return _sample.result(dict({given}))
"""
BACKWARD = """\
from tests.bench.op_db.entries import samples_of

_sample = samples_of({entry!r})[{number}]


def backward({tensors}, {cotangents}):
    return _sample.gradients(dict({given}), dict({douts}), {needed}, change="nothing")
"""


@dataclass(frozen=True)
class Named:
    """Stands for a tensor among a sample's arguments."""

    name: str


@dataclass(frozen=True)
class Sample:
    """A call of an entry.

    tensors: every tensor among the arguments, by name
    needed: those that require a gradient
    arguments: input, args and kwargs, with `Named` in place of each tensor
    """

    entry: str
    number: int
    function: Callable[..., Any]
    tensors: dict[str, Tensor]
    needed: list[str]
    arguments: Any

    def result(self, given: dict[str, Tensor]) -> Any:
        """The result on other tensors, dense; a tuple of tensors if it has several."""
        input_, args, kwargs = _replaced(self.arguments, lambda one: given[one.name])
        found = [_plain(one) for one in _flat(self.function(input_, *args, **kwargs))]
        return found[0] if len(found) == 1 else tuple(found)

    def outputs(self, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """The outputs that can be differentiated, by the names of their cotangents."""
        found = outputs_of(self.result(given), self.result, Path("forward.py"))
        found = differentiable(found, self.result, Path("forward.py"))
        return {cotangent_of(name): one for name, one in found.items()}

    def gradients(
        self, given: dict[str, Tensor], douts: dict[str, Tensor], needed: list[str], change: str
    ) -> dict[str, Tensor]:
        """Autograd's own gradients, from a call of its own, with one of `CHANGES`."""
        with torch.enable_grad():
            leaves = {
                name: one.detach().clone().requires_grad_(name in needed)
                for name, one in given.items()
            }
            outputs = self.outputs(leaves)
            made = torch.autograd.grad(
                [*outputs.values()],
                [leaves[name] for name in needed],
                [douts[name].to(one.dtype) for name, one in outputs.items()],
                allow_unused=True,
                materialize_grads=True,
            )
        return {name: CHANGES[change](one.detach()) for name, one in zip(needed, made, strict=True)}

    def sources(self, needed: list[str], cotangents: list[str]) -> tuple[str, str]:
        """The text of forward.py and of backward.py."""
        words = {
            "entry": self.entry,
            "number": self.number,
            "tensors": ", ".join(self.tensors),
            "given": ", ".join(f"{name}={name}" for name in self.tensors),
            "cotangents": ", ".join(cotangents),
            "douts": ", ".join(f"{name}={name}" for name in cotangents),
            "needed": needed,
        }
        return FORWARD.format(**words), BACKWARD.format(**words)

    def cost(self) -> int:
        """How many numbers it takes."""
        return sum(one.numel() for one in self.tensors.values())

    def kind(self) -> str:
        """What distinguishes it from other samples, apart from sizes and values."""
        shapes = [(one.dim(), str(one.dtype)) for one in self.tensors.values()]
        return repr((shapes, self.needed, _kind(self.arguments)))

    def objection(self) -> str | None:
        """Why no config can declare its tensors, or None."""
        for one in self.tensors.values():
            if one.layout != torch.strided:
                return "a sparse input"
            if not one.numel():
                return "an input without elements"
        return None if self.needed else "no input that requires a gradient"


def _shifted(gradient: Tensor) -> Tensor:
    """Transposed if the shape allows it, else moved by one place."""
    if gradient.dim() == 2 and gradient.shape[0] == gradient.shape[1]:
        return gradient.T.clone()
    return gradient.reshape(-1).roll(1).reshape(gradient.shape)


def _sign_turned(gradient: Tensor) -> Tensor:
    """With the sign of the largest element turned."""
    turned = gradient.clone().reshape(-1)
    if len(turned):
        at = int(turned.abs().nan_to_num().argmax())
        turned[at] = -turned[at]
    return turned.reshape(gradient.shape)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "nothing": lambda gradient: gradient,
    "scaled": lambda gradient: gradient * (1 + 1e-3),
    "sign": _sign_turned,
    "shifted": _shifted,
}
WRONG = [change for change in CHANGES if change != "nothing"]


@functools.cache
def entries() -> dict[str, Any]:
    """The entries that are differentiable in float32 on a CPU, by name."""
    return {
        one.full_name: one
        for one in op_db
        if one.supports_autograd
        and torch.float32 in one.supported_dtypes("cpu")
        and torch.float32 in one.supported_backward_dtypes("cpu")
    }


@functools.lru_cache(maxsize=1)
def samples_of(entry: str) -> list[Sample]:
    """Every sample of an entry in float32; the same ones in each process."""
    op = entries()[entry]
    torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - some entries draw from it
    random.seed(SEED)
    inputs = op.sample_inputs("cpu", torch.float32, requires_grad=True)
    return [_taken(op, entry, number, one) for number, one in enumerate(inputs)]


def _taken(op: Any, entry: str, number: int, sample: Any) -> Sample:
    named: dict[int, str] = {}
    tensors: dict[str, Tensor] = {}

    def name(tensor: Tensor) -> Named:
        if id(tensor) not in named:
            named[id(tensor)] = f"t{len(tensors)}"
            tensors[named[id(tensor)]] = tensor
        return Named(named[id(tensor)])

    arguments = _replaced((sample.input, sample.args, sample.kwargs), name, Tensor)

    def function(*args: Any, **kwargs: Any) -> Any:
        made = op.gradcheck_wrapper(op.get_op(), *args, **kwargs)
        return sample.output_process_fn_grad(made)

    return Sample(
        entry,
        number,
        function,
        {name: one.detach() for name, one in tensors.items()},
        [name for name, one in tensors.items() if one.requires_grad],
        arguments,
    )


def _replaced(value: Any, change: Callable[[Any], Any], kind: type = Named) -> Any:
    """A structure of arguments with everything of one kind changed."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {key: _replaced(one, change, kind) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_replaced(one, change, kind) for one in value)
    return value


def _flat(made: Any) -> list[Tensor]:
    if isinstance(made, tuple | list):
        return [tensor for one in made for tensor in _flat(one)]
    return [made] if isinstance(made, Tensor) else []


def _plain(tensor: Tensor) -> Tensor:
    """A dense tensor, as the pipeline asks for."""
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def _kind(value: Any) -> Any:
    """The structure of arguments: texts, flags and small numbers by value, others by type."""
    if isinstance(value, dict):
        return {key: _kind(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value).__name__, *map(_kind, value)
    if isinstance(value, Named):
        return value.name
    if value is None or isinstance(value, str | bool | torch.dtype):
        return str(value)
    if isinstance(value, int | float):
        return type(value).__name__, value < 0, value == 0
    return type(value).__name__
