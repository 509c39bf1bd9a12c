"""Draw the cotangent of every run, which backward pulls back to the inputs.

in   forward     the author's forward.py, or the config's surrogate
     replaced    forward.py, if the surrogate is differentiated in its place: their results must
                 have the same shape
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     states      safetensors: "<sample>/state", each generator's state after drawing the inputs
     time_limit  seconds for one call of forward
     needed      the tensors that require a gradient
     takes_cotangent
                 whether backward names `dout`
out  cotangents  safetensors, (runs, *shape of the output), float32: "<sample>/dout", or
                 "<sample>/dout_<key>" for each output that has a derivative, if there are several

The cotangent of a scalar result is 1 unless backward names it. Only the shapes of forward's outputs
are used, never their values.
"""

from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.complex_views import handed, parts
from autograd_by_hand.experiment.output_names import RESULT, cotangent_of
from autograd_by_hand.experiment.returned_values import differentiable, outputs_of
from autograd_by_hand.experiment.sampling import Drawn, cast, on_grid, resumed_generator
from autograd_by_hand.experiment.sampling import draw_cotangents as draw
from autograd_by_hand.experiment.user_code import call, definition_of, load_function
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import (
    read_given,
    read_tensors,
    runs_of,
    write_tensors,
)


def draw_cotangents(
    forward: Path,
    replaced: list[Path],
    draws: Path,
    states: Path,
    needed: list[str],
    takes_cotangent: bool,
    time_limit: float,
    cotangents: Path,
) -> None:
    drawn, state_of = read_tensors(draws), read_tensors(states)
    first = {sample: tensors for sample, run, tensors in runs_of(drawn) if run == 0}
    given = read_given(draws)
    function = load_function(forward, "forward", given, time_limit)
    douts, complex_ = dict[str, Tensor](), set[str]()
    for sample, tensors in first.items():
        leaves = {name: cast(value, torch.float32) for name, value in tensors.items()}
        for name in needed:
            leaves[name].requires_grad_()
        result = call(function, forward, handed(leaves, given), time_limit)
        outputs = outputs_of(result, function, forward)
        complex_ |= {cotangent_of(name) for name, one in outputs.items() if one.is_complex()}
        outputs = differentiable(parts(outputs), function, forward)
        how = {
            cotangent_of(name): Drawn(one.shape, one.dim() > 0 or name != RESULT or takes_cotangent)
            for name, one in sorted(outputs.items())
        }
        for path in replaced:
            original = load_function(path, "forward", given, time_limit)
            result = call(original, path, handed(leaves, given), time_limit)
            alike, due = _shapes(outputs), _shapes(parts(outputs_of(result, original, path)))
            if alike != due:
                raise UserError(
                    f"{definition_of(function, forward)}: the surrogate returns {alike}, but "
                    f"forward returns {due}; both must return tensors of the same shapes."
                )
        runs = len(next(value for key, value in drawn.items() if key.startswith(f"{sample}/")))
        generator = resumed_generator(state_of[f"{sample}/state"])
        for name, one in on_grid(draw(generator, runs, how), given.computes_in).items():
            douts[f"{sample}/{name}"] = one
    write_tensors(cotangents, douts, by_parts=complex_ & {key.split("/")[1] for key in douts})


def _shapes(outputs: dict[str, Tensor]) -> str:
    return ", ".join(f"{name} {tuple(one.shape)}" for name, one in sorted(outputs.items()))


if __name__ == "__main__":
    run_stage(draw_cotangents, snakemake)  # type: ignore[name-defined]
