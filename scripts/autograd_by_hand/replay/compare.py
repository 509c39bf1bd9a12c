"""Compare a program replayed in numpy with torch's results from the same bits."""

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.progress import progress
from autograd_by_hand.floats.bits import Difference, first_difference, same_bits
from autograd_by_hand.floats.rounding import widened
from autograd_by_hand.replay.interpreter import held, run_program, tensor_of_runs
from autograd_by_hand.replay.program import (
    Program,
    given_to,
    named_constants,
    names_of_sums,
    outputs_of,
    results_of,
    taken_as_given,
)
from autograd_by_hand.summation.orders_file import RevealedSum, orders_of
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]


class DifferenceInSample(Difference):
    """A difference, and the sample that its run belongs to."""

    sample: str


class ComparedBits(TypedDict):
    """How many elements have the archived bits, and the first that does not, or null."""

    elements: int
    identical: int
    first: Difference | None


class ComparedTensor(TypedDict):
    """How many bits of a named tensor, or of a sum behind it, the replay met.

    data: "experiment", or "amplified" for a sum on data whose products cancel
    """

    dtype: str
    tensor: str
    data: str
    elements: int
    identical: int
    first: DifferenceInSample | None


class RefusedSum(TypedDict):
    """A sum without an order, and the reason."""

    tensor: str
    op: str
    reason: str | None


class Replay(TypedDict):
    """What verify_replay writes.

    given: how many results of each operation were taken as recorded
    constants: the named values that no operation computes; they were taken as recorded as well
    others: the runs, as (sample, number), that execute other operations than the program
    proved: whether every bit was computed and met
    """

    tensors: list[ComparedTensor]
    given: dict[str, int]
    constants: list[str]
    refused: list[RefusedSum]
    others: list[tuple[str, int]]
    proved: bool


def verified(
    dtype: str,
    program: Program,
    revealed: list[RevealedSum],
    inputs: dict[str, dict[str, Array]],
    made: dict[str, dict[str, Array]],
) -> Replay:
    """Replay a program on the inputs of every sample, and compare the results with torch's.

    revealed: the orders of the program's sums, as reveal_orders writes them
    inputs: by sample and name, (runs, *shape), in float32 or an integer dtype
    made: torch's results by sample and name, as observe_operations and run_autograd write them; a
        missing sample is not compared
    returns: what verify_replay writes
    """
    own = [orders_of(entry["torch"]) for entry in revealed]
    rows: dict[str, ComparedTensor] = {}
    for sample, results in progress(made.items(), f"replay in {dtype}, samples"):
        left_out = [run for name, run in program["others"] if name == sample]
        drawn = inputs[sample]
        for name, found in _replayed(program, own, drawn, results, left_out, dtype).items():
            row = rows.setdefault(
                name,
                {
                    "dtype": dtype,
                    "tensor": name,
                    "data": "experiment",
                    "elements": 0,
                    "identical": 0,
                    "first": None,
                },
            )
            row["elements"] += found["elements"]
            row["identical"] += found["identical"]
            if found["first"] and not row["first"]:
                row["first"] = {"sample": sample, **found["first"]}
    tensors = [*rows.values(), *_amplified(program, revealed, dtype)]
    refused: list[RefusedSum] = [
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
    program: Program,
    orders: list[Orders | None],
    drawn: dict[str, Array],
    made: dict[str, Array],
    left_out: list[int],
    dtype: str,
) -> dict[str, ComparedBits]:
    """Call `replay_sample` on the runs of one sample that execute the program's operations.

    left_out: the runs that execute other operations
    made: forward's variables and given results, of the other runs; gradients and result, of all
    """
    kept = np.delete(np.arange(len(next(iter(drawn.values())))), left_out)
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


def _amplified(program: Program, revealed: list[RevealedSum], dtype: str) -> list[ComparedTensor]:
    """Return how the sums behind each named tensor compared on data whose products cancel."""
    return [
        {"dtype": dtype, "tensor": name, "data": "amplified", **compared, "first": None}
        for name, number in names_of_sums(program)
        if (compared := revealed[number]["torch"]["compared"].get("amplified"))
    ]


def replay_sample(
    program: Program,
    orders: list[Orders | None],
    inputs: dict[str, Array],
    archived: dict[str, Array],
    given: dict[tuple[int, int], Array],
    dtype: str,
) -> dict[str, ComparedBits]:
    """Compare a program's named values with the archived ones, over all runs of a sample.

    inputs: by name, (runs, *shape), in float32 or an integer dtype
    archived: each output by its name, (runs, *shape)
    given: the results that may be taken as recorded, (runs, *shape), by (index of the call, number)
    returns: by name, without the constants, which are not computed
    """
    arrays = values_of(program, orders, inputs, archived, given, dtype)
    found: dict[str, ComparedBits] = {}
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
    program: Program,
    orders: list[Orders | None],
    inputs: dict[str, Array],
    archived: dict[str, Array],
    given: dict[tuple[int, int], Array],
    dtype: str,
) -> dict[int, Array]:
    """Return every value of a program by its number, held; arguments as for `replay_sample`."""
    names = {number: name for name, number in program["outputs"].items()}
    recorded = {
        (index, number): archived[names[number]]
        for index, call in enumerate(program["calls"])
        for number in results_of(call)
        if number in names
    } | given
    known = {key: held(runs_last(values).copy()) for key, values in recorded.items()}
    start = {name: tensor_of_runs(inputs[name], dtype) for name in program["inputs"]}
    return run_program(program, start, orders, known)


def runs_last(values: Array) -> Array:
    """Return archived numbers, (runs, *shape), as (*shape, runs) in the accumulator's dtype."""
    return np.moveaxis(widened(values), 0, -1)
