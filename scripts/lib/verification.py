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
    bits = {name: np.moveaxis(widened(values), 0, -1) for name, values in archived.items()}
    known = {place: held(np.moveaxis(widened(one), 0, -1)) for place, one in given.items()}
    known |= outputs_recorded(program, bits)
    start = {name: tensor_of_runs(inputs[name], dtype) for name in program["inputs"]}
    arrays = run_program(program, start, orders, known)
    found = {}
    for name, expected in bits.items():
        made = np.broadcast_to(arrays[program["outputs"][name]]["runs"], expected.shape)
        alike = same_bits(made, expected)
        found[name] = {
            "elements": alike.size,
            "identical": int(alike.sum()),
            "first": None if alike.all() else first_difference(made, expected, alike),
        }
    return found


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


def outputs_recorded(
    program: dict[str, Any], outputs: dict[str, Array]
) -> dict[tuple[int, int], Array]:
    """The outputs, (*shape, runs) by name, as results of the calls that make them, held."""
    names = {number: name for name, number in program["outputs"].items()}
    return {
        (place, number): held(outputs[names[number]])
        for place, call in enumerate(program["calls"])
        for number in results_of(call)
        if number in names
    }


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
    calls = program["calls"]
    counts = Counter(
        call["op"].split(".")[1]
        for call in calls
        if is_given(call, orders[call["sum"]] if "sum" in call else None)
    )
    return dict(sorted(counts.items()))
