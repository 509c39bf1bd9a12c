"""Replay one program again and again with other orders, and compute nothing small twice."""

from collections.abc import Callable
from typing import Any, TypeVar

from numpy.typing import NDArray

from autograd_by_hand.replay.interpreter import IN_PLACE, interpret
from autograd_by_hand.replay.program import (
    CONSTANT,
    Call,
    Program,
    is_given,
    numbers_in,
    results_of,
)
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]
Said = TypeVar("Said")
CarryOut = Callable[[Call, dict[int, Array], bool], None]

REMEMBERED = 2**26  # bytes of a value that is kept; a larger one is made again


class RepeatedReplay:
    """A program on some runs, replayed with any orders; no small value is computed twice.

    inputs: by name, held
    recorded: the program's constants by (CONSTANT, number), held
    carry_out: does a call that only torch can do, on arrays by number, with or without rounding
    """

    def __init__(
        self,
        program: Program,
        inputs: dict[str, Array],
        recorded: dict[tuple[int, int], Array],
        carry_out: CarryOut,
    ) -> None:
        self.program, self.carry_out = program, carry_out
        self._start = {number: inputs[name] for name, number in program["inputs"].items()}
        self._start |= {number: recorded[CONSTANT, number] for number in program["constants"]}
        self._memory: dict[Any, Array] = {}
        self._said: dict[Any, Any] = {}
        self._names: dict[Any, int] = {}
        self._keeps = not any(call["op"] in IN_PLACE for call in program["calls"])

    def measured(
        self,
        what: str,
        measure: Callable[[str, Array], Said],
        orders: list[Orders | None],
        rounding: bool = True,
    ) -> dict[str, Said]:
        """What `measure` says of each gradient, (*shape, runs), by its name, one after the other.

        orders: the calls' own, None where a call is no sum
        what: tells measures apart; of a gradient that comes about as an earlier one did, it is
            said what was said of that
        """
        ways, said = self._ways(orders, rounding), {}
        last = {number: way for way, numbers in ways for number in numbers}
        for name, number in self.program["outputs"].items():
            key = (what, name, last.get(number))
            if key not in self._said or not self._keeps:
                values = self._carried_out(orders, rounding, ways, {number})
                self._said[key] = measure(name, values[number]["runs"])
            said[name] = self._said[key]
        return said

    def values(self, orders: list[Orders | None], rounding: bool = True) -> dict[int, Array]:
        """Every value by its number, held."""
        every = {number for call in self.program["calls"] for number in results_of(call)}
        return self._carried_out(orders, rounding, self._ways(orders, rounding), every)

    def _ways(self, orders: list[Orders | None], rounding: bool) -> list[tuple[int, list[int]]]:
        """How the results of each call come about, and their numbers: alike ways, alike values."""
        latest: dict[int, Any] = {}  # a call may write into a value, which keeps its number
        ways = []
        for place, (call, own) in enumerate(zip(self.program["calls"], orders, strict=True)):
            used = tuple(latest.get(n, n) for n in numbers_in(call))
            way = self._names.setdefault((place, own, rounding, used), len(self._names))
            ways.append((way, results_of(call)))
            latest |= {number: (way, number) for number in results_of(call)}
        return ways

    def _carried_out(
        self,
        orders: list[Orders | None],
        rounding: bool,
        ways: list[tuple[int, list[int]]],
        wanted: set[int],
    ) -> dict[int, Array]:
        """The wanted values, and those on the way to them; large ones are not remembered."""
        arrays = dict(self._start)
        if not self._keeps:
            arrays = {number: value.copy() for number, value in arrays.items()}
        for place in self._places(ways, wanted):
            call, own, (way, results) = self.program["calls"][place], orders[place], ways[place]
            if self._remembers(way, results):
                arrays |= {number: self._memory[way, number] for number in results}
                continue
            if is_given(call, own):
                self.carry_out(call, arrays, rounding)
            else:
                interpret(call, arrays, own, rounding)
            small = [number for number in results if arrays[number].nbytes <= REMEMBERED]
            if self._keeps:
                self._memory |= {(way, number): arrays[number] for number in small}
        return arrays

    def _remembers(self, way: int, results: list[int]) -> bool:
        return self._keeps and all((way, number) in self._memory for number in results)

    def _places(self, ways: list[tuple[int, list[int]]], wanted: set[int]) -> list[int]:
        """The calls that must be carried out or remembered for some values, in order."""
        calls = self.program["calls"]
        if not self._keeps:
            return list(range(len(calls)))
        needed, found = set(wanted), []
        for place in range(len(calls) - 1, -1, -1):
            way, results = ways[place]
            if needed.intersection(results):
                found.append(place)
                if not self._remembers(way, results):
                    needed.update(numbers_in(calls[place]))
        return found[::-1]
