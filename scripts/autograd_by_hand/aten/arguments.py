"""The arguments of a call of torch, as JSON holds them."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypedDict, final


@final
class Value(TypedDict):
    """A tensor: the number of its value."""

    value: int


@final
class NoNumber(TypedDict):
    """An infinity or nan, which JSON lacks: "inf", "-inf" or "nan"."""

    number: str


Argument: TypeAlias = bool | int | float | str | Value | NoNumber | list["Argument"] | None


def with_tensors(argument: Argument, replacement: Callable[[int], Any]) -> Any:
    """An argument as torch or numpy takes it, with `replacement(number)` for each tensor."""
    if isinstance(argument, dict):
        if "value" in argument:
            return replacement(argument["value"])
        return float(argument["number"])
    if isinstance(argument, list):
        return [with_tensors(item, replacement) for item in argument]
    return argument
