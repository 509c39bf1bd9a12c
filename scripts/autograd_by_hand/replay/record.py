"""Record every operation that torch executes, with its arguments and its results.

Autograd's operations are recorded as the author's are, in the order of their execution. A tensor is
identified by the memory that it shows and not by its Python object, since autograd returns new
objects for the tensors that it saved.
"""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import DispatchMode, has_memory, materialized
from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.experiment.local_variables import variables_of
from autograd_by_hand.experiment.output_names import RESULT
from autograd_by_hand.experiment.vjp import Backward, Cotangents, Forward
from autograd_by_hand.replay.interpreter import knows
from autograd_by_hand.replay.program import (
    CONSTANT,
    Call,
    Program,
    constants_shown,
    numbers_in,
    results_of,
)
from autograd_by_hand.summation.kernels import Layout, adds
from autograd_by_hand.summation.orders_file import SumCall


class Observer(DispatchMode):
    """A context in which each operation that torch executes is appended to `calls`.

    inputs: the numbers of the tensors that exist before, by name
    calls: the operations, as in a `Program`
    sums: the distinct sums among them: operation and layouts of the operands
    recorded: the results that numpy cannot compute, and those of every sum, by (index of the call,
        number); the index is CONSTANT for a value that no call made
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.sums: list[SumCall] = []
        self.inputs: dict[str, int] = {}
        self.constants: list[int] = []
        self.recorded: dict[tuple[int, int], Tensor] = {}
        self.tensors: list[Tensor] = []  # all of them, so that no memory is reused
        self._numbers: dict[Any, int] = {}
        self._alive: list[
            Tensor
        ] = []  # so that no id is used twice; autograd copies what it shares

    def number(self, tensor: Tensor) -> int:
        """Return the number of a tensor's value; a new one if its memory is new."""
        memory: tuple[Any, ...] = (id(tensor),)
        if has_memory(tensor) and tensor.numel():
            memory = (
                tensor.untyped_storage().data_ptr(),
                tensor.storage_offset(),
                tuple(tensor.shape),
                tensor.stride(),
                tensor.dtype,
                tensor.is_conj(),
                tensor.is_neg(),
            )
        if memory not in self._numbers:
            self._numbers[memory] = len(self.tensors)
            self.tensors.append(tensor.detach())
            if len(memory) == 1:
                self._alive.append(tensor)
        return self._numbers[memory]

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute the operation, and append it to `calls`."""
        known = len(self.tensors)

        def given(tensor: Tensor) -> dict[str, int]:
            number = self.number(tensor)
            if number >= known and number not in self.constants:
                self.constants.append(number)  # not made by a recorded call: a number in the code
                self.recorded[CONSTANT, number] = _copy(tensor)
            return {"value": number}

        call: Call = {
            "op": str(func),
            "args": [_plain(arg, given) for arg in args],
            "kwargs": {key: _plain(value, given) for key, value in kwargs.items()},
            "result": None,
            "dtype": "",
        }
        in_memory = all(has_memory(arg) for arg in args if isinstance(arg, Tensor))
        laid_out = [
            Layout.of(arg) if isinstance(arg, Tensor) and in_memory else arg for arg in args
        ]
        results = func(*args, **kwargs)
        call["result"] = self._results(results)
        if isinstance(results, Tensor):
            call["dtype"] = dtype_name(results.dtype)
        devices = {arg.device.type for arg in args if isinstance(arg, Tensor)} - {"cpu"}
        if devices:
            call["device"] = devices.pop()
        self.calls.append(call)
        if in_memory and adds(func, tuple(laid_out), kwargs):
            call["sum"] = self._sum(call, laid_out)
        else:
            dtypes = {number: dtype_name(self.tensors[number].dtype) for number in numbers_in(call)}
            strided = (
                call["op"] == "aten.as_strided.default"
            )  # views the memory, whatever the tensor shows
            if not (in_memory and knows(call, dtypes)) or (strided and not _is_whole(args[0])):
                call["given"] = True
        if "sum" in call or "given" in call:
            made = results if isinstance(results, list | tuple) else [results]
            for tensor in made:
                if isinstance(tensor, Tensor):
                    key = len(self.calls) - 1, self.number(tensor)
                    self.recorded[key] = _copy(tensor)
        return results

    def _results(self, made: Any) -> Any:
        """Return the numbers of a call's results; None for a result that is not a tensor."""
        if isinstance(made, list | tuple):
            return [self._results(one) for one in made]
        return self.number(made) if isinstance(made, Tensor) else None

    def _sum(self, call: Call, laid_out: list[Any]) -> int:
        """Return the index of the sum that a call is."""
        described = SumCall(
            op=call["op"],
            args=[arg.plain() if isinstance(arg, Layout) else arg for arg in laid_out],
            kwargs=call["kwargs"],
        )
        if described not in self.sums:
            self.sums.append(described)
        return self.sums.index(described)

    def take(self, tensors: dict[str, Tensor]) -> None:
        """Register tensors as inputs, before any operation uses them."""
        self.inputs |= {name: self.number(tensor) for name, tensor in tensors.items()}

    def take_made(self, name: str, tensor: Tensor) -> None:
        """Register the result of the last call as an input, and drop the call."""
        call = self.calls.pop()
        assert call["result"] == self.number(tensor)
        for number in numbers_in(call):
            self.constants.remove(number)
            del self.recorded[CONSTANT, number]
        self.take({name: tensor})

    def program(self, outputs: dict[str, Tensor], forward: int = 0) -> Program:
        """Return the recorded operations as a program.

        outputs: the named values
        forward: how many of the calls belong to forward
        """
        program: Program = {
            "inputs": self.inputs,
            "constants": self.constants,
            "calls": self.calls,
            "outputs": {name: self.number(tensor) for name, tensor in outputs.items()},
            "forward": forward,
        }
        if others := self._other_dtypes():
            program["other_dtypes"] = others
        if strides := self._strides():
            program["strides"] = strides
        return program

    def _other_dtypes(self) -> dict[str, str]:
        """Return the dtypes of the values that do not have that of the inputs, by number."""
        dtypes = {
            str(number): dtype_name(tensor.dtype)
            for number, tensor in enumerate(self.tensors)
            if tensor.is_floating_point()
        }
        inputs = [dtypes[key] for key in map(str, self.inputs.values()) if key in dtypes]
        return {key: one for key, one in dtypes.items() if inputs and one != inputs[0]}

    def _strides(self) -> dict[str, list[int]]:
        """Return the strides of what given calls read, unless contiguous, by number."""
        read = {number for call in self.calls if call.get("given") for number in numbers_in(call)}
        return {
            str(number): [*self.tensors[number].stride()]
            for number in sorted(read)
            if has_memory(self.tensors[number]) and not self.tensors[number].is_contiguous()
        }


