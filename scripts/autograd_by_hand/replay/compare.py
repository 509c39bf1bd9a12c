"""Hold a program that was carried out in numpy against what torch made of the same bits."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.progress import progress
from autograd_by_hand.floats.bits import first_difference, same_bits
from autograd_by_hand.floats.rounding import widened
from autograd_by_hand.replay.interpreter import (
    constants_shown,
    held,
    is_given,
    numbers_in,
    orders_of_call,
    results_of,
    run_program,
    tensor_of_runs,
)
from autograd_by_hand.summation.orders_file import orders_of
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]


def verified(
    dtype: str,
    program: dict[str, Any],
    revealed: list[dict[str, Any]],
    inputs: dict[str, dict[str, Array]],
    made: dict[str, dict[str, Array]],
) -> dict[str, Any]:
    """Carry out a program on the inputs of every sample, and hold it against what torch made.

    revealed: the orders of the program's sums, as reveal_orders tells them
    inputs: by sample and name, (runs, *shape), in float32 or whole numbers
    made: by sample and name, as observe_operations and run_autograd write them; a sample that is
        not there is not compared
    returns: what verify_replay writes
    """
    own = [orders_of(entry["torch"]) for entry in revealed]
    rows: dict[str, dict[str, Any]] = {}
    for sample, results in progress(made.items(), f"replay in {dtype}, samples"):
        left_out = [run for name, run in program["others"] if name == sample]
        drawn = inputs[sample]
        for name, found in _replayed(program, own, drawn, results, left_out, dtype).items():
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
    given, constants = taken_as_given(program, own), named_constants(program)
    met = all(row["identical"] == row["elements"] for row in tensors)
    return {
        "tensors": tensors,
        "given": given,
        "constants": constants,
        "refused": refused,
        "others": program["others"],
        "proved": met and not (given or constants or refused or program["others"]),
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


def replay_sample(
    program: dict[str, Any],
    orders: list[Orders | None],
    inputs: dict[str, Array],
    archived: dict[str, Array],
    given: dict[tuple[int, int], Array],
    dtype: str,
) -> dict[str, dict[str, Any]]:
    """How much of a program's named values has the archived bits, over all runs of a sample.

    inputs: by name, (runs, *shape), in float32 or whole numbers
    archived: each output by its name, (runs, *shape)
    given: what may be taken as recorded, by its call's place and its number, (runs, *shape)
    returns: by name, `elements`, `identical`, and `first`, the first element that differs, or None;
        nothing of a constant, which was not computed
    """
    arrays = values_of(program, orders, inputs, archived, given, dtype)
    found = {}
    constants = named_constants(program)
    for name, values in archived.items():
        if name in constants:
            continue
        expected = runs_last(values)
        made = np.broadcast_to(arrays[program["outputs"][name]]["runs"], expected.shape)
        alike = same_bits(made, expected)
        found[name] = {
            "elements": alike.size,
            "identical": int(alike.sum()),
            "first": None if alike.all() else first_difference(made, expected, alike),
        }
    return found


def values_of(
    program: dict[str, Any],
    orders: list[Orders | None],
    inputs: dict[str, Array],
    archived: dict[str, Array],
    given: dict[tuple[int, int], Array],
    dtype: str,
) -> dict[int, Array]:
    """Every value of a program by its number, held; arguments as for `replay_sample`."""
    names = {number: name for name, number in program["outputs"].items()}
    recorded = {
        (place, number): archived[names[number]]
        for place, call in enumerate(program["calls"])
        for number in results_of(call)
        if number in names
    } | given
    known = {place: held(runs_last(values).copy()) for place, values in recorded.items()}
    start = {name: tensor_of_runs(inputs[name], dtype) for name in program["inputs"]}
    return run_program(program, start, orders, known)


def runs_last(values: Array) -> Array:
    """Archived numbers, (runs, *shape), as (*shape, runs) in the accumulator's format."""
    return np.moveaxis(widened(values), 0, -1)


def outputs_of(program: dict[str, Any], made: dict[str, Array]) -> dict[str, Array]:
    """A program's named values among the archived arrays of a sample, by name."""
    return {name: made["result" if name == "loss" else name] for name in program["outputs"]}


def given_to(program: str, arrays: dict[str, Array]) -> dict[tuple[int, int], Array]:
    """What a program takes as given, by its call's place and its number.

    arrays: of one sample by name; those that are meant are called "<program>.<place>.<number>"
    """
    found = {}
    for name, values in arrays.items():
        if name.startswith(f"{program}."):
            _, place, number = name.split(".")
            found[int(place), int(number)] = values
    return found


def named_constants(program: dict[str, Any]) -> list[str]:
    """The named values that no call computes, as a gradient that numpy computed."""
    constants = constants_shown(program["constants"], program["calls"])
    return [name for name, number in program["outputs"].items() if number in constants]


def names_of_sums(program: dict[str, Any]) -> list[tuple[str, int]]:
    """For each call that adds, the name that its result has or leads to, and which sum it is.

    Where another sum lies between, the name is "towards" what it leads to.
    """
    names = {number: name for name, number in program["outputs"].items()}
    found = []
    for at, call in enumerate(program["calls"]):
        if "sum" not in call:
            continue
        reached, towards = {call["result"]}, ""
        for later in program["calls"][at + 1 :]:
            if reached & names.keys():
                break
            if reached & set(numbers_in(later)):
                reached |= {*results_of(later)}
                towards = "towards " if "sum" in later else towards
        named = [names[number] for number in sorted(reached & names.keys())]
        name = towards + named[0] if named else call["op"].split(".")[1]
        found.append((name, call["sum"]))
    return found


def taken_as_given(program: dict[str, Any], orders: list[Orders | None]) -> dict[str, int]:
    """The operations whose results were not computed but taken as recorded, and how often."""
    counts = Counter(
        call["op"].split(".")[1]
        for call in program["calls"]
        if is_given(call, orders_of_call(call, orders))
    )
    return dict(sorted(counts.items()))
