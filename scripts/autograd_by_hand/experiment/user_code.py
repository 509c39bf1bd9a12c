"""Load and call the author's forward.py and backward.py, and check what they give back.

They are code and they run: here is all that stands between their mistakes and a traceback of ours.
Every mistake becomes one sentence with their file and their line.
"""

import inspect
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import Message, joined

Author = Callable[..., Any]


class _OutOfTime(BaseException):
    """Not an Exception, so that the author's `except Exception` does not swallow it."""


def load_function(path: Path, name: str, arguments: list[str], limit: float) -> Author:
    """The function `name` of the file at `path`, its parameters checked against `arguments`.

    arguments: the names it may take; it takes any of them, by name
    limit: seconds that running the file may take

    Raises
        UserError: if the file is missing, does not parse or run, or has no such function.
    """
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: is missing; write it with a function {name}.") from error
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{path}{line}: does not parse as Python: {what}.") from error
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    with told_as_theirs(path, limit):
        exec(code, namespace)  # noqa: S102 - running it is what it is for
    function = namespace.get(name)
    if not callable(function):
        raise UserError(f"{path}: has no function {name}; write `def {name}(...)`.")
    _check_parameters(function, path, name, arguments)
    author: Author = function
    return author


def _check_parameters(function: Author, path: Path, name: str, arguments: list[str]) -> None:
    place = _definition(function, path)
    try:
        parameters = inspect.signature(function).parameters
    except ValueError as error:
        raise UserError(
            f"{place}: {name} has no named parameters; write `def {name}(...)`."
        ) from error
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise UserError(f"{place}: {name} takes *{parameter.name}; name its tensors instead.")
        if parameter.name not in arguments and parameter.default is parameter.empty:
            known = ", ".join(arguments)
            raise UserError(
                f"{place}: {name} takes {parameter.name!r}, which is no tensor of the config; "
                f"there are {known}."
            )


def call(function: Author, path: Path, tensors: dict[str, Tensor], limit: float) -> Any:
    """function(**tensors), by the names that it asks for, within `limit` seconds.

    Raises
        UserError: if it raises or does not end in time.
    """
    asked = inspect.signature(function).parameters
    with told_as_theirs(path, limit, tensors):
        return function(**{name: value for name, value in tensors.items() if name in asked})