def _copy(tensor: Tensor) -> Tensor:
    return materialized(tensor.detach()).clone()


def _is_whole(tensor: Tensor) -> bool:
    """Return whether a tensor is contiguous and shows all of its memory."""
    size = tensor.untyped_storage().nbytes()
    return tensor.is_contiguous() and tensor.numel() * tensor.element_size() == size


def _plain(value: Any, number: Callable[[Tensor], Any]) -> Any:
    """Return an argument or a result in JSON's types."""
    if isinstance(value, Tensor):
        return number(value)
    if isinstance(value, list | tuple):
        return [_plain(item, number) for item in value]
    if isinstance(value, torch.dtype):
        return dtype_name(value)
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        return {"number": str(value)}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def observe_autograd(
    forward: Forward, tensors: dict[str, Tensor], douts: Cotangents
) -> tuple[Observer, Program, dict[str, Tensor]]:
    """Call forward and its derivative, and return the observer, the program and the named values.

    The names are those of the gradients (dW), of forward's outputs ("loss" if it is one scalar) and
    of forward's own variables.

    Raises
        UserError: as `Forward` does.
    """
    seen, parts, pulled = Observer(), list[int](), iter(douts)
    function = forward.function
    with ExitStack() as observing:

        @wraps(function)
        def watched(**given: Tensor) -> Any:
            seen.take(given)
            observing.enter_context(seen)
            result = function(**given)
            parts.append(len(seen.calls))
            return result

        def lift(tensor: Tensor) -> Tensor:
            if parts:  # a cotangent, which has just been cast
                seen.take_made(next(pulled), tensor)
            return tensor

        with variables_of(function) as variables:
            ends = replace(forward, function=watched)(tensors, douts, lift)
    if RESULT in ends and ends[RESULT].dim() == 0:
        ends = {"loss": ends.pop(RESULT)} | ends
    made = {number for call in seen.calls for number in results_of(call)}
    made -= {*map(seen.number, ends.values()), *seen.inputs.values()}
    made -= constants_shown(seen.constants, seen.calls)
    outputs = {
        name: tensor.detach()
        for name, tensor in variables.items()
        if name not in ends
        and tensor.is_floating_point()
        and has_memory(tensor)
        and seen.number(tensor) in made
    }
    outputs |= ends
    return seen, seen.program(outputs, parts[0]), outputs


def observe_backward(
    by_hand: Backward, tensors: dict[str, Tensor], douts: Cotangents
) -> tuple[Observer, Program]:
    """Call the author's backward, and return the observer and the program.

    The program's `refused` holds the reasons why gradients are unusable.
    """
    seen, returned = Observer(), dict[str, Tensor]()
    function = by_hand.function

    @wraps(function)
    def watched(**given: Tensor) -> Any:
        seen.take(given)
        with seen:
            gradients = function(**given)
        if isinstance(gradients, dict):
            returned.update(gradients)
        return gradients

    by_hand.function = watched
    try:
        answer = by_hand(tensors, douts)
    finally:
        by_hand.function = function
    outputs = {
        f"d{name}": returned[name] for name in answer.gradients if name not in answer.refused
    }
    return seen, seen.program(outputs) | {"refused": answer.refused}
