"""Replay one program repeatedly with different orders, and compute no small value twice."""

from collections.abc import Callable
from typing import Any, TypeVar

from numpy.typing import NDArray

from autograd_by_hand.replay.interpreter import interpret
from autograd_by_hand.replay.program import (
    CONSTANT,
    Call,
    Program,
    is_given,
    numbers_in,
    results_of,
    writes_in_place,
)
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]
Measured = TypeVar("Measured")
Execute = Callable[[Call, dict[int, Array], bool], None]

REMEMBERED = 2**26  # bytes; larger values are not kept but computed again


class RepeatedReplay:
    """A program on some runs, replayed with any orders; no small value is computed twice.

    inputs: by name, held
    recorded: the program's constants by (CONSTANT, number), held
    execute: executes a call that only torch can, on arrays by number, with or without rounding
    """

    def __init__(
        self,
        program: Program,
        inputs: dict[str, Array],
        recorded: dict[tuple[int, int], Array],
        execute: Execute,
    ) -> None:
        self.program, self.execute = program, execute
        self.in_torch: dict[str, None] = {}  # the operations that were executed so
        self._start = {number: inputs[name] for name, number in program["inputs"].items()}
        self._start |= {number: recorded[CONSTANT, number] for number in program["constants"]}
        self._memory: dict[Any, Array] = {}
        self._measured: dict[Any, Any] = {}
        self._names: dict[Any, int] = {}
        self._keeps = not writes_in_place(program)

    def measured(
        self,
        what: str,
        measure: Callable[[str, Array], Measured],
        orders: list[Orders | None],
        rounding: bool = True,
    ) -> dict[str, Measured]:
        """Apply `measure` to each gradient, (*shape, runs), and return the results by name.

        what: the name of the measure; a gradient that was computed in the same way before is not
            measured again under the same name
        orders: of each call, None if it is not a sum
        """
        ways, found = self._ways(orders, rounding), {}
        last = {number: way for way, numbers in ways for number in numbers}
        for name, number in self.program["outputs"].items():
            key = (what, name, last.get(number))
            if key not in self._measured or not self._keeps:
                values = self._computed(orders, rounding, ways, {number})
                self._measured[key] = measure(name, values[number]["runs"])
            found[name] = self._measured[key]
        return found

    def values(self, orders: list[Orders | None], rounding: bool = True) -> dict[int, Array]:
        """Return every value by its number, held."""
        every = {number for call in self.program["calls"] for number in results_of(call)}
        return self._computed(orders, rounding, self._ways(orders, rounding), every)

    def _ways(self, orders: list[Orders | None], rounding: bool) -> list[tuple[int, list[int]]]:
        """Return for each call a key that determines its results' values, and their numbers."""
        latest: dict[int, Any] = {}  # a value that a call writes into keeps its number
        ways = []
        for index, (call, own) in enumerate(zip(self.program["calls"], orders, strict=True)):
            used = tuple(latest.get(n, n) for n in numbers_in(call))
            way = self._names.setdefault((index, own, rounding, used), len(self._names))
            ways.append((way, results_of(call)))
            latest |= {number: (way, number) for number in results_of(call)}
        return ways

    def _computed(
        self,
        orders: list[Orders | None],
        rounding: bool,
        ways: list[tuple[int, list[int]]],
        wanted: set[int],
    ) -> dict[int, Array]:
        """Compute the wanted values and those that lead to them; large ones are not remembered."""
        arrays = dict(self._start)
        if not self._keeps:
            arrays = {number: value.copy() for number, value in arrays.items()}
        for index in self._needed(ways, wanted):
            call, own, (way, results) = self.program["calls"][index], orders[index], ways[index]
            if self._remembers(way, results):
                arrays |= {number: self._memory[way, number] for number in results}
                continue
            if is_given(call, own):
                self.in_torch[call["op"].split(".")[1]] = None
                self.execute(call, arrays, rounding)
            else:
                interpret(call, arrays, own, rounding)
            small = [number for number in results if arrays[number].nbytes <= REMEMBERED]
            if self._keeps:
                self._memory |= {(way, number): arrays[number] for number in small}
        return arrays

    def _remembers(self, way: int, results: list[int]) -> bool:
        return self._keeps and all((way, number) in self._memory for number in results)

    def _needed(self, ways: list[tuple[int, list[int]]], wanted: set[int]) -> list[int]:
        """Return the indices of the calls that must be executed or remembered for some values."""
        calls = self.program["calls"]
        if not self._keeps:
            return list(range(len(calls)))
        needed, found = set(wanted), []
        for index in range(len(calls) - 1, -1, -1):
            way, results = ways[index]
            if needed.intersection(results):
                found.append(index)
                if not self._remembers(way, results):
                    needed.update(numbers_in(calls[index]))
        return found[::-1]
