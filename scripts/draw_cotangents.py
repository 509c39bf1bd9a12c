"""Draw the cotangent of every run, which backward pulls back to the inputs.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     states      safetensors: "<sample>/state", each generator's state after drawing the inputs
     time_limit  seconds for one call of forward
out  cotangents  safetensors: "<sample>/dout", shape (runs, *shape of forward's result), float32

The cotangent of a scalar result is 1. Only the shape of forward's result is used, never its values.
"""

from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.experiment.returned_values import not_a_tensor
from autograd_by_hand.experiment.sampling import cast, resumed_generator
from autograd_by_hand.experiment.sampling import draw_cotangents as draw
from autograd_by_hand.experiment.user_code import call, load_function
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import (
    read_given,
    read_tensors,
    runs_of,
    write_tensors,
)


def draw_cotangents(
    forward: Path, draws: Path, states: Path, time_limit: float, cotangents: Path
) -> None:
    drawn, state_of = read_tensors(draws), read_tensors(states)
    first = {sample: tensors for sample, run, tensors in runs_of(drawn) if run == 0}
    function = load_function(forward, "forward", read_given(draws), time_limit)
    douts = {}
    for sample, tensors in first.items():
        given = {name: cast(value, torch.float32) for name, value in tensors.items()}
        result = call(function, forward, given, time_limit)
        if not isinstance(result, Tensor):
            raise not_a_tensor(result, function, forward)
        runs = len(next(value for key, value in drawn.items() if key.startswith(f"{sample}/")))
        generator = resumed_generator(state_of[f"{sample}/state"])
        douts[f"{sample}/dout"] = draw(generator, runs, result.shape)
    write_tensors(cotangents, douts)


if __name__ == "__main__":
    run_stage(draw_cotangents, snakemake)  # type: ignore[name-defined]
