"""Compute autograd's gradients again in numpy, from the input bits and the orders of the sums.

in   operations  json, as observe_operations writes it
     orders      json, as reveal_orders writes it
     draws       safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents  safetensors: "<sample>/dout"
     recorded    safetensors: what is taken as given, and the variables of forward
     autograd    safetensors: "<sample>/d<tensor>" and "<sample>/result", in the format
out  replay      json: `tensors`, one row per tensor and kind of data: dtype, tensor, data
                 ("experiment", or "amplified" for a sum on data whose products cancel), elements,
                 identical, and `first`, the first element that differs or null; `given`, how often
                 which operation's result was taken as recorded; `refused`, the sums without an
                 order, with the reason; `others`, the runs that make other operations; `proved`,
                 whether every bit was computed and met

Needs numpy and no torch, so that an archived experiment can be verified on another machine:

    python scripts/verify_replay.py experiments/25-autograd-by-hand
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # called by its path: Python would look for modules beside it
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.lib.arrays import arrays_by_sample
from scripts.lib.files import read_json, write_json
from scripts.lib.orders_file import orders_of
from scripts.lib.progress import progress
from scripts.lib.refusal import Refusal
from scripts.lib.stage import run_stage
from scripts.lib.verification import (
    given_to,
    names_of_sums,
    outputs_of,
    replay_sample,
    taken_as_given,
)


def verify_replay(
    dtype: str,
    operations: Path,
    orders: Path,
    draws: Path,
    cotangents: Path,
    recorded: Path,
    autograd: Path,
    replay: Path,
) -> None:
    found = _verified(dtype, operations, orders, [draws, cotangents], [recorded, autograd])
    write_json(replay, found)


def _verified(
    dtype: str, operations: Path, orders: Path, inputs: list[Path], results: list[Path]
) -> dict[str, Any]:
    """What `replay` holds."""
    program, revealed = read_json(operations)["autograd"], read_json(orders)["sums"]
    own = [orders_of(entry["torch"]) for entry in revealed]
    made = arrays_by_sample(*results)
    rows: dict[str, dict[str, Any]] = {}
    for sample, drawn in progress(
        arrays_by_sample(*inputs).items(), f"verify_replay {dtype}, samples"
    ):
        left_out = [run for name, run in program["others"] if name == sample]
        for name, found in _replayed(program, own, drawn, made[sample], left_out, dtype).items():
            row = rows.setdefault(
                name,
                {"dtype": dtype, "tensor": name, "data": "experiment"}
                | {"elements": 0, "identical": 0, "first": None},
            )
            row["elements"] += found["elements"]
            row["identical"] += found["identical"]
            if found["first"] and not row["first"]:
                row["first"] = {"sample": sample, **found["first"]}
    tensors = [*rows.values(), *_amplified(program, revealed, dtype)]
    refused = [
        {"tensor": name, "op": revealed[sum_]["op"], "reason": revealed[sum_]["torch"]["refused"]}
        for name, sum_ in names_of_sums(program)
        if own[sum_] is None
    ]
    given = taken_as_given(program, own)
    met = all(row["identical"] == row["elements"] for row in tensors)
    return {
        "tensors": tensors,
        "given": given,
        "refused": refused,
        "others": program["others"],
        "proved": met and not (given or refused or program["others"]),
    }


def _replayed(
    program: dict[str, Any],
    orders: list[Any],
    drawn: dict[str, Any],
    made: dict[str, Any],
    left_out: list[int],
    dtype: str,
) -> dict[str, dict[str, Any]]:
    """`replay_sample` on the runs of one sample that make the program's operations.

    made: forward's variables and what is given, of those runs; gradients and result, of all
    """
    kept = np.delete(np.arange(len(made["result"])), left_out)
    if not len(kept):
        return {}
    archived = outputs_of(program, made)
    return replay_sample(
        program,
        orders,
        {name: drawn[name][kept] for name in program["inputs"]},
        {name: one if len(one) == len(kept) else one[kept] for name, one in archived.items()},
        given_to("autograd", made),
        dtype,
    )


def _amplified(
    program: dict[str, Any], revealed: list[dict[str, Any]], dtype: str
) -> list[dict[str, Any]]:
    """How the sums behind each named tensor fared on data whose products cancel."""
    return [
        {"dtype": dtype, "tensor": name, "data": "amplified", **compared, "first": None}
        for name, number in names_of_sums(program)
        if (compared := revealed[number]["torch"]["compared"].get("amplified"))
    ]


def _command_line(folders: list[str]) -> int:
    """Verify experiments from their archived files, and say of each tensor what was found."""
    if not folders:
        raise Refusal("name the experiment's folder: scripts/verify_replay.py experiments/NAME")
    failed = 0
    for folder in map(Path, folders):
        found = sorted(folder.glob("work/*/orders.json"))
        if not found:
            raise Refusal(f"{folder}: has no work/*/orders.json; run snakemake -c1 there first.")
        for orders in found:
            work, name = orders.parent, orders.parent.name
            inputs = [work.parent / f"{one}.safetensors" for one in ("draws", "cotangents")]
            results = [work / f"{one}.safetensors" for one in ("recorded", "autograd")]
            result = _verified(name, work / "operations.json", orders, inputs, results)
            for row in result["tensors"]:
                if row["data"] == "experiment":
                    failed += row["identical"] != row["elements"]
                    met = f"{row['identical']} of {row['elements']} elements have the archived bits"
                    print(f"{folder.name} {name:9} {row['tensor']:10} {met}")
            for operation, count in result["given"].items():
                print(f"{folder.name} {name:9} {operation}: {count} results taken as recorded")
            for one in result["refused"]:
                print(f"{folder.name} {name:9} {one['tensor']}: recorded, {one['reason']}")
    return int(failed > 0)


if __name__ == "__main__":
    if "snakemake" in globals():
        run_stage(verify_replay, snakemake)  # type: ignore[name-defined]
    else:
        try:
            sys.exit(_command_line(sys.argv[1:]))
        except (Refusal, OSError, KeyError, ValueError) as error:
            sys.exit(f"verify_replay: {error}")
