"""Call the author's backward.py on the first run, so that a mistake in it is reported only once.

in   backward    the author's backward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  checked     text, one line per gradient: its name and shape, or why it cannot be used

The stage fails if backward gives no usable gradient at all. Whether the numbers are right is for
judge_gradients to decide.
"""

from pathlib import Path

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_text
from autograd_by_hand.experiment.vjp import load_backward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs


def check_backward(
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    checked: Path,
) -> None:
    run = read_runs(draws, cotangents)[0]
    given, dtype = read_given(draws, cotangents), torch_dtype("float32")
    by_hand = load_backward(backward, given, [*run.douts], needed, dtype, time_limit)
    answer = by_hand(run.tensors, run.douts)
    if set(needed) <= set(answer.refused):
        raise UserError(answer.refused[needed[0]])
    lines = {name: f"d{name} {tuple(answer.gradients[name].shape)}" for name in needed}
    write_text(checked, "".join(f"{line}\n" for line in (lines | answer.refused).values()))


if __name__ == "__main__":
    run_stage(check_backward, snakemake)  # type: ignore[name-defined]