@contextmanager
def told_as_theirs(
    path: Path, limit: float, tensors: dict[str, Tensor] | None = None
) -> Iterator[None]:
    """Turn whatever goes wrong in the block into a `UserError` with the author's file and line."""
    alarms = 0
    advice = Message(
        "still running after {limit} s; mend the loop or raise time_limit in {config}.",
        limit=f"{limit:g}",
        config=str(path.with_name("config.yaml")),
    )

    def out_of_time(_: int, __: FrameType | None) -> None:
        nonlocal alarms
        alarms += 1
        if alarms > 1:  # a bare `except:` has swallowed the first
            print(f"{path}: {advice}", file=sys.stderr, flush=True)
            os._exit(1)
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, limit, limit)
    try:
        yield
    except _OutOfTime as error:
        place = _place(error, path)
        raise UserError(Message("{place}: {advice}", place=place, advice=advice)) from error
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        raise UserError(f"{_place(error, path)}: {what}.{_shapes(reason, tensors)}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(error: BaseException, path: Path) -> str:
    """The innermost line of the author's file that `error` passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _definition(function: Author, path: Path) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{path}:{code.co_firstlineno}" if isinstance(code, CodeType) else str(path)


def _shapes(reason: str, tensors: dict[str, Tensor] | None) -> str:
    """For an error about shapes: whether a transpose mends it, and the shapes of all tensors."""
    if not tensors or not re.search(r"shape|size|dimension", reason, re.IGNORECASE):
        return ""
    hint = ""
    if found := re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", reason):
        rows, inner, left, right = map(int, found.groups())
        fits = [
            f"the second transposed, ({rows}x{inner}) @ ({right}x{left})" * (inner == right),
            f"the first transposed, ({inner}x{rows}) @ ({left}x{right})" * (rows == left),
        ]
        fits = [fit for fit in fits if fit]
        hint = f" They fit with {' or with '.join(fits)}." if fits else ""
    given = ", ".join(f"{name} {tuple(value.shape)}" for name, value in tensors.items())
    return f"{hint} The tensors are {given}."


def check_gradients(
    gradients: Any, function: Author, path: Path, tensors: dict[str, Tensor], needed: list[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Those gradients of what backward returned that are what they must be, and what is not.

    needed: the tensors that require a gradient; each must have one, of its own shape and dtype
    returns: the gradients by tensor; and a sentence for each key that is missing, cannot be used
        or was not asked for

    Raises
        UserError: if backward returned no dict.
    """
    place = _definition(function, path)
    wanted = ", ".join(repr(name) for name in needed)
    if not isinstance(gradients, dict):
        kind = type(gradients).__name__
        what = Message(
            "backward returns a {kind}; return a dict with the keys {wanted}",
            kind=kind,
            wanted=wanted,
        )
        raise UserError(Message("{place}: {what}.", place=place, what=what))
    good, refused = dict[str, Tensor](), dict[str, str]()
    for name in needed:
        gradient = gradients.get(name)
        if gradient is None:
            what = (
                Message("the gradient of {name} is None", name=repr(name))
                if name in gradients
                else Message("the gradient of {name} is missing", name=repr(name))
            )
            near = get_close_matches(name, sorted({*map(str, gradients)} - {*needed}), 1, 0.3)
            if near:
                hint = Message("(it gives {near}; is that it?)", near=repr(near[0]))
                what = joined(" ", [what, hint])
            due = Message("backward must give {wanted}", wanted=wanted)
            refused[name] = Message("{place}: {what}; {due}.", place=place, what=what, due=due)
        elif wrong := _what_is_wrong(gradient, name, tensors[name]):
            refused[name] = Message("{place}: {wrong}.", place=place, wrong=wrong)
        else:
            good[name] = gradient.detach()
    refused |= {
        str(key): Message(
            "{place}: {what}.",
            place=place,
            what=Message(
                "backward gives {key}, which has no requires_grad: true in the config; give only "
                "{wanted}",
                key=repr(key),
                wanted=wanted,
            ),
        )
        for key in gradients
        if key not in needed
    }
    return good, refused


def _what_is_wrong(gradient: Any, name: str, tensor: Tensor) -> str | None:
    """Why `gradient` cannot be that of `tensor`, a clause."""
    if not isinstance(gradient, Tensor):
        return Message(
            "the gradient of {name} is a {kind}; it must be a torch.Tensor",
            name=repr(name),
            kind=type(gradient).__name__,
        )
    got, due = tuple(gradient.shape), tuple(tensor.shape)
    if got != due:
        turned = len(due) > 1 and got == due[::-1]
        hint = (
            Message(
                "these are the {count} elements in the layout of {name}.T; return it transposed, "
                "with .T",
                count=gradient.numel(),
                name=name,
            )
            if turned
            else Message("a gradient has the shape of its tensor")
        )
        return Message(
            "d{name} has shape {got} but {name} has {due}; {hint}",
            name=name,
            got=str(got),
            due=str(due),
            hint=hint,
        )
    if gradient.dtype != tensor.dtype:
        return Message(
            "d{name} is {got} but {name} is {due}; compute in the dtype of the inputs, and convert "
            "the result back if you compute wider",
            name=name,
            got=dtype_name(gradient.dtype),
            due=dtype_name(tensor.dtype),
        )
    if gradient.layout != tensor.layout or gradient.device != tensor.device:
        layout = str(gradient.layout).removeprefix("torch.")
        return Message(
            "d{name} is a {layout} tensor on {device}; return a dense one on {due}, with "
            ".to_dense() or .to('{due}')",
            name=name,
            layout=layout,
            device=gradient.device.type,
            due=tensor.device.type,
        )
    return None


def check_result(result: Any, function: Author, path: Path) -> Tensor:
    """What forward returned, if it is a tensor that autograd can differentiate.

    Raises
        UserError: if it is not.
    """
    if not isinstance(result, Tensor):
        raise not_a_tensor(result, function, path)
    if not result.requires_grad:
        raise UserError(
            f"{_definition(function, path)}: autograd cannot differentiate what forward returns "
            "(it has no grad_fn); compute it from the tensors that require a gradient, by "
            "differentiable operations."
        )
    if result.device.type != "cpu":
        raise UserError(
            f"{_definition(function, path)}: forward returns a tensor on {result.device.type}; "
            "return it on the CPU, where its inputs are, with .to('cpu')."
        )
    return result


def not_a_tensor(result: Any, function: Author, path: Path) -> UserError:
    """What to say of a forward that returns something else than one tensor."""
    kind = type(result).__name__
    place = _definition(function, path)
    return UserError(f"{place}: forward returns a {kind}; it must return one torch.Tensor.")
