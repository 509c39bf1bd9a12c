"""Call the author's backward.py once, on the first run, so that a mistake in it is told once.

in   backward    the author's backward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout", shape (runs, *shape of the result)
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  checked     text: the gradients that it gives, with their shapes, and why others are none

Refuses a backward that gives no gradient at all; whether the numbers are right is judge_gradients'
question.
"""

from pathlib import Path

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_text
from autograd_by_hand.experiment.vjp import load_backward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_runs


def check_backward(
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    checked: Path,
) -> None:
    run = read_runs(draws, cotangents)[0]
    by_hand = load_backward(backward, [*run.tensors], needed, torch_dtype("float32"), time_limit)
    answer = by_hand(run.tensors, run.dout)
    if set(needed) <= set(answer.refused):
        raise UserError(answer.refused[needed[0]])
    told = {name: f"d{name} {tuple(answer.gradients[name].shape)}" for name in needed}
    write_text(checked, "".join(f"{line}\n" for line in (told | answer.refused).values()))


if __name__ == "__main__":
    run_stage(check_backward, snakemake)  # type: ignore[name-defined]
