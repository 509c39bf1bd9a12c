"""Record the operations that autograd and the manual backward execute, in one dtype.

in   forward, backward  the author's files
     draws              safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents         safetensors: "<sample>/dout", or "<sample>/dout_<key>" for several outputs
     needed             the tensors that require a gradient
     time_limit         seconds for one call of forward or backward
out  operations         json: `autograd` and `hand` (the manual backward, on the trial's runs only),
                        each the program (`replay.program`) of the trial's first run, and in it
                        `others`, the runs (sample, number) that execute other operations, or the
                        same with other numbers or shapes; `sums`, the operation and the operands'
                        layouts of each distinct sum
     recorded           safetensors, (runs, *shape): "<sample>/<name>" for the variables of forward,
                        "<sample>/<program>.<index of the call>.<number>" for the values that a
                        replay reads instead of computing them

The summation orders of these operations are found by reveal_orders.
"""

from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import write_json
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.output_names import output_of
from autograd_by_hand.experiment.vjp import load_backward, load_forward
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.replay.program import Program, writes_in_place
from autograd_by_hand.replay.record import Observer, observe_autograd, observe_backward
from autograd_by_hand.storage.safetensors_torch import (
    Stack,
    read_given,
    read_runs,
    write_tensors,
)
from autograd_by_hand.summation.orders_file import SumCall


def observe_operations(
    dtype: str,
    forward: Path,
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    time_limit: float,
    operations: Path,
    recorded: Path,
) -> None:
    runs = read_runs(draws, cotangents)
    runs.sort(key=lambda run: run.sample != "trial")  # its first run defines the programs
    given, rest = read_given(draws, cotangents), (needed, torch_dtype(dtype), time_limit)
    theirs = load_forward(forward, given, *rest)
    by_hand = load_backward(backward, given, [*runs[0].douts], *rest)
    first: dict[str, tuple[Program, dict[str, torch.Size]]] = {}  # and shapes of what is recorded
    others: dict[str, list[tuple[str, int]]] = {"autograd": [], "hand": []}
    sums: list[SumCall] = []
    stack = Stack()
    for run in progress(runs, f"observe_operations {dtype}, runs"):
        sample = run.sample
        seen, program, outputs = observe_autograd(theirs, run.tensors, run.douts)
        observed = [("autograd", seen, program)]
        if sample == "trial":  # the only sample whose differences are attributed to causes
            observed.append(("hand", *observe_backward(by_hand, run.tensors, run.douts)))
        for name, own, found in observed:
            numbered = _numbered(found, own.sums, sums)
            kept = {f"{name}.{key}": one for key, one in _given(found, own).items()}
            if name == "autograd":
                ends = {f"d{one}" for one in needed} | {"loss", *map(output_of, run.douts)}
                kept |= {n: t for n, t in outputs.items() if n not in ends}
            alike = numbered, {key: tensor.shape for key, tensor in kept.items()}
            if first.setdefault(name, alike) == alike:
                stack.add(sample, kept)
            else:
                others[name].append((sample, run.number))
    write_json(
        operations,
        {name: {**program, "others": others[name]} for name, (program, _) in first.items()}
        | {"sums": sums},
    )
    write_tensors(recorded, stack.stacked())


def _numbered(program: Program, own: list[SumCall], sums: list[SumCall]) -> Program:
    """The program with its sums numbered by their index in `sums`; new sums are appended there."""
    sums.extend(one for one in own if one not in sums)
    calls = [
        call | {"sum": sums.index(own[call["sum"]])} if "sum" in call else call
        for call in program["calls"]
    ]
    return program | {"calls": calls}


def _given(program: Program, seen: Observer) -> dict[str, Tensor]:
    """The recorded values that a replay may need, without those that are outputs anyway."""
    outputs = set() if writes_in_place(program) else {*program["outputs"].values()}
    anyway = outputs - {*program["constants"]}
    return {
        f"{index}.{number}": tensor
        for (index, number), tensor in seen.recorded.items()
        if number not in anyway
    }


if __name__ == "__main__":
    run_stage(observe_operations, snakemake)  # type: ignore[name-defined]
