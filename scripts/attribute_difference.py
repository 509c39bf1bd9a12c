"""Attribute the difference between the manual gradient, summed by numpy, and autograd's to causes.

in   backward    the author's backward.py
     operations  json, as observe_operations writes it
     orders      json, as reveal_orders writes it
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape)
     cotangents  safetensors: "<sample>/dout"
     recorded    safetensors: the values that a replay reads instead of computing them
     manual, autograd  safetensors: "<sample>/d<tensor>", shape (runs, *shape), in this dtype
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  attribution json: `runs`, how many runs of the trial were replayed; `refused`, why there is no
                 attribution, or null; `ends`, one row per gradient and end of the game
                 (`replay.attribution`): how many elements the replay has, and how many of them have
                 the bits of the real computation; `shares`, one row per gradient and factor, share
                 null where there is no difference; `counterfactuals`, one row per gradient and
                 hypothetical order of the manual backward's sums, compared with autograd (no rows
                 if the replay misses a bit of torch's end); `forward`, `backward`, the sums of the
                 manual backward that were assigned to the forward or the backward pass

This stage only measures; the report explains what the shares mean.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.messages import Message, clause, joined
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.settings import TRACED
from autograd_by_hand.experiment.vjp import load_backward
from autograd_by_hand.floats.bits import same_bits
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.floats.rounding import FORMATS, accumulator
from autograd_by_hand.floats.ulp import Distance, distance
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.replay.attribution import FACTORS, OTHER, Game
from autograd_by_hand.replay.compare import runs_last, values_of
from autograd_by_hand.replay.forward_part import forward_calls
from autograd_by_hand.replay.interpreter import held, tensor_of_runs
from autograd_by_hand.replay.program import (
    Call,
    Operations,
    Program,
    given_to,
    named_constants,
    orders_of_call,
    outputs_of,
)
from autograd_by_hand.replay.repeated_replay import RepeatedReplay
from autograd_by_hand.replay.torch_fallback import NotRepeated, execute_in_torch
from autograd_by_hand.storage.attribution import (
    Attribution,
    Counterfactual,
    End,
    bits_missed,
    not_attributed,
)
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs
from autograd_by_hand.summation.hypothetical_orders import COUNTERFACTUALS, counterfactual
from autograd_by_hand.summation.numpy_sums import NumpySums
from autograd_by_hand.summation.orders_file import ComparedCounts, RevealedSum, orders_of
from autograd_by_hand.summation.tree import Orders

Array = np.ndarray[Any, Any]


def attribute_difference(
    dtype: str,
    backward: Path,
    operations: Path,
    orders: Path,
    draws: Path,
    cotangents: Path,
    recorded: Path,
    manual: Path,
    autograd: Path,
    needed: list[str],
    time_limit: float,
    attribution: Path,
) -> None:
    try:
        found = _attributed(
            dtype,
            backward,
            read_json(operations),
            read_json(orders)["sums"],
            draws,
            cotangents,
            recorded,
            manual,
            autograd,
            needed,
            time_limit,
        )
    except NotRepeated as refusal:
        found = not_attributed(refusal.args[0])
    write_json(attribution, found)


def _attributed(
    dtype: str,
    backward: Path,
    observed: Operations,
    revealed: list[RevealedSum],
    draws: Path,
    cotangents: Path,
    recorded: Path,
    manual: Path,
    autograd: Path,
    needed: list[str],
    time_limit: float,
) -> Attribution:
    """Measure what the stage writes; the arguments are those of the stage, files of JSON read.

    Raises
        NotRepeated: if torch does not execute a recorded operation again.
    """
    program = observed["hand"]
    reason = _reason(observed, revealed)
    if reason:
        return not_attributed(reason)
    drawn, made, by_hand = (
        {name: values[:TRACED] for name, values in arrays_by_sample(*paths)["trial"].items()}
        for paths in ((draws, cotangents), (recorded, autograd), (manual,))
    )
    count = len(next(iter(drawn.values())))
    hand = RepeatedReplay(
        program,
        {name: tensor_of_runs(drawn[name], dtype) for name in program["inputs"]},
        {key: held(runs_last(values)) for key, values in given_to("hand", made).items()},
        partial(_execute, dtype, program),
    )
    every = {
        "torch": [orders_of(entry["torch"]) for entry in revealed],
        "numpy": [orders_of(entry["numpy"]) for entry in revealed],
    }
    torchs, numpys = (
        [orders_of_call(call, every[whose]) for call in program["calls"]] for whose in every
    )
    theirs = observed["autograd"]
    forwards = values_of(
        theirs, every["torch"], drawn, outputs_of(theirs, made), given_to("autograd", made), dtype
    )
    forward = forward_calls(program, hand.values(torchs), theirs, forwards, precision(dtype))
    rounds = accumulator(dtype) != dtype
    game = Game(hand, numpys, torchs, forward, rounds)
    truth = {name: runs_last(made[name]) for name in program["outputs"]}
    real = {
        "numpy": _numpys_end(backward, draws, cotangents, needed, dtype, time_limit, count),
        "torch": {name: runs_last(values) for name, values in by_hand.items()},
    }
    ends: list[End] = []
    for end, torchs_factors in (("numpy", frozenset[str]()), ("torch", frozenset(game.players))):
        met_there = partial(_alike, real[end])
        for name, found in game.measured(f"{end}'s end", met_there, torchs_factors).items():
            ends.append({"end": end, "gradient": name, **found})
    missed = {row["end"] for row in ends if row["elements"] != row["identical"]}
    shares = {} if missed else game.shares(truth)
    return {
        "runs": count,
        "refused": bits_missed(ends, [*hand.in_torch]),
        "ends": ends,
        "shares": [
            {"gradient": name, "factor": factor, "share": share[factor] if share else None}
            for name, share in shares.items()
            for factor in (*FACTORS, OTHER)
        ],
        "counterfactuals": []
        if "torch" in missed  # the replay does not cover all that backward computes
        else _counterfactuals(hand, torchs, truth, dtype),
        "forward": _sums(program, forward),
        "backward": _sums(program, set(range(len(program["calls"]))) - forward),
    }


def _execute(
    dtype: str, program: Program, call: Call, arrays: dict[int, Array], rounding: bool
) -> None:
    """Execute one call in torch, in the dtypes that it had, or, without rounding, wider ones."""

    def used(name: str) -> torch.dtype:
        return torch_dtype(name if rounding or name not in FORMATS else accumulator(name))

    own = {int(number): used(name) for number, name in program.get("other_dtypes", {}).items()}
    execute_in_torch(call, arrays, used(dtype), own, program.get("strides"))


def _reason(observed: Operations, revealed: list[RevealedSum]) -> str | None:
    """Why the difference cannot be attributed, or None if it can."""
    if observed["hand"]["refused"]:
        *first, last = dict.fromkeys(observed["hand"]["refused"].values())
        return joined(" ", [*first, clause(last)])
    if unseen := named_constants(observed["hand"]):
        return Message(
            "no operation of torch makes {gradients}, so there is nothing to trace",
            gradients=", ".join(unseen),
        )
    for program, whose in ((observed["hand"], "backward"), (observed["autograd"], "forward")):
        if any(sample == "trial" for sample, _ in program["others"]):
            return Message(
                "from run to run, {whose} makes other operations, or the same with other numbers "
                "or shapes",
                whose=whose,
            )
    for call in observed["hand"]["calls"]:
        if "sum" not in call:
            continue
        found = revealed[call["sum"]]
        for whose, kernel in (("torch", found["torch"]), ("numpy", found["numpy"])):
            if kernel and (why := kernel["refused"]):
                operation = call["op"].split(".")[1]
                return Message(
                    "{whose}'s {operation} has no order: {why}",
                    whose=whose,
                    operation=operation,
                    why=why,
                )
    return None


def _numpys_end(
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    dtype: str,
    time_limit: float,
    count: int,
) -> dict[str, Array]:
    """The gradients that backward really returns on numpy's sums, in the accumulator's dtype.

    returns: by name, "d<tensor>", shape (*shape, runs)
    """
    runs = read_runs(draws, cotangents)
    found: dict[str, list[Array]] = {f"d{name}": [] for name in needed}
    wide = torch_dtype(accumulator(dtype))
    by_hand = load_backward(
        backward, read_given(draws, cotangents), [*runs[0].douts], needed, wide, time_limit
    )
    for run in [run for run in runs if run.sample == "trial"][:count]:
        rounded, douts = (
            {name: cast(value, torch_dtype(dtype)) for name, value in given.items()}
            for given in (run.tensors, run.douts)
        )
        with NumpySums():
            answer = by_hand(rounded, douts)
        for name, value in answer.named().items():
            found[name].append(value.numpy())
    return {name: np.stack(values, axis=-1) for name, values in found.items()}


def _counterfactuals(
    hand: RepeatedReplay, torchs: list[Orders | None], truth: dict[str, Array], dtype: str
) -> list[Counterfactual]:
    def measured(name: str, found: Array) -> tuple[ComparedCounts, Distance]:
        return _alike(truth, name, found), distance(found, truth[name], dtype)

    rows: list[Counterfactual] = []
    for kind in COUNTERFACTUALS:
        orders = [own and counterfactual(kind, own) for own in torchs]
        found = hand.measured("against autograd", measured, orders)
        for name, (counts, apart) in found.items():
            rows.append(
                {
                    "order": kind,
                    "gradient": name,
                    **counts,
                    "max_abs": apart.max_abs,
                    "max_ulp": apart.max_ulp,
                    "rel_norm": apart.rel_norm,
                }
            )
    return rows


def _alike(others: dict[str, Array], name: str, found: Array) -> ComparedCounts:
    """Count a gradient's elements, and those whose bits are the same in `others`."""
    alike = same_bits(found, others[name])
    return {"elements": alike.size, "identical": int(alike.sum())}


def _sums(program: Program, indices: set[int]) -> list[str]:
    calls = [program["calls"][index] for index in sorted(indices)]
    return [call["op"].split(".")[1] for call in calls if "sum" in call]


if __name__ == "__main__":
    run_stage(attribute_difference, snakemake)  # type: ignore[name-defined]
