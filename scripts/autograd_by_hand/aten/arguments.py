"""The arguments of a call of an ATen operation, as they are stored in JSON."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypedDict, final


@final
class Value(TypedDict):
    """A tensor, represented by the number of its value in the program."""

    value: int


@final
class NoNumber(TypedDict):
    """A number that JSON lacks, as Python writes it: "inf", "-inf", "nan" or one like "(1+2j)"."""

    number: str


Argument: TypeAlias = bool | int | float | str | Value | NoNumber | list["Argument"] | None


def with_tensors(argument: Argument, replacement: Callable[[int], Any]) -> Any:
    """An argument as torch or numpy expects it, with `replacement(number)` for each tensor."""
    if isinstance(argument, dict):
        if "value" in argument:
            return replacement(argument["value"])
        number = argument["number"]
        return complex(number) if "j" in number else float(number)
    if isinstance(argument, list):
        return [with_tensors(item, replacement) for item in argument]
    return argument
