"""Check autograd itself: differentiate forward.py along one direction by finite differences.

in   forward     the author's forward.py, or the config's surrogate: all that it detaches is then
                 held fixed, as autograd takes it
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
     proof       json, as prove_reference writes it; it may be missing
out  oracle      json: `autograd` and `difference`, the derivative of <dout, forward>, summed over
                 the outputs, along a random
                 direction by autograd and by finite differences, for the trial's first run in
                 float64; `uncertain`, the estimated error of `difference`; `reason`, why autograd
                 cannot serve as a reference for this forward, or null; `proven`, where the two
                 disagree, how far autograd is from the proven gradient, or null; `stops`, where
                 forward stops derivatives

Finite differences are an estimate: where they disagree with autograd, a proof overrules them. This
stage does not look at the manual gradient.
"""

from math import isfinite, sqrt
from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.experiment.complex_views import load_forward_of_real
from autograd_by_hand.experiment.detached import detached_fixed, finding_stops, functions_behind
from autograd_by_hand.experiment.finite_difference import ridders
from autograd_by_hand.experiment.gradient_stops import Stop, described
from autograd_by_hand.experiment.output_names import output_of
from autograd_by_hand.experiment.returned_values import outputs_of
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.user_code import Author, call, is_surrogate
from autograd_by_hand.experiment.vjp import autograd_vjp
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.missing import read_part
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs
from autograd_by_hand.verdict.proof import greatest_error

SEED = 0  # of the direction
# Relative to the direction, which is as large as the tensors are. A longer step may cross a kink of
# forward (of a relu, say), so autograd passes as soon as one of the steps agrees with it.
STEPS = (1e-2, 1e-4, 1e-6)


def check_forward(
    forward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    proof: Path,
    oracle: Path,
) -> None:
    run = next(run for run in read_runs(draws, cotangents) if run.sample == "trial")
    tensors, douts = run.tensors, {name: one.double() for name, one in run.douts.items()}
    function = load_forward_of_real(forward, read_given(draws), time_limit)
    fixed = detached_fixed(function) if is_surrogate(forward) else function
    wide = {name: cast(value, torch.float64) for name, value in tensors.items()}
    given = (tensors, needed, torch.float64, douts, time_limit)
    _, gradients = autograd_vjp(function, forward, *given)
    generator = torch.Generator().manual_seed(SEED)
    direction = {name: _direction(wide[name], generator) for name in needed}

    def outputs(step: float) -> dict[str, Tensor]:
        moved = wide | {name: wide[name] + step * along for name, along in direction.items()}
        found = outputs_of(call(fixed, forward, moved, time_limit), function, forward)
        return {name: found[output_of(name)].detach() for name in douts}

    def paired(step: float) -> float:
        return sum(float((one * douts[name]).sum()) for name, one in outputs(step).items())

    # The first call is at the inputs themselves, so that what is held fixed is what they give.
    once, again = outputs(0.0), outputs(0.0)
    repeats = all(same_bits(one, again[name]) for name, one in once.items())
    sums, squares = [], []
    for name, along in direction.items():
        part = gradients.pop(name).mul_(along)
        sums.append(part.sum())
        squares.append(float(part.square_().sum()))
    autograd, usual = float(torch.stack(sums).sum()), sqrt(sum(squares))
    agrees = False
    for step in STEPS:
        difference, uncertain = ridders(paired, step)
        agrees = abs(autograd - difference) <= max(2 * uncertain, sqrt(eps("float64")) * usual)
        if agrees:
            break
    stops, reason = _stops(function, forward, wide, needed, time_limit), None
    proven = None if agrees else greatest_error(read_part(proof))
    if not repeats:
        reason = Message(
            "{path}: forward is no function of its tensors: two calls give other values",
            path=str(forward),
        )
    elif not isfinite(autograd):
        reason = Message(
            "{path}: autograd's gradient holds inf or nan at these inputs in float64",
            path=str(forward),
        )
    elif not agrees and proven is None:
        reason = Message(
            "{path}: autograd's derivative along a random direction is {autograd}, "
            "finite differences of forward give {difference}: {cause}",
            path=str(forward),
            autograd=number(autograd, 6),
            difference=number(difference, 6),
            cause=_cause(stops, forward),
        )
    write_json(
        oracle,
        {
            "autograd": autograd,
            "difference": difference,
            "uncertain": uncertain,
            "reason": reason,
            "proven": proven,
            "stops": stops,
        },
    )


def _stops(
    function: Author, path: Path, wide: dict[str, Tensor], needed: list[str], limit: float
) -> list[Stop]:
    """Where forward stops derivatives by tensors that require a gradient."""
    leaves = {name: value.clone().requires_grad_(name in needed) for name, value in wide.items()}
    with finding_stops(path) as stops:
        outputs = outputs_of(call(function, path, leaves, limit), function, path)
    return stops + functions_behind(outputs.values(), path)


def _cause(stops: list[Stop], path: Path) -> Message:
    """A clause on what makes autograd and finite differences disagree, and what can be done."""
    named = [stop for stop in stops if stop["kind"] != "step"]
    cause = (
        Message(
            "derivatives do not pass, or pass otherwise, at {places}",
            places=described(named, path.name),
        )
        if named
        else Message("one of forward's operations has another derivative than its value")
    )
    if is_surrogate(path):
        return cause
    return Message(
        "{cause}; if backward is meant to differ from forward's derivative, name the function "
        "whose derivative it gives: surrogate: FILE.py in config.yaml",
        cause=cause,
    )


def _direction(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """A random direction, shaped like the tensor, with its root mean square as the scale."""
    size = float(tensor.square().mean().sqrt()) or 1.0
    return torch.randn(tensor.shape, generator=generator, dtype=torch.float64) * size


if __name__ == "__main__":
    run_stage(check_forward, snakemake)  # type: ignore[name-defined]
