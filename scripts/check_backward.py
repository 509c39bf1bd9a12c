"""Call the author's backward.py once, on the first run, so that a mistake in it is told once.

in   backward    the author's backward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout", shape (runs, *shape of the result)
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  checked     text: the gradients that it gives, with their shapes

Checks names, shapes and dtypes; whether the numbers are right is judge_gradients' question.
"""

from pathlib import Path

from scripts.lib.author import load_function, torch_dtype
from scripts.lib.files import write_text
from scripts.lib.stage import run_stage
from scripts.lib.tensors import read_tensors, runs_of
from scripts.lib.vjp import manual_vjp


def check_backward(
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    checked: Path,
) -> None:
    _, _, tensors = runs_of(read_tensors(draws) | read_tensors(cotangents))[0]
    function = load_function(backward, "backward", list(tensors), time_limit)
    dout = tensors.pop("dout")
    float32 = torch_dtype("float32")
    found, _ = manual_vjp(function, backward, tensors, needed, float32, dout, time_limit)
    write_text(checked, "".join(f"d{name} {tuple(found[name].shape)}\n" for name in needed))


if __name__ == "__main__":
    run_stage(check_backward, snakemake)  # type: ignore[name-defined]
