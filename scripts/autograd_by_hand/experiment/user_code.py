"""Load and call the author's forward.py and backward.py.

Every mistake in the author's code becomes a `UserError`, one sentence with the author's file and
line instead of a traceback.
"""

import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.last_call import note, note_end
from autograd_by_hand.core.messages import Message
from autograd_by_hand.experiment.error_hints import hint
from autograd_by_hand.experiment.settings import Argument, Given
from autograd_by_hand.experiment.source_code import compiled

Author = Callable[..., Any]


class _OutOfTime(BaseException):
    """The time limit is exceeded. An author's `except Exception` must not catch this."""


def load_function(path: Path, name: str, given: Given, limit: float) -> Author:
    """Execute the file at `path` and return its function `name`, after checking its parameters.

    The function that is returned takes tensors only: it has its arguments that are no tensors.

    name: `forward`, which in a file of another name may be called `surrogate`, or `backward`
    given: what its parameters may be; it need not take all of them
    limit: seconds that executing the file may take

    Raises
        UserError: if the file is missing, does not parse or run, or has no such function.
    """
    names = ("surrogate", name) if name == "forward" and is_surrogate(path) else (name,)
    code = compiled(path)
    namespace: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    with as_user_error(path, limit):
        exec(code, namespace)  # noqa: S102 - the purpose is to execute the author's code
    name = next((one for one in names if callable(namespace.get(one))), "")
    if not name:
        raise UserError(f"{path}: has no function {names[0]}; write `def {names[0]}(...)`.")
    function: Author = namespace[name]
    _check_parameters(function, path, name, [*given.tensors, *given.arguments])
    return _with_arguments(function, given.arguments)


def is_surrogate(path: Path) -> bool:
    """Whether the file of a forward is the one that is differentiated in place of forward.py."""
    return path.name != "forward.py"


def _with_arguments(function: Author, arguments: dict[str, Argument]) -> Author:
    """The function with those of its arguments that are no tensors; every call gets copies."""
    asked = inspect.signature(function).parameters
    own = {name: value for name, value in arguments.items() if name in asked}
    if not own:
        return function

    @wraps(function)
    def with_arguments(**tensors: Tensor) -> Any:
        return function(**tensors, **deepcopy(own))

    return with_arguments


def _check_parameters(function: Author, path: Path, name: str, arguments: list[str]) -> None:
    place = definition_of(function, path)
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
                f"{place}: {name} takes {parameter.name!r}, which is neither a tensor nor an "
                f"argument of the config; there are {known}."
            )


def call(function: Author, path: Path, tensors: dict[str, Tensor], limit: float) -> Any:
    """Call `function` with those of the tensors that its parameters name.

    limit: seconds that the call may take

    Raises
        UserError: if it raises or does not end in time.
    """
    asked = inspect.signature(function).parameters
    with as_user_error(path, limit, tensors):
        return function(**{name: value for name, value in tensors.items() if name in asked})


@contextmanager
def as_user_error(
    path: Path, limit: float, tensors: dict[str, Tensor] | None = None
) -> Iterator[None]:
    """Turn any exception in the block into a `UserError` with the author's file and line.

    The working directory is the same afterwards, whatever the block makes of it.

    limit: seconds that the block may take
    tensors: those that it computes with, whose shapes an error about shapes should list
    """
    alarms = 0
    advice = Message(
        "still running after {limit} s; mend the loop or raise time_limit in {config}.",
        limit=f"{limit:g}",
        config=str(path.with_name("config.yaml")),
    )

    def out_of_time(_: int, __: FrameType | None) -> None:
        nonlocal alarms
        alarms += 1
        if alarms > 1:  # a bare `except:` has caught the first
            print(f"{path}: {advice}", file=sys.stderr, flush=True)
            os._exit(1)
        raise _OutOfTime

    note(str(path), limit)
    directory = Path.cwd()
    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, limit, limit)
    try:
        yield
    except _OutOfTime as error:
        place = _place(error, path)
        raise UserError(Message("{place}: {advice}", place=place, advice=advice)) from error
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        reason = " ".join(str(error).split()).rstrip(".")
        what = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
        advised = hint(error, reason, path, tensors)
        raise UserError(f"{_place(error, path)}: {what}.{advised}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        note_end()
        os.chdir(directory)


def _place(error: BaseException, path: Path) -> str:
    """The innermost line of the author's file that `error` passed through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def definition_of(function: Author, path: Path) -> str:
    """The file and line where a function begins."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{path}:{code.co_firstlineno}" if isinstance(code, CodeType) else str(path)
