"""Take the tensors of a run from where they are not drawn: the config, files, and inputs.py."""

from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.settings import (
    INPUTS,
    Argument,
    Given,
    SampleSpec,
    TensorSpec,
    drawn_tensors,
)
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.user_code import (
    Author,
    as_user_error,
    definition_of,
    load_function,
)

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
CONTINUOUS = (*FLOATS, torch.complex128, torch.complex64)
DTYPES = (*CONTINUOUS, torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool)


@dataclass(frozen=True)
class Sources:
    """Where the tensors of an experiment come from that are not drawn.

    folder: the experiment's
    made: the author's inputs.py; None if the config does not name it
    """

    folder: Path
    made: "MadeByAuthor | None" = None

    def constant(self, name: str, spec: TensorSpec) -> Tensor | None:
        """The tensor `name` if it is the same in every run, else None.

        Raises
            UserError: if it cannot be read.
        """
        if "value" in spec:
            written = torch.tensor(spec["value"], dtype=_dtype_of(spec["value"]))
            return written.expand(spec.get("shape", written.shape)).clone()
        file = spec.get("file")
        if file is None:
            return None
        path, key = self.folder / file, spec.get("key", name)
        try:
            with safe_open(path, "pt") as opened:
                tensor: Tensor = opened.get_tensor(key)
        except (SafetensorError, OSError) as error:
            raise UserError(f"{path}: {key!r} cannot be read: {error}.") from error
        if problem := _unusable(tensor, spec):
            raise UserError(f"{path}: {key!r} {problem}.")
        return tensor


def _dtype_of(value: Any) -> torch.dtype | None:
    """The dtype of numbers as they are written: float64, or None if torch's own choice is right."""
    inner = value
    while isinstance(inner, list):
        inner = next((one for one in inner if isinstance(one, float | list)), None)
    return torch.float64 if isinstance(inner, float) else None


def read_sources(
    folder: Path,
    specs: dict[str, TensorSpec],
    samples: dict[str, SampleSpec],
    arguments: dict[str, Argument],
    limit: float,
) -> Sources:
    """The sources of an experiment's tensors, with inputs.py loaded if the config names it.

    folder: the experiment's
    limit: seconds for one call of inputs.py

    Raises
        UserError: if inputs.py is missing, or has no function `inputs` of a generator.
    """
    own = [specs, *(drawn_tensors(specs, sample) for sample in samples.values())]
    made = {name: one for by_name in own for name, one in by_name.items() if "from" in one}
    if not made:
        return Sources(folder)
    path = folder / INPUTS
    function = load_function(path, "inputs", Given(("generator",), arguments), limit)
    return Sources(folder, MadeByAuthor(function, path, made, limit))


class MadeByAuthor:
    """The tensors that the author's `inputs` makes for each run.

    specs: what the config says of them, by name
    limit: seconds for one call
    """

    def __init__(
        self, function: Author, path: Path, specs: dict[str, TensorSpec], limit: float
    ) -> None:
        self._function, self._path, self._limit = function, path, limit
        self._specs, self._place = specs, definition_of(function, path)
        self._first: dict[str, Tensor] | None = None

    def __call__(self, generator: torch.Generator) -> dict[str, Tensor]:
        """The tensors of the next run, by name.

        Raises
            UserError: if `inputs` fails, if it does not give the tensors that the config names, if
                they have another shape or dtype than in the first run, or if it draws without the
                generator.
        """
        before = generator.get_state()
        made = self._call(generator)
        if self._first is None:
            after = generator.get_state()
            generator.set_state(before)
            again = self._call(generator)
            generator.set_state(after)
            for name, tensor in made.items():
                if not same_bits(tensor, again[name]):
                    self._refuse(
                        f"{name!r} is another one when inputs is called again with the generator "
                        "in the same state; draw all that is random with generator=generator"
                    )
            self._first = made
        for name, tensor in made.items():
            first = self._first[name]
            if (tensor.shape, tensor.dtype) != (first.shape, first.dtype):
                self._refuse(
                    f"{name!r} is {_described(tensor)} in a run, and {_described(first)} in the "
                    "first; every run needs the same shapes, so pad what is ragged"
                )
        return made

    def _call(self, generator: torch.Generator) -> dict[str, Tensor]:
        with as_user_error(self._path, self._limit), torch.no_grad():
            made = self._function(**({"generator": generator} if self._takes_generator() else {}))
        if not isinstance(made, dict):
            self._refuse(f"inputs returns a {type(made).__name__}; return a dict of tensors")
        if strange := [name for name in made if name not in self._specs]:
            self._refuse(
                f"inputs gives {strange[0]!r}, which the config does not take from it; write "
                f"`{strange[0]}: {{from: {INPUTS}}}` under tensors"
            )
        if missing := [name for name in self._specs if name not in made]:
            self._refuse(f"inputs does not give {missing[0]!r}, which the config takes from it")
        for name, tensor in made.items():
            if not isinstance(tensor, Tensor):
                kind = type(tensor).__name__
                self._refuse(f"inputs gives {name!r} as a {kind}; it must be a torch.Tensor")
            if problem := _unusable(tensor, self._specs[name]):
                self._refuse(f"{name!r} {problem}")
        return {name: made[name].detach().clone() for name in self._specs}

    def _takes_generator(self) -> bool:
        return "generator" in signature(self._function).parameters

    def _refuse(self, what: str) -> NoReturn:
        raise UserError(f"{self._place}: {what}.")


def _unusable(tensor: Tensor, spec: TensorSpec) -> str | None:
    """The rest of a sentence on why the config cannot take a tensor; None if it can."""
    if tensor.layout != torch.strided or tensor.device.type != "cpu":
        layout = str(tensor.layout).removeprefix("torch.")
        return (
            f"is a {layout} tensor on {tensor.device.type}; give a dense one on the CPU (of a "
            "sparse one, its indices and values)"
        )
    if tensor.dtype not in DTYPES:
        known = ", ".join(map(dtype_name, DTYPES))
        return f"is {dtype_name(tensor.dtype)}; convert it to one of {known}"
    wanted = spec.get("shape")
    if wanted is not None and [*tensor.shape] != wanted:
        return f"has shape {tuple(tensor.shape)}, but the config says {wanted}"
    if spec.get("requires_grad") and tensor.dtype not in CONTINUOUS:
        kind = dtype_name(tensor.dtype)
        return f"is {kind}, which has no gradient; remove its requires_grad from the config"
    if spec.get("requires_grad") and not tensor.numel():
        return "has no elements; remove its requires_grad from the config"
    if "scale" in spec and tensor.dtype not in CONTINUOUS:
        return f"is {dtype_name(tensor.dtype)}, which is not scaled; remove its scale"
    return None


def _described(tensor: Tensor) -> str:
    return f"{dtype_name(tensor.dtype)} of shape {tuple(tensor.shape)}"
