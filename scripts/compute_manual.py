"""Call the author's backward.py on every run, in one format.

in   backward    the author's backward.py
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout", shape (runs, *shape of the result)
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  gradients   safetensors: "<sample>/d<tensor>", shape (runs, *shape), in the format
     calls       json: what a second call on the same inputs gave, and which inputs were changed

Each run's backward is called twice: a gradient that grows or wavers is no function of its inputs.
"""

from pathlib import Path

from scripts.lib.author import load_function, torch_dtype
from scripts.lib.files import write_json
from scripts.lib.patterns import repetition
from scripts.lib.progress import progress
from scripts.lib.stage import run_stage
from scripts.lib.tensors import Stack, read_tensors, runs_of, write_tensors
from scripts.lib.vjp import manual_vjp, same_bits


def compute_manual(
    dtype: str,
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    gradients: Path,
    calls: Path,
) -> None:
    runs = runs_of(read_tensors(draws) | read_tensors(cotangents))
    names = list(runs[0][2])
    function = load_function(backward, "backward", names, time_limit)
    stack, repeats, changed = Stack(), dict.fromkeys(needed, "same bits"), set[str]()
    for sample, _, tensors in progress(runs, f"compute_manual {dtype}, runs"):
        run = {name: tensors[name] for name in names if name != "dout"}
        once, twice = (
            manual_vjp(
                function, backward, run, needed, torch_dtype(dtype), tensors["dout"], time_limit
            )
            for _ in range(2)
        )
        stack.add(sample, {f"d{name}": once[0][name] for name in needed})
        changed |= {*once[1], *twice[1]}
        for name in needed:
            first_time = repeats[name] == "same bits"
            if first_time and not same_bits(once[0][name], twice[0][name]):
                first, second = (g[0][name].double().numpy() for g in (once, twice))
                repeats[name] = repetition(first, second)
    write_tensors(gradients, stack.stacked())
    write_json(calls, {"second_call": repeats, "changed_inputs": sorted(changed)})


if __name__ == "__main__":
    run_stage(compute_manual, snakemake)  # type: ignore[name-defined]
