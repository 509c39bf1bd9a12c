"""Differentiate forward.py in wider arithmetic, from the inputs as one format rounds them.

in   forward     the author's forward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout", shape (runs, *shape of the result)
     needed      the tensors that require a gradient
     time_limit  seconds for one call of forward
out  gradients   safetensors: "<sample>/d<tensor>" and "<sample>/result", (runs, *shape), float64;
                 for float64 also "<sample>/d<tensor>.tail", what the wider value has beyond it
     arithmetic  json: in which arithmetic the reference was computed, and why if not a wider one

The reference of float32, bfloat16 and float16 is float64; float64's is numpy's longdouble.
"""

from pathlib import Path

from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.experiment.vjp import autograd_vjp
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_torch import Stack, read_tensors, runs_of, write_tensors
from autograd_by_hand.verdict.extended_precision import (
    NoWideOperation,
    is_wider_than_float64,
    split,
    widen,
)

WIDE_AS_DOUBLE = Message("longdouble is no wider than double here")


def compute_reference(
    dtype: str,
    forward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    arithmetic: Path,
) -> None:
    runs = runs_of(read_tensors(draws) | read_tensors(cotangents))
    names = [name for name in runs[0][2] if name != "dout"]
    function = load_function(forward, "forward", names, time_limit)

    def differentiate(wide: bool) -> Stack:
        stack = Stack()
        for sample, _, tensors in progress(runs, f"compute_reference {dtype}, runs"):
            dout = cast(tensors["dout"], torch_dtype(dtype))
            result, found = autograd_vjp(
                function,
                forward,
                {name: cast(tensors[name], torch_dtype(dtype)) for name in names},
                needed,
                torch_dtype("float64"),
                dout,
                time_limit,
                *((widen,) if wide else ()),
            )
            values = {"result": result} | {f"d{name}": found[name] for name in needed}
            stack.add(sample, _with_tails(values) if wide else values)
        return stack

    used, reason = "float64", None
    if dtype == "float64" and is_wider_than_float64():
        try:
            stack, used = differentiate(wide=True), "longdouble"
        except NoWideOperation as unknown:
            stack, reason = differentiate(wide=False), str(unknown)
    else:
        stack = differentiate(wide=False)
        reason = WIDE_AS_DOUBLE if dtype == "float64" else None
    write_tensors(gradients, stack.stacked())
    write_json(arithmetic, {"arithmetic": used, "reason": reason})


def _with_tails(values: dict[str, Tensor]) -> dict[str, Tensor]:
    parts = {name: split(value) for name, value in values.items()}
    return {name: head for name, (head, _) in parts.items()} | {
        f"{name}.tail": tail for name, (_, tail) in parts.items()
    }


if __name__ == "__main__":
    run_stage(compute_reference, snakemake)  # type: ignore[name-defined]
