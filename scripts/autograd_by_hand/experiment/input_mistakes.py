"""Find the mistakes in a config's tensors and arguments that its schema cannot describe."""

import keyword
import math
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.data_files import shapes_in
from autograd_by_hand.experiment.output_names import is_cotangent
from autograd_by_hand.experiment.settings import (
    HALF,
    INPUTS,
    SOURCES,
    WITHOUT_HALF,
    Argument,
    Config,
    TensorSpec,
    drawn_tensors,
)
from autograd_by_hand.experiment.source_code import parameters_of

Place = tuple[str | int, ...]  # the keys and indices that lead to a value of the config
WITHOUT_GRADIENT = {"randint": "whole numbers", "bernoulli": "true or false"}  # by the draw
FLOATS = ("F64", "F32", "F16", "BF16", "C64")  # as a safetensors file has them
KINDS = (*FLOATS, "I64", "I32", "I8", "U8", "BOOL")
RESERVED = ("generator",)  # besides the cotangents: what the author's functions get anyway


def mistakes_of_inputs(config: Config, folder: Path) -> list[tuple[Place, str]]:
    """Where each mistake is, and a sentence on it.

    config: valid by the schema
    folder: the experiment's, where its files are
    """
    tensors, arguments = config["tensors"], config.get("arguments", {})
    found: list[tuple[Place, str]] = [
        ((key, name), f"{name!r} is reserved; choose another name.")
        for key, names in (("tensors", tensors), ("arguments", arguments))
        for name in names
        if keyword.iskeyword(name) or is_cotangent(name) or name in RESERVED
    ]
    for name, value in arguments.items():
        if name in tensors:
            found.append((("arguments", name), "is a tensor as well; choose another name."))
        found += _mistyped(("arguments", name), value)
    found += _untaken(arguments, folder)
    axes = config.get("axes", {})
    for index, size in enumerate(config.get("sizes", [])):
        for name in size:
            if name not in axes:
                known = ", ".join(axes) or "none"
                sentence = f"there is no axis {name!r} in `axes`; there are {known}."
                found.append((("sizes", index, name), sentence))
    drawn_complex = [name for name, one in tensors.items() if one.get("draw") == "complex_randn"]
    if drawn_complex and not HALF.isdisjoint(config["dtypes"]):
        found.append((("dtypes",), WITHOUT_HALF.format(name=drawn_complex[0])))
    for sample, spec in config["samples"].items():
        own = spec.get("tensors", {})
        for name in own:
            if name not in tensors:
                place: Place = ("samples", sample, "tensors", name)
                found.append((place, f"there is no tensor {name!r} in `tensors`."))
        for name, tensor in drawn_tensors(tensors, spec).items():
            if problem := _unusable(name, tensor, folder):
                alone = name not in own or _unusable(name, tensors[name], folder) == problem
                place = ("tensors", name) if alone else ("samples", sample, "tensors", name)
                found.append((place, problem))
    return found


