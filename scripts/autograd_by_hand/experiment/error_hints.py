"""Hints on what to do about an exception that was raised in the author's code."""

import linecache
import re
import traceback
from pathlib import Path

from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name

HALF = {"BFLOAT16": "bfloat16", "HALF": "float16"}  # as torch's messages call them
_NAMED = re.compile(r"\b(BFloat16|Half|BFLOAT16|HALF)\b")
_ABOUT_DTYPES = re.compile(
    r"\b(dtypes?|scalar type|not implemented for|float (?:or|and) double)\b", re.IGNORECASE
)
LONGEST = 80  # characters of an expression that is quoted


def hint(error: BaseException, reason: str, path: Path, tensors: dict[str, Tensor] | None) -> str:
    """A sentence on what to do about an exception, with a space before it, or "".

    reason: its text
    path: the author's file
    tensors: those that were being computed with, if they are known
    """
    tensors = tensors or {}
    return (
        _file_beside_it(error, path)
        or _half_format(error, reason, path, tensors)
        or _shapes(reason, tensors)
    )


def _file_beside_it(error: BaseException, path: Path) -> str:
    """For an import of another file of the experiment, as of forward by backward: copy from it."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    other = path.with_name(f"{error.name.split('.')[0]}.py")
    if not other.is_file():
        return ""
    return (
        f" Each file of an experiment is executed by itself and cannot import {other.name}; copy "
        f"from it into {path.name} what both need, and derive the gradient there."
    )


def _half_format(error: BaseException, reason: str, path: Path, tensors: dict[str, Tensor]) -> str:
    """For an operation that torch lacks in a half format: the two ways to do without it."""
    given = {dtype_name(one.dtype) for one in tensors.values()} & {*HALF.values()}
    named = [HALF[one.upper()] for one in _NAMED.findall(reason)]
    if not named and not (given and _ABOUT_DTYPES.search(reason)):
        return ""
    dtype = min(given) if given else named[-1]  # what torch got stands after what it expected
    expression = _expression(error, path)
    what = f"`{expression}`" if expression else "this"
    return (
        f" If torch cannot compute {what} in {dtype}, do it in float32, with .float(), or leave "
        f"{dtype} out of dtypes in {path.with_name('config.yaml')}."
    )


def _expression(error: BaseException, path: Path) -> str:
    """The expression of the author's file that raised an exception; "" if it is not short."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if frame.filename != str(path) or frame.lineno is None:
            continue
        if frame.lineno != frame.end_lineno:
            return ""
        line = linecache.getline(frame.filename, frame.lineno).encode()
        text = line[frame.colno : frame.end_colno].decode(errors="replace")
        return text if len(text) <= LONGEST and "`" not in text else ""
    return ""


def _shapes(reason: str, tensors: dict[str, Tensor]) -> str:
    """For an error about shapes: which transpose would repair it, and the shapes of all tensors."""
    if not tensors or not re.search(r"shape|size|dimension", reason, re.IGNORECASE):
        return ""
    fit = ""
    if found := re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", reason):
        rows, inner, left, right = map(int, found.groups())
        fits = [
            f"the second transposed, ({rows}x{inner}) @ ({right}x{left})" * (inner == right),
            f"the first transposed, ({inner}x{rows}) @ ({left}x{right})" * (rows == left),
        ]
        fits = [one for one in fits if one]
        fit = f" They fit with {' or with '.join(fits)}." if fits else ""
    given = ", ".join(f"{name} {tuple(value.shape)}" for name, value in tensors.items())
    return f"{fit} The tensors are {given}."
