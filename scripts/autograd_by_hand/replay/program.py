"""A program of recorded operations, as JSON holds it, and what can be read off it."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

from numpy.typing import NDArray

from autograd_by_hand.aten.arguments import Argument, with_tensors
from autograd_by_hand.aten.numpy_views import MEMORY_VIEWS, VIEWS
from autograd_by_hand.summation.orders_file import SumCall
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]
CONSTANT = -1  # where the place of a call would stand for a value that no call made
SHOWN = {**VIEWS, **MEMORY_VIEWS}


class Call(TypedDict):
    """One operation.

    args, kwargs: as torch was given them
    result: the number of what it makes, or a list of them; null for what is no tensor
    dtype: of the result, if that is one tensor
    device: unless it is the CPU
    sum: which of the sums it is
    given: true where the result is recorded, because the interpreter does not know the operation
    """

    op: str
    args: list[Argument]
    kwargs: dict[str, Argument]
    result: int | list[int | None] | None
    dtype: str
    device: NotRequired[str]
    sum: NotRequired[int]
    given: NotRequired[bool]


class Program(TypedDict):
    """Operations in their order, and the numbers of the values that they take and make.

    inputs: the number of each input's value, by name
    constants: numbers of values that no call makes: their numbers are recorded
    outputs: the number of each value that has a name: results, gradients, the author's variables
    forward: how many of the calls are forward's
    refused: of the hand's: why a gradient is none, by tensor
    others: runs, as (sample, number), that make other operations
    """

    inputs: dict[str, int]
    constants: list[int]
    calls: list[Call]
    outputs: dict[str, int]
    forward: int
    refused: NotRequired[dict[str, str]]
    others: NotRequired[list[tuple[str, int]]]


class Operations(TypedDict):
    """What observe_operations writes: both programs, and each of their sums once."""

    autograd: Program
    hand: Program
    sums: list[SumCall]


def arguments(call: Call, replacement: Callable[[int], Any]) -> tuple[list[Any], dict[str, Any]]:
    """A call's arguments by place and by name, with `replacement(number)` for each tensor."""
    named = call["kwargs"].items()  # one of them may itself be called "value"
    return with_tensors(call["args"], replacement), {
        name: with_tensors(value, replacement) for name, value in named
    }


def numbers_in(call: Call) -> list[int]:
    """The numbers of the values among a call's arguments."""
    found: list[int] = []
    arguments(call, found.append)
    return found


def results_of(call: Call) -> list[int]:
    """The numbers of what a call makes."""
    made = call["result"] if isinstance(call["result"], list) else [call["result"]]
    return [number for number in made if number is not None]


def result_of(call: Call) -> int:
    """The number of the one value that a call makes."""
    (number,) = results_of(call)
    return number


def constants_shown(constants: list[int], calls: list[Call]) -> set[int]:
    """The numbers of the constants and of all views of them: what no call computes."""
    shown = {*constants}
    for call in calls:
        if call["op"] in SHOWN and shown.intersection(numbers_in(call)):
            shown.update(results_of(call))
    return shown


def writes_in_place(program: Program) -> bool:
    """Whether a call may write into a value that was made before, which keeps its number."""
    return any(call["op"].split(".")[1].endswith("_") for call in program["calls"])


def orders_of_call(call: Call, orders: list[Orders | None]) -> Orders | None:
    """The orders of the sum that a call is, of those of all sums; None where it is none."""
    return orders[call["sum"]] if "sum" in call else None


def is_given(call: Call, orders: Orders | None) -> bool:
    """Whether a call's result is taken as recorded."""
    return bool(call.get("given")) or ("sum" in call and orders is None)


def outputs_of(program: Program, made: dict[str, Array]) -> dict[str, Array]:
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


def named_constants(program: Program) -> list[str]:
    """The named values that no call computes, as a gradient that numpy computed."""
    constants = constants_shown(program["constants"], program["calls"])
    return [name for name, number in program["outputs"].items() if number in constants]


def names_of_sums(program: Program) -> list[tuple[str, int]]:
    """For each call that adds, the name that its result has or leads to, and which sum it is.

    Where another sum lies between, the name is "towards" what it leads to.
    """
    names = {number: name for name, number in program["outputs"].items()}
    found = []
    for at, call in enumerate(program["calls"]):
        if "sum" not in call:
            continue
        reached, towards = {result_of(call)}, ""
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


def taken_as_given(program: Program, orders: list[Orders | None]) -> dict[str, int]:
    """The operations whose results were not computed but taken as recorded, and how often."""
    counts = Counter(
        call["op"].split(".")[1]
        for call in program["calls"]
        if is_given(call, orders_of_call(call, orders))
    )
    return dict(sorted(counts.items()))
