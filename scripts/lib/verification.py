"""Hold a program that was carried out in numpy against what torch made of the same bits."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.lib.bits import first_difference, same_bits
from scripts.lib.interpret import (
    held,
    is_given,
    numbers_in,
    orders_of_call,
    results_of,
    run_program,
    tensor_of_runs,
)
from scripts.lib.order import Orders
from scripts.lib.rounding import widened

Array = NDArray[Any]


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
    returns: by name, `elements`, `identical`, and `first`, the first element that differs, or None
    """
    arrays = values_of(program, orders, inputs, archived, given, dtype)
    found = {}
    for name, values in archived.items():
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
    recorded = given | {
        (place, number): archived[names[number]]
        for place, call in enumerate(program["calls"])
        for number in results_of(call)
        if number in names
    }
    known = {place: held(runs_last(values)) for place, values in recorded.items()}
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
            if reached & set(numbers_in([later["args"], later["kwargs"]])):
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
