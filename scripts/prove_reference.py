"""Enclose the gradient of one run in proven bounds, and hold autograd against it.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  proof       json, a `verdict.proof.Proof` of the trial's first run in float64: how far autograd
                 is from the true gradient, and which operation's derivative is at fault

forward is executed in ball arithmetic, where each number is an interval that is proven to hold the
true value, and differentiated there. This stage does not look at the manual gradient.
"""

from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from autograd_by_hand.aten.dispatch import Keywords
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.messages import Message, clause
from autograd_by_hand.enclosure.differentiate import Enclosure
from autograd_by_hand.experiment.autograd_graph import has_own_function
from autograd_by_hand.experiment.returned_values import differentiable, outputs_of
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import call
from autograd_by_hand.experiment.vjp import Forward, load_forward
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import Run, read_given, read_runs
from autograd_by_hand.verdict.autograd_faults import operation_at_fault
from autograd_by_hand.verdict.extended_precision import NoWideOperation, is_wider_than_float64
from autograd_by_hand.verdict.proof import PART, ROUNDING, Proof, without_proof
from autograd_by_hand.verdict.proven_reference import autograd_against, enclosed
from autograd_by_hand.verdict.reference import reference_of

OTHER_DERIVATIVE = 1e-6  # a derivative that the author replaced on purpose is off by more
STOPS = (
    torch.detach,
    torch.Tensor.detach,
    torch.Tensor.detach_,
    torch.Tensor.data.__get__,  # type: ignore[attr-defined]
)
REPLACED = Message("forward replaces a derivative, by a detach or a backward of its own")


def prove_reference(
    forward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    proof: Path,
) -> None:
    run = next(run for run in read_runs(draws, cotangents) if run.sample == "trial")
    function = load_forward(forward, read_given(draws), needed, torch.float64, time_limit)
    try:
        found = enclosed(function, run.tensors, run.douts)
    except UserError as refused:
        write_json(proof, without_proof(clause(refused.sentence)))
        return
    write_json(proof, _proof(function, run, found))


def _proof(forward: Forward, run: Run, found: Enclosure) -> Proof:
    autograd = reference_of(forward, run.tensors, run.douts, "float64")
    gradients = {
        name: autograd_against(bounds, autograd[f"d{name}"])
        for name, bounds in found.gradients.items()
    }
    error = max(one["error"] for one in gradients.values())
    longdouble = _longdouble(forward, run, found)
    fault = None
    if error > ROUNDING * eps("float64") and not (longdouble and longdouble <= PART * error):
        fault = operation_at_fault(forward, run.tensors)
        if error > OTHER_DERIVATIVE and not fault and _replaces_a_derivative(forward, run):
            return without_proof(REPLACED)
    return {
        "reason": None,
        "bits": found.bits,
        "work": found.work,
        "kinks": found.kinks,
        "longdouble": longdouble,
        "gradients": gradients,
        "fault": fault,
    }


class _StoppedGradients(TorchFunctionMode):
    """A context that notes whether a gradient is stopped in it."""

    found = False

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Keywords | None = None
    ) -> Any:
        self.found |= func in STOPS or not torch.is_grad_enabled()
        return func(*args, **(kwargs or {}))


def _replaces_a_derivative(forward: Forward, run: Run) -> bool:
    """Whether forward detaches numbers, or has a backward of its own."""
    inputs = {
        name: cast(value, torch.float64).requires_grad_(name in forward.needed)
        for name, value in run.tensors.items()
    }
    with _StoppedGradients() as stopped:
        returned = call(forward.function, forward.path, inputs, forward.limit)
    outputs = outputs_of(returned, forward.function, forward.path)
    roots = differentiable(outputs, forward.function, forward.path)
    return stopped.found or has_own_function([*roots.values()])


def _longdouble(forward: Forward, run: Run, found: Enclosure) -> float | None:
    """The error of a reference in longdouble; None if there is none."""
    if not is_wider_than_float64():
        return None
    try:
        wide = reference_of(forward, run.tensors, run.douts, "longdouble")
    except NoWideOperation:
        return None
    return max(
        autograd_against(bounds, wide[f"d{name}"], wide[f"d{name}.tail"])["error"]
        for name, bounds in found.gradients.items()
    )


if __name__ == "__main__":
    run_stage(prove_reference, snakemake)  # type: ignore[name-defined]
