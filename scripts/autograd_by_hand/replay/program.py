"""A program of recorded operations in JSON's types, and facts that follow from it."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

from numpy.typing import NDArray

from autograd_by_hand.aten.arguments import Argument, with_tensors
from autograd_by_hand.aten.numpy_views import MEMORY_VIEWS, VIEWS
from autograd_by_hand.summation.orders_file import SumCall
from autograd_by_hand.summation.tree import Orders

Array = NDArray[Any]
CONSTANT = -1  # stands for the index of a call for values that no call made
SHOWN = {**VIEWS, **MEMORY_VIEWS}


class Call(TypedDict):
    """One operation.

    args, kwargs: as torch received them
    result: the number of the result, or a list of numbers; null for a result that is not a tensor
    dtype: of the result, if that is one tensor
    device: absent for the CPU
    sum: the index of the sum, if the call is one
    given: true if the result is recorded because the interpreter does not know the operation
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
    """Operations in the order of their execution, and the numbers of the values that they use.

    inputs: the number of each input's value, by name
    constants: the numbers of the values that no call computes; these are recorded
    outputs: the number of each value that has a name: results, gradients, the author's variables
    forward: how many of the calls belong to forward
    refused: in the manual program: why a gradient is unusable, by tensor
    others: the runs, as (sample, number), that execute other operations, numbers or shapes
    other_dtypes: the dtypes of floating-point values that do not have that of the inputs, by number
    strides: of the values that given calls read and that are not contiguous, by number
    """

    inputs: dict[str, int]
    constants: list[int]
    calls: list[Call]
    outputs: dict[str, int]
    forward: int
    refused: NotRequired[dict[str, str]]
    others: NotRequired[list[tuple[str, int]]]
    other_dtypes: NotRequired[dict[str, str]]
    strides: NotRequired[dict[str, list[int]]]


class Operations(TypedDict):
    """What observe_operations writes: both programs, and each distinct sum in them."""

    autograd: Program
    hand: Program
    sums: list[SumCall]


def arguments(call: Call, replacement: Callable[[int], Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return a call's positional and named arguments, each tensor as `replacement(number)`."""
    named = call["kwargs"].items()  # an argument may itself be named "value"
    return with_tensors(call["args"], replacement), {
        name: with_tensors(value, replacement) for name, value in named
    }


def numbers_in(call: Call) -> list[int]:
    """Return the numbers of the values among a call's arguments."""
    found: list[int] = []
    arguments(call, found.append)
    return found


def results_of(call: Call) -> list[int]:
    """Return the numbers of a call's results."""
    made = call["result"] if isinstance(call["result"], list) else [call["result"]]
    return [number for number in made if number is not None]


def result_of(call: Call) -> int:
    """Return the number of a call's only result."""
    (number,) = results_of(call)
    return number


def constants_shown(constants: list[int], calls: list[Call]) -> set[int]:
    """Return the numbers of the constants and of all views of them, which no call computes."""
    shown = {*constants}
    for call in calls:
        if call["op"] in SHOWN and shown.intersection(numbers_in(call)):
            shown.update(results_of(call))
    return shown


def writes_in_place(program: Program) -> bool:
    """Return whether a call may write into an earlier value, which keeps its number."""
    return any(map(_writes, program["calls"]))


def _writes(call: Call) -> bool:
    return call["op"].split(".")[1].endswith("_")


def add_results(call: Call, arrays: dict[int, Array], made: dict[int, Array]) -> None:
    """Add a call's results to `arrays`, both by number and held.

    An operation in place writes into the array that is there, so that its views show it as well.
    """
    changed = {*numbers_in(call)} if _writes(call) else set()
    for number, values in made.items():
        if number in changed and arrays[number].flags.writeable:
            arrays[number]["runs"][...] = values["runs"]
        else:
            arrays[number] = values


def orders_of_call(call: Call, orders: list[Orders | None]) -> Orders | None:
    """Return a call's orders out of those of all sums; None if it is not a sum or has no order."""
    return orders[call["sum"]] if "sum" in call else None


def is_given(call: Call, orders: Orders | None) -> bool:
    """Return whether a call's result is taken as recorded."""
    return bool(call.get("given")) or ("sum" in call and orders is None)


def output_name(name: str) -> str:
    """Return the name under which a program's named value is archived."""
    return "result" if name == "loss" else name


def outputs_of(program: Program, made: dict[str, Array]) -> dict[str, Array]:
    """Return a program's named values, by name, out of the archived arrays of a sample."""
    return {name: made[output_name(name)] for name in program["outputs"]}


def given_to(program: str, arrays: dict[str, Array]) -> dict[tuple[int, int], Array]:
    """Return the results that a program takes as given, by (index of the call, number).

    arrays: those of one sample by name, given results named "<program>.<index>.<number>"
    """
    found = {}
    for name, values in arrays.items():
        if name.startswith(f"{program}."):
            _, index, number = name.split(".")
            found[int(index), int(number)] = values
    return found


def named_constants(program: Program) -> list[str]:
    """Return the names of values that no call computes, such as a gradient computed in numpy."""
    constants = constants_shown(program["constants"], program["calls"])
    return [name for name, number in program["outputs"].items() if number in constants]


def resting_on(program: Program, orders: list[Orders | None]) -> dict[str, list[str]]:
    """Return for each named value what it rests on that is taken as recorded.

    These are operations, by name, "a sum without an order", and "a constant"; a value without any
    is computed from the inputs.
    """
    memory = {number: number for number in program["inputs"].values()}  # by number: whose it shows
    behind: dict[int, set[str]] = {number: set() for number in memory}
    for number in program["constants"]:
        memory[number], behind[number] = number, {"a constant"}
    for call in program["calls"]:
        read = [memory[number] for number in numbers_in(call)]
        found = set[str]().union(*(behind[one] for one in read))
        if is_given(call, orders_of_call(call, orders)):
            found.add(call["op"].split(".")[1] if call.get("given") else "a sum without an order")
        for number in results_of(call):
            memory[number] = read[0] if call["op"] in SHOWN and read else memory.get(number, number)
            behind.setdefault(memory[number], set()).update(found)
        if _writes(call):
            for one in read:
                behind[one] |= found
    return {name: sorted(behind[memory[number]]) for name, number in program["outputs"].items()}


def names_of_sums(program: Program) -> list[tuple[str, int]]:
    """Return for each sum in the calls the name that its result has or leads to, and its index.

    If another sum lies in between, the name begins with "towards".
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


def values_taken(program: Program, orders: list[Orders | None]) -> list[tuple[int, int]]:
    """Return the values that an execution takes as recorded, as (index of the call, number)."""
    return [(CONSTANT, number) for number in program["constants"]] + [
        (index, number)
        for index, call in enumerate(program["calls"])
        if is_given(call, orders_of_call(call, orders))
        for number in results_of(call)
    ]


def taken_as_given(program: Program, orders: list[Orders | None]) -> dict[str, int]:
    """Count by operation the results that are taken as recorded and not computed."""
    counts = Counter(
        call["op"].split(".")[1]
        for call in program["calls"]
        if is_given(call, orders_of_call(call, orders))
    )
    return dict(sorted(counts.items()))
