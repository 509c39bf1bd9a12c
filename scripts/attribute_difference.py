"""Trace the difference between the hand's formula on numpy's sums and autograd to its causes.

in   backward    the author's backward.py
     operations  json, as observe_operations writes it
     orders      json, as reveal_orders writes it
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout"
     recorded    safetensors: what the programs take as given
     manual, autograd  safetensors: "<sample>/d<tensor>", shape (runs, *shape), in the format
     needed      the tensors that require a gradient
     time_limit  seconds for one call of backward
out  attribution json: `runs`, how many runs of the trial it rests on; `refused`, why nothing can be
                 said, or null; `ends`, one row per gradient and end of the game (scripts/lib/
                 attribution.py): elements of the replay and those with the bits of the real
                 computation; `shares`, one row per gradient and factor, share null where there is
                 no difference; `differences`, per gradient its size; `counterfactuals`, one row per
                 gradient and order of the hand's sums, against autograd; `forward`, `backward`, the
                 operations of the hand that were taken for either

Measures only: what the shares mean is for the report to say.
"""

from pathlib import Path
from typing import Any

import numpy as np

from scripts.lib.arrays import read_arrays
from scripts.lib.attribution import (
    COUNTERFACTUALS,
    FACTORS,
    OTHER,
    Game,
    Hand,
    counterfactual,
    forward_calls,
)
from scripts.lib.author import load_function, torch_dtype
from scripts.lib.bits import same_bits
from scripts.lib.carry_out import carry_out
from scripts.lib.draws import cast
from scripts.lib.files import read_json, write_json
from scripts.lib.formats import precision
from scripts.lib.interpret import held, run_program, tensor_of_runs
from scripts.lib.order import Orders
from scripts.lib.orders_file import orders_of
from scripts.lib.reorder import NumpySums
from scripts.lib.rounding import accumulator, widened
from scripts.lib.stage import run_stage
from scripts.lib.tensors import read_tensors, runs_of
from scripts.lib.ulp import distance
from scripts.lib.verification import given_to, outputs_recorded
from scripts.lib.vjp import manual_vjp

Array = np.ndarray[Any, Any]
AT_MOST = 5  # runs: shares are averages, and every mixture replays every run


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
    observed, revealed = read_json(operations), read_json(orders)["sums"]
    program = observed["hand"]
    reason = _reason(observed, revealed)
    if reason:
        write_json(attribution, _nothing(reason))
        return
    inputs, autograds = read_arrays(draws) | read_arrays(cotangents), read_arrays(autograd)
    count = min(AT_MOST, len(autograds["trial/result"]))

    def of_trial(arrays: dict[str, Array]) -> dict[str, Array]:
        return {
            name: np.moveaxis(widened(arrays[f"trial/{name}"][:count]), 0, -1)
            for name in program["outputs"]
        }

    drawn = {name: inputs[f"trial/{name}"][:count] for name in program["inputs"]}
    start = {name: tensor_of_runs(values, dtype) for name, values in drawn.items()}
    given = read_arrays(recorded)
    hand = Hand(
        program,
        start,
        _given(given, "hand", count),
        lambda call, arrays, rounding: carry_out(
            call, arrays, torch_dtype(dtype if rounding else accumulator(dtype))
        ),
    )
    torchs = [_own(call, revealed, "torch") for call in program["calls"]]
    numpys = [_own(call, revealed, "numpy") for call in program["calls"]]
    forwards = _forwards(observed["autograd"], revealed, inputs, given, autograds, count, dtype)
    forward = forward_calls(
        program, hand.values(torchs), observed["autograd"], forwards, precision(dtype)
    )
    rounds = accumulator(dtype) != dtype
    game = Game(hand, numpys, torchs, forward, rounds)
    truth = of_trial(autograds)
    real = {
        "numpy": _numpys_end(backward, draws, cotangents, needed, dtype, time_limit, count),
        "torch": of_trial(read_arrays(manual)),
    }
    ends = []
    for end, torchs_factors in (("numpy", frozenset[str]()), ("torch", frozenset(game.players))):
        for name, found in game.gradients(torchs_factors).items():
            alike = same_bits(found, real[end][name])
            ends.append(
                {"end": end, "gradient": name, "elements": alike.size}
                | {"identical": int(alike.sum())}
            )
    met = all(row["elements"] == row["identical"] for row in ends)
    shares = game.shares(truth) if met else {}
    write_json(
        attribution,
        {
            "runs": count,
            "refused": None if met else "a replay of one of the two ends misses its bits",
            "ends": ends,
            "shares": [
                {"gradient": name, "factor": factor, "share": share and share[factor]}
                for name, share in shares.items()
                for factor in (*FACTORS, OTHER)
            ],
            "differences": [
                {"gradient": name, **vars(distance(real["numpy"][name], value, dtype))}
                for name, value in truth.items()
            ],
            "counterfactuals": _counterfactuals(hand, torchs, truth, dtype),
            "forward": _sums(program, forward),
            "backward": _sums(program, set(range(len(program["calls"]))) - forward),
        },
    )


