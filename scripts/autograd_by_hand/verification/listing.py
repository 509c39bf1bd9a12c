"""Print the recorded programs, one operation a line."""

import json
from collections.abc import Iterator
from typing import Any

from autograd_by_hand.aten.arguments import with_tensors
from autograd_by_hand.experiment.settings import shown_format
from autograd_by_hand.replay.program import Call, Program
from autograd_by_hand.verification.experiment import Experiment


def listing(experiment: Experiment) -> Iterator[str]:
    """Yield the lines of both programs in the dtype that the report shows.

    Raises
        UserError: if the programs cannot be read.
    """
    dtype = shown_format(experiment.dtypes)
    operations = experiment.recorded(dtype).operations
    for title, program in (
        ("autograd", operations["autograd"]),
        ("backward.py", operations["hand"]),
    ):
        yield f"{title}, {dtype}:"
        yield from _lines(program)


def _lines(program: Program) -> Iterator[str]:
    names = {number: name for name, number in program["outputs"].items()}
    names |= {number: name for name, number in program["inputs"].items()}
    names |= {number: f"constant{number}" for number in program["constants"]}

    def shown(number: int | None) -> str:
        return "none" if number is None else names.get(number, f"v{number}")

    for index, call in enumerate(program["calls"]):
        if index and index == program["forward"]:
            yield "  (here forward ends)"
        made = call["result"] if isinstance(call["result"], list) else [call["result"]]
        results = ", ".join(map(shown, made))
        operation = call["op"].removeprefix("aten.")
        yield f"  {results} = {operation}({_arguments(call, shown)}){_note(call)}"


def _arguments(call: Call, shown: Any) -> str:
    parts = [_text(with_tensors(arg, shown)) for arg in call["args"]]
    parts += [f"{key}={_text(with_tensors(arg, shown))}" for key, arg in call["kwargs"].items()]
    return ", ".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _note(call: Call) -> str:
    return "  # taken as recorded" if call.get("given") else ""
