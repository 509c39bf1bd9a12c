"""Trace a forward as torch's operations, to be executed again with one of them changed.

Kernels that do several operations at once are decomposed, so that each step is one operation that
autograd knows how to differentiate.
"""

from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import has_memory
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.diagnosis.recorder import Recorder
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps, described_output
from autograd_by_hand.experiment.local_variables import variables_of
from autograd_by_hand.experiment.returned_values import outputs_of
from autograd_by_hand.experiment.user_code import Author, call

aten = torch.ops.aten


def trace_forward(
    forward: Author, path: Path, tensors: dict[str, Tensor], limit: float, decompose: bool
) -> Steps:
    """Trace the steps of a forward on one run; the last steps repeat its outputs.

    tensors: one run's inputs, in float64 or int64
    decompose: whether kernels that do several operations are decomposed

    Raises
        UserError: if forward fails or makes a sparse tensor, or if its steps do not reproduce its
            outputs because it writes into a part of a tensor.
    """
    given = {name: tensor.clone() for name, tensor in tensors.items()}
    values: list[Tensor] = []
    recorder = Recorder(path, decompose, {}, values, [])
    inputs = {name: recorder.ref(tensor) for name, tensor in given.items()}
    with torch.no_grad(), variables_of(forward) as variables, recorder:
        outputs = outputs_of(call(forward, path, given, limit), forward, path)
    if not all(map(has_memory, recorder.alive)):
        raise UserError(f"{path}: forward makes a sparse tensor.")
    names = {
        recorder.places[id(tensor)].place: name
        for name, tensor in variables.items()
        if id(tensor) in recorder.places
    }
    names |= {ref.place: name for name, ref in inputs.items()}
    made, last = dict[str, Ref](), list[Step]()
    for name, output in outputs.items():
        end = recorder.ref(output)
        names.setdefault(end.place, described_output(name))
        values.append(output.detach())  # forward may enable autograd for itself
        made[name] = Ref(len(values) - 1)
        last.append(Step(aten.alias.default, (end,), {}, made[name]))
    steps = Steps([*recorder.steps, *last], values, inputs, made, names)
    with torch.no_grad():
        again = steps.again({name: tensor.clone() for name, tensor in tensors.items()})
    if not all(
        torch.allclose(again[name], output, rtol=1e-9, atol=0, equal_nan=True)
        for name, output in outputs.items()
    ):
        raise UserError(f"{path}: forward writes into a part of a tensor.")
    return steps