def _untaken(arguments: dict[str, Argument], folder: Path) -> Iterator[tuple[Place, str]]:
    """The arguments that none of the author's functions takes, as far as their files say."""
    taken = set[str]()
    for path in (folder / "forward.py", folder / "backward.py", folder / INPUTS):
        parameters = parameters_of(path, path.stem)
        if not parameters and path.name != INPUTS:
            return  # it is not there, or not defined by a def
        taken |= parameters
    for name in arguments:
        if name not in taken:
            close = get_close_matches(name, taken, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "name it there, or leave it out."
            yield ("arguments", name), f"no function has a parameter {name!r}; {hint}"


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


def _unusable(name: str, tensor: TensorSpec, folder: Path) -> str | None:
    """A sentence on why a tensor cannot be made as its merged settings say; None if it can."""
    sources = [source for source in SOURCES if source in tensor]
    if len(sources) != 1:
        if sources:
            return f"has {' and '.join(sources)}, but it can come from one of them only; keep one."
        return f"needs {', '.join(SOURCES[:-1])} or {SOURCES[-1]}, which say where it comes from."
    if "key" in tensor and "file" not in tensor:
        return "key is the tensor's name in a file; write file as well, or leave it out."
    if not math.isfinite(tensor.get("scale", 1)):
        return f"scale must be a finite number, not {tensor['scale']}."
    match sources[0]:
        case "draw":
            return _undrawable(tensor)
        case "value":
            return _unwritten(tensor)
        case "file":
            return _unread(name, tensor, folder)
        case "from" if not (folder / INPUTS).is_file():
            return (
                f"from: there is no {folder / INPUTS}; write it with a function inputs(generator)."
            )
    return None


def _undrawable(tensor: TensorSpec) -> str | None:
    draw, low, high = tensor["draw"], tensor.get("low", 0), tensor.get("high", 1)
    for key, number in (("low", low), ("high", high)):
        if not math.isfinite(number):
            return f"{key} must be a finite number, not {number}."
    if "shape" not in tensor:
        return "shape is missing."
    if draw in WITHOUT_GRADIENT and tensor.get("requires_grad"):
        return f"draw: {draw} gives {WITHOUT_GRADIENT[draw]}, which have no gradient."
    if draw in WITHOUT_GRADIENT and "scale" in tensor:
        return (
            f"draw: {draw} gives {WITHOUT_GRADIENT[draw]}, which are not scaled; leave scale out."
        )
    match draw:
        case "linear_default" if "fan_in" not in tensor:
            return "draw: linear_default needs fan_in, the number of inputs of the layer."
        case "randint" if "high" not in tensor:
            return "draw: randint needs high, the first whole number that is not drawn."
        case "randint" if int(low) != low or int(high) != high:
            return "draw: randint needs whole numbers for low and high."
        case "randint" if low < -(2**63) or high >= 2**63:
            return "draw: randint needs low and high that fit in 64 bits."
        case "randint" | "uniform" if low >= high:
            return f"low ({low}) must be less than high ({high})."
    return None


def _no_numbers(value: Any) -> Iterator[str]:
    """Sentences on what is neither a number, nor true or false, nor a list of such."""
    if isinstance(value, list):
        if not value:
            yield "a list must not be empty."
        for one in value:
            yield from _no_numbers(one)
    elif not isinstance(value, bool | int | float):
        hint = numeric_hint(value) if isinstance(value, str) else ""
        yield f"{value!r} is no number{hint}."


def _unwritten(tensor: TensorSpec) -> str | None:
    if problem := next(_no_numbers(tensor["value"]), None):
        return f"value: {problem}"
    numbers, shape = [tensor["value"]], list[int]()
    while isinstance(first := numbers[0], list):
        lengths = {len(one) if isinstance(one, list) else -1 for one in numbers}
        if len(lengths) > 1:
            return "value: lists side by side must be of one length; pad the shorter ones."
        shape.append(len(first))
        numbers = [inner for one in numbers if isinstance(one, list) for inner in one]
    if any(isinstance(one, list) for one in numbers):
        return "value: numbers and lists cannot stand side by side."
    floats = any(isinstance(one, float) for one in numbers)
    if len({isinstance(one, bool) for one in numbers}) > 1:
        return "value: numbers and true or false cannot stand side by side."
    if not floats and any(not -(2**63) <= one < 2**63 for one in numbers if isinstance(one, int)):
        return "value: whole numbers must fit in 64 bits; write a point for larger ones."
    if not floats and tensor.get("requires_grad"):
        what = "true and false" if isinstance(numbers[0], bool) else "whole numbers"
        return f"value: {what} have no gradient; write numbers with a point, such as 1.0."
    if not floats and "scale" in tensor:
        return "value: only numbers with a point are scaled; leave scale out."
    wanted = tensor.get("shape", shape)
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    if len(shape) > len(wanted) or any(own not in (1, due) for own, due in pairs):
        return f"value has shape {shape}, which cannot be broadcast to {wanted}."
    return None


def _unread(name: str, tensor: TensorSpec, folder: Path) -> str | None:
    path, key = folder / tensor["file"], tensor.get("key", name)
    if not path.resolve().is_relative_to(folder.resolve()):
        return f"file: {tensor['file']} is outside the experiment; copy the file into {folder}."
    if not path.is_file():
        return f"file: there is no {path}."
    try:
        found = shapes_in(path)
    except UserError as error:
        return f"file: {error}"
    if key not in found:
        close = get_close_matches(key, found, n=1) or sorted(found)[:5]
        return f"file: {path} has no tensor {key!r}; its keys include {', '.join(close)}."
    dtype, shape = found[key]
    if dtype not in KINDS:
        return f"file: {key!r} is {dtype} in {path}; convert it to one of {', '.join(KINDS)}."
    if shape != tensor.get("shape", shape):
        return f"file: {key!r} has shape {shape} in {path}, and not {tensor['shape']}."
    if tensor.get("requires_grad") and (dtype not in FLOATS or not all(shape)):
        what = f"is {dtype}" if all(shape) else "is empty"
        return f"file: {key!r} {what} in {path}, which has no gradient; remove requires_grad."
    if "scale" in tensor and dtype not in FLOATS:
        return f"file: {key!r} is {dtype} in {path}, which is not scaled; leave scale out."
    return None
