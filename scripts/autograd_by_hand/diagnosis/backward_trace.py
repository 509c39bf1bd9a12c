"""Trace a manual backward as steps that can be executed again with some of them changed.

Unlike those of a forward (`diagnosis.forward_trace`), the steps stay as the author wrote them:
they change tensors in place, and several tensors may share one memory.
"""

from collections.abc import Callable, Collection
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import has_memory
from autograd_by_hand.aten.torch_private import declared_arguments, writes_to_an_input
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.diagnosis.recorder import Recorder
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps
from autograd_by_hand.experiment.local_variables import variables_of
from autograd_by_hand.experiment.user_code import Author, call

Make = Callable[[Step, list[Any]], Any]  # a step's result, from the step and all values so far
SHAPES = {
    "zeros_like",
    "ones_like",
    "empty_like",
    "new_zeros",
    "new_empty",
}  # these depend on no value


class _InPlaceRecorder(Recorder):
    """A recorder that leaves operations as they are."""

    pure = False


class BackwardSteps:
    """A backward, recorded on one run, whose steps can be executed again.

    steps: the operations, and every value as it was when it was computed
    gradients: the places of the gradients, by tensor
    own: how many of the values are the backward's own
    live: the numbers of the steps on which a gradient depends, in order
    moving: the places of the values whose memory some step writes into
    reads: the places of the values that each step uses
    """

    def __init__(self, steps: Steps, gradients: dict[str, Ref], memory: list[int]) -> None:
        self.steps, self.gradients, self.own = steps, gradients, len(steps.values)
        written = {memory[ref.place] for step in steps.steps for ref in _written(step)}
        self.moving = {place for place, own in enumerate(memory) if own in written}
        needed = {memory[ref.place] for ref in gradients.values()}
        self.live = list[int]()
        for number, step in reversed([*enumerate(steps.steps)]):
            if needed & {memory[ref.place] for ref in [*step.all_made(), *_written(step)]}:
                needed |= {memory[ref.place] for ref in step.refs()}
                self.live.insert(0, number)
        self.reads = [{ref.place for ref in step.refs()} for step in steps.steps]
        self._touches = [
            reads | {ref.place for ref in step.all_made()}
            for reads, step in zip(self.reads, steps.steps, strict=True)
        ]
        self._memory = memory
        pairs = [(step.all_made(), _written(step)) for step in steps.steps]
        made = {ref.place for refs, written in pairs for ref in refs if ref not in written}
        self._given = self.moving - made

    def with_known(self, known: dict[str, Tensor]) -> "BackwardSteps":
        """A copy with further values, by name, after the backward's own."""
        names = {len(self.steps.values) + place: name for place, name in enumerate(known)}
        again = copy(self)
        again.steps = replace(
            self.steps,
            values=[*self.steps.values, *known.values()],
            names=self.steps.names | names,
        )
        return again

    def below(self, numbers: Collection[int]) -> set[int]:
        """The places of the values that depend on some steps, also through memory written into."""
        found = set[int]()
        for number in range(min(numbers), len(self.steps.steps)):
            step = self.steps.steps[number]
            if number in numbers or (step.name not in SHAPES and self.reads[number] & found):
                for ref in [*step.all_made(), *_written(step)]:
                    found |= self._same_memory(ref.place)
        return found

    def _same_memory(self, place: int) -> set[int]:
        if place not in self.moving:
            return {place}
        return {one for one in self.moving if self._memory[one] == self._memory[place]}

    def again(self, makes: dict[int, Make]) -> dict[str, Tensor] | None:
        """The gradients with some steps replaced; None if that fails, or one is no such gradient.

        makes: the replacements, by the number of the step
        """
        try:
            made = self.made(makes)
        except Exception:  # noqa: BLE001 - the operations are the author's, on any operands
            return None
        due = {name: self.steps.values[ref.place].dtype for name, ref in self.gradients.items()}
        return made if all(one.dtype == due[name] for name, one in made.items()) else None

    def made(self, makes: dict[int, Make], nothing: Tensor | None = None) -> dict[str, Tensor]:
        """The gradients with some steps replaced.

        makes: the replacements, by the number of the step
        nothing: a batched 0 under torch.func.vmap, where each result is many tensors at once

        Raises
            Exception: whatever a replaced step, or one after it, raises.
        """
        values: list[Any] = list(self.steps.values)
        for place in self._given:
            values[place] = values[place].clone()
        changed = set(self.moving)
        for number in self.live:
            if not (number in makes or self._touches[number] & changed):
                continue
            step = self.steps.steps[number]
            made = makes[number](step, values) if number in makes else Steps.do(step, values)
            for ref, one in step.with_refs(made):
                moving = ref.place in self.moving
                values[ref.place] = (
                    self._writable(step, one, values, number in makes, nothing) if moving else one
                )
                changed.add(ref.place)
        return {name: values[ref.place] for name, ref in self.gradients.items()}

    def _writable(
        self, step: Step, made: Tensor, values: list[Any], altered: bool, nothing: Tensor | None
    ) -> Tensor:
        """A step's result in memory that may be written into."""
        shows = step.func.is_view or writes_to_an_input(step.func)
        if nothing is not None and not shows and made.is_floating_point():
            return made + nothing
        if altered and _memory(made) not in {_memory(values[one]) for one in self.moving}:
            return made.clone()  # or a later step would overwrite a value that must stay
        return made


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _written(step: Step) -> list[Ref]:
    """The tensors that a step changes in place."""
    arguments = declared_arguments(step.func)
    return [
        arg
        for arg, declared in zip(step.args, arguments, strict=False)
        if isinstance(arg, Ref) and declared.alias_info and declared.alias_info.is_write
    ]


def trace_backward(
    backward: Author, path: Path, tensors: dict[str, Tensor], needed: list[str], limit: float
) -> BackwardSteps | None:
    """Trace a backward on one run; None if it fails, or its steps do not reproduce its gradients.

    It is None as well if a tensor in it is sparse: only values can identify the mistake then.

    tensors: one run's inputs and cotangents, in float64 or int64
    needed: the tensors whose gradients it gives
    """
    given = {name: tensor.clone() for name, tensor in tensors.items()}
    values, alive = list[Tensor](), list[Tensor]()
    recorder = _InPlaceRecorder(path, False, {}, values, alive)
    inputs = {name: recorder.ref(tensor) for name, tensor in given.items()}
    try:
        with torch.no_grad(), variables_of(backward) as variables, recorder:
            returned = call(backward, path, given, limit)
    except UserError:  # in time without a recorder, but not with it, say
        return None
    if not all(map(has_memory, alive)):  # no change to a sparse tensor is tried
        return None
    made = {
        name: returned[name].clone() for name in needed if isinstance(returned.get(name), Tensor)
    }
    gradients = {name: recorder.ref(returned[name]) for name in made}
    names = {
        recorder.places[id(tensor)].place: name
        for name, tensor in variables.items()
        if id(tensor) in recorder.places
    }
    names |= {ref.place: name for name, ref in inputs.items()}
    memory = [*map(_memory, alive)]
    steps = Steps(recorder.steps, values, inputs, {}, names)
    trace = BackwardSteps(steps, gradients, memory)
    with torch.no_grad():
        again = trace.again({})
    if again is None or any(
        not torch.allclose(again[name], one, rtol=1e-12, atol=0, equal_nan=True)
        for name, one in made.items()
    ):
        return None
    return trace