def _reason(observed: dict[str, Any], revealed: list[dict[str, Any]]) -> str | None:
    """Why nothing can be said, if so."""
    for program, whose in (("hand", "backward"), ("autograd", "forward")):
        if any(sample == "trial" for sample, _ in observed[program]["others"]):
            return f"{whose} makes other operations from run to run"
    for call in observed["hand"]["calls"]:
        for whose in ("torch", "numpy"):
            if "sum" in call and (why := revealed[call["sum"]][whose]["refused"]):
                return f"{whose}'s {call['op'].split('.')[1]} has no order: {why}"
    return None


def _nothing(reason: str) -> dict[str, Any]:
    lists = ("ends", "shares", "differences", "counterfactuals", "forward", "backward")
    return {"runs": 0, "refused": reason, **{name: [] for name in lists}}


def _own(call: dict[str, Any], revealed: list[dict[str, Any]], whose: str) -> Orders | None:
    return orders_of(revealed[call["sum"]][whose]) if "sum" in call else None


def _given(arrays: dict[str, Array], program: str, count: int) -> dict[tuple[int, int], Array]:
    """What a program takes as given in the trial, held."""
    trial = {
        key.removeprefix("trial/"): values
        for key, values in arrays.items()
        if key.startswith("trial/")
    }
    return {
        place: held(np.moveaxis(widened(values[:count]), 0, -1))
        for place, values in given_to(program, trial).items()
    }


def _forwards(
    program: dict[str, Any],
    revealed: list[dict[str, Any]],
    inputs: dict[str, Array],
    given: dict[str, Array],
    made: dict[str, Array],
    count: int,
    dtype: str,
) -> dict[int, Array]:
    """The values of autograd's program in the trial."""
    outputs = {
        name: np.moveaxis(
            widened((made | given)[f"trial/{'result' if name == 'loss' else name}"][:count]), 0, -1
        )
        for name in program["outputs"]
    }
    known = _given(given, "autograd", count) | outputs_recorded(program, outputs)
    start = {
        name: tensor_of_runs(inputs[f"trial/{name}"][:count], dtype) for name in program["inputs"]
    }
    return run_program(program, start, [orders_of(entry["torch"]) for entry in revealed], known)


def _numpys_end(
    backward: Path,
    draws: Path,
    cotangents: Path,
    needed: list[str],
    dtype: str,
    time_limit: float,
    count: int,
) -> dict[str, Array]:
    """What backward really gives on numpy's sums, in the format in which sums are added."""
    runs = runs_of(read_tensors(draws) | read_tensors(cotangents))
    function = load_function(backward, "backward", list(runs[0][2]), time_limit)
    found: dict[str, list[Array]] = {f"d{name}": [] for name in needed}
    wide = torch_dtype(accumulator(dtype))
    for _, _, tensors in [run for run in runs if run[0] == "trial"][:count]:
        rounded = {name: cast(value, torch_dtype(dtype)) for name, value in tensors.items()}
        dout = rounded.pop("dout")
        with NumpySums():
            gradients, _ = manual_vjp(function, backward, rounded, needed, wide, dout, time_limit)
        for name, value in gradients.items():
            found[f"d{name}"].append(value.numpy())
    return {name: np.stack(values, axis=-1) for name, values in found.items()}


def _counterfactuals(
    hand: Hand, torchs: list[Orders | None], truth: dict[str, Array], dtype: str
) -> list[dict[str, Any]]:
    rows = []
    for kind in COUNTERFACTUALS:
        orders = [own and counterfactual(kind, own) for own in torchs]
        for name, found in hand.gradients(orders).items():
            alike = same_bits(found, truth[name])
            rows.append(
                {"order": kind, "gradient": name, "elements": alike.size}
                | {"identical": int(alike.sum()), **vars(distance(found, truth[name], dtype))}
            )
    return rows


def _sums(program: dict[str, Any], places: set[int]) -> list[str]:
    calls = [program["calls"][place] for place in sorted(places)]
    return [call["op"].split(".")[1] for call in calls if "sum" in call]


if __name__ == "__main__":
    run_stage(attribute_difference, snakemake)  # type: ignore[name-defined]
