"""Find the mistakes in a config's tensors and arguments that its schema cannot describe."""

import keyword
import math
from collections.abc import Iterator
from datetime import date
from typing import Any

from autograd_by_hand.experiment.settings import Argument, Config, TensorSpec, drawn_tensors

Place = tuple[str | int, ...]  # the keys and indices that lead to a value of the config
RESERVED = ("dout", "generator")  # names of arguments that the author's functions get anyway


def mistakes_of_inputs(config: Config) -> list[tuple[Place, str]]:
    """Where each mistake is, and a sentence on it.

    config: valid by the schema
    """
    tensors, arguments = config["tensors"], config.get("arguments", {})
    found: list[tuple[Place, str]] = [
        ((key, name), f"{name!r} is reserved; choose another name.")
        for key, names in (("tensors", tensors), ("arguments", arguments))
        for name in names
        if keyword.iskeyword(name) or name in RESERVED
    ]
    for name, value in arguments.items():
        if name in tensors:
            found.append((("arguments", name), "is a tensor as well; choose another name."))
        found += _mistyped(("arguments", name), value)
    for sample, spec in config["samples"].items():
        own = spec.get("tensors", {})
        for name in own:
            if name not in tensors:
                place: Place = ("samples", sample, "tensors", name)
                found.append((place, f"there is no tensor {name!r} in `tensors`."))
        for name, tensor in drawn_tensors(tensors, spec).items():
            if problem := _undrawable(tensor):
                place = ("samples", sample, "tensors", name) if name in own else ("tensors", name)
                found.append((place, problem))
    return found


def _mistyped(place: Place, value: Argument) -> Iterator[tuple[Place, str]]:
    """The values within an argument that YAML reads otherwise than they are meant."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _mistyped((*place, index), one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _mistyped((*place, key), one)
    elif isinstance(value, date):
        yield place, f"{value} is a date, as YAML reads it; put it in quotes."
    elif isinstance(value, str) and (hint := numeric_hint(value)):
        yield place, f"{value!r} is no number{hint}."
    elif value is not None and not isinstance(value, bool | int | float | str):
        yield place, f"is a {type(value).__name__}; write a number, text, true, false or a list."


def numeric_hint(value: Any) -> str:
    """Explain how to write a number that YAML reads otherwise: YAML 1.1 reads 1e-3 as text."""
    if isinstance(value, float) and value.is_integer():
        return f", written so; write {value:.0f}"
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    text = f"{number:.17g}" if "e" not in value.lower() else value.lower()
    mantissa, _, exponent = text.partition("e")
    if exponent:
        mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
        sign = exponent if exponent[0] in "+-" else f"+{exponent}"
        text = f"{mantissa}e{sign}"
    return f" but text, as YAML reads it; write {text} without quotes"


def _undrawable(tensor: TensorSpec) -> str | None:
    low, high = tensor.get("low", 0), tensor.get("high", 1)
    for key, number in (("scale", tensor.get("scale", 1)), ("low", low), ("high", high)):
        if not math.isfinite(number):
            return f"{key} must be a finite number, not {number}."
    match tensor["draw"]:
        case "linear_default" if "fan_in" not in tensor:
            return "draw: linear_default needs fan_in, the number of inputs of the layer."
        case "randint" if "high" not in tensor:
            return "draw: randint needs high, the first whole number that is not drawn."
        case "randint" if tensor.get("requires_grad"):
            return "draw: randint gives whole numbers, which have no gradient."
        case "randint" if "scale" in tensor:
            return "draw: randint gives whole numbers, which are not scaled; leave scale out."
        case "randint" if int(low) != low or int(high) != high:
            return "draw: randint needs whole numbers for low and high."
        case "randint" if low < -(2**63) or high >= 2**63:
            return "draw: randint needs low and high that fit in 64 bits."
        case "randint" | "uniform" if low >= high:
            return f"low ({low}) must be less than high ({high})."
    return None
