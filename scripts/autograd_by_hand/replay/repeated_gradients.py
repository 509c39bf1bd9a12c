"""Compute an experiment's gradients again in numpy, from its inputs and its recorded programs.

A gradient exists in four ways: by hand with torch's sums (manual) and with numpy's (reordered), by
autograd, and by autograd in wider arithmetic (reference). Each is computed again if its program
says all that this takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.experiment.output_names import RESULT, is_cotangent
from autograd_by_hand.replay.compare import runs_last
from autograd_by_hand.replay.interpreter import (
    CONVERSIONS,
    EMPTY,
    held,
    run_program,
    tensor_of_runs,
)
from autograd_by_hand.replay.program import (
    Operations,
    Program,
    given_to,
    output_name,
    resting_on,
    values_taken,
)
from autograd_by_hand.summation.orders_file import RevealedSum, orders_of
from autograd_by_hand.summation.tree import Orders, unfused

Array = NDArray[Any]
Arrays = dict[str, Array]
WAYS = ("manual", "autograd", "reordered", "reference")
PROGRAM_OF = {"manual": "hand", "autograd": "autograd", "reordered": "hand"}


@dataclass(frozen=True)
class Recorded:
    """What an experiment keeps of its programs in one dtype.

    given: the values that a replay reads, by sample and name, (runs, *shape)
    """

    dtype: str
    operations: Operations
    sums: list[RevealedSum]
    given: dict[str, Arrays]

    def program(self, way: str) -> Program:
        """The program that computes the gradients in this way."""
        return self.operations["hand" if PROGRAM_OF[way] == "hand" else "autograd"]

    def orders(self, way: str) -> list[Orders | None]:
        """The orders of all sums, as they are added in this way."""
        if way == "reordered":
            return [orders_of(entry["numpy"]) for entry in self.sums]
        return [orders_of(entry["torch"]) for entry in self.sums]

    def behind(self, way: str) -> dict[str, list[str]]:
        """By value, the operations whose recorded results it rests on; see `resting_on`."""
        return resting_on(self.program(way), self.orders(way))


def repeated(
    recorded: Recorded, way: str, sample: str, inputs: Arrays, results: Arrays
) -> Arrays | None:
    """The named values of a program in one sample, computed again; None if too little is recorded.

    inputs: the sample's tensors and cotangents, (runs, *shape)
    results: the archived results, of which those are taken that no known operation computes
    returns: by name, (runs, *shape), of the runs that execute the program's operations
    """
    program = recorded.program(way)
    kept = kept_runs(program, sample, inputs)
    orders, own = recorded.orders(way), recorded.given.get(sample, {})
    archived = given_to(PROGRAM_OF[way], own)
    names = {number: output_name(name) for name, number in program["outputs"].items()}
    taken: dict[tuple[int, int], Array] = {}
    for index, number in values_taken(program, orders):
        values = archived.get((index, number), (own | results).get(names.get(number, "")))
        if values is None:
            return None
        taken[index, number] = held(
            runs_last(values if len(values) == len(kept) else values[kept]).copy()
        )
    start = {name: tensor_of_runs(inputs[name][kept], recorded.dtype) for name in program["inputs"]}
    made = run_program(program, start, orders, taken)
    return {
        output_name(name): _as_stored(_runs_first(made[number]["runs"], len(kept)), recorded.dtype)
        for name, number in program["outputs"].items()
    }


def kept_runs(program: Program, sample: str, inputs: Mapping[str, Array]) -> NDArray[np.intp]:
    """The runs of a sample that execute the program's operations."""
    left_out = [run for name, run in program["others"] if name == sample]
    return np.delete(np.arange(len(next(iter(inputs.values())))), left_out)


def reference_in_float64(
    in_float64: Recorded, dtype: str, sample: str, inputs: Arrays
) -> Arrays | None:
    """The reference of a coarser dtype: autograd's program in float64, on inputs of that dtype."""
    if any(in_float64.behind("autograd").values()):
        return None
    rounded = {
        name: np.moveaxis(_rounded_to(values, dtype), -1, 0) for name, values in inputs.items()
    }
    return repeated(in_float64, "autograd", sample, rounded, {})


def reference_in_longdouble(recorded: Recorded, sample: str, inputs: Arrays) -> Arrays | None:
    """The reference of float64: autograd's program in longdouble.

    returns: by name the value rounded to float64, and under "<name>.tail" what this leaves out;
        None if the program takes results as given, or holds its values in narrower ones
    """
    program = recorded.program("autograd")
    narrows = any(call["op"] in {*CONVERSIONS, *EMPTY} for call in program["calls"])
    if narrows or any(recorded.behind("autograd").values()):
        return None
    kept = kept_runs(program, sample, inputs)
    start = {
        name: held(np.moveaxis(_widest(inputs[name][kept]), 0, -1)) for name in program["inputs"]
    }
    orders = [one and unfused(one) for one in recorded.orders("autograd")]
    values = run_program(program, start, orders, {})
    found: Arrays = {}
    for name, number in program["outputs"].items():
        whole = _runs_first(values[number]["runs"], len(kept))
        found[output_name(name)] = near = whole.astype(np.float64)
        with np.errstate(invalid="ignore"):
            found[f"{output_name(name)}.tail"] = (whole - near).astype(np.float64)
    return found


def forward_alone(recorded: Recorded, inputs: Arrays) -> Arrays:
    """The results of the recorded forward alone, at any inputs, by name.

    inputs: (runs, *shape)
    """
    program = recorded.program("autograd")
    calls = program["calls"][: program["forward"]]
    runs = len(next(iter(inputs.values())))
    names = {
        name: number
        for name, number in program["inputs"].items()
        if name in inputs and not is_cotangent(name)
    }
    alone: Program = {**program, "calls": calls, "inputs": names}
    start = {name: tensor_of_runs(inputs[name], recorded.dtype) for name in names}
    made = run_program(alone, start, recorded.orders("autograd"), {})
    return {
        output_name(name): _runs_first(made[number]["runs"], runs)
        for name, number in program["outputs"].items()
        if output_name(name).startswith(RESULT)
    }


def _runs_first(values: Array, runs: int) -> Array:
    whole = np.broadcast_to(values, (*values.shape[:-1], runs))
    return np.ascontiguousarray(np.moveaxis(whole, -1, 0))


def _as_stored(values: Array, dtype: str) -> Array:
    """Numbers of a half format as `read_arrays` reads them."""
    halves = dtype == "float16" and values.dtype == np.float32
    return values.astype(np.float16) if halves else values


def _rounded_to(values: Array, dtype: str) -> Array:
    """(runs, *shape) rounded to a dtype, as (*shape, runs) in float64; integers stay."""
    if not np.issubdtype(values.dtype, np.floating):
        return np.moveaxis(values, 0, -1)
    whole: Array = tensor_of_runs(values, dtype)["runs"]
    return whole.astype(np.float64)


def _widest(values: Array) -> Array:
    return values.astype(np.longdouble) if np.issubdtype(values.dtype, np.floating) else values
