"""The places where a function stops derivatives, as check_forward writes them."""

from collections.abc import Iterable
from typing import TypedDict

from autograd_by_hand.core.messages import Message, joined


class Stop(TypedDict):
    """A place where a function stops derivatives.

    kind: "detach", for autograd only; "step", an operation whose derivative is zero; "function", an
        autograd Function with a backward of its own
    operation: its name
    line: in the author's file, None if it is called or defined elsewhere
    """

    kind: str
    operation: str
    line: int | None


def described(stops: Iterable[Stop], path: str) -> Message:
    """Name the operations with their places: "detach (forward.py:3)"."""
    return joined(
        ", ",
        [
            f"{stop['operation']} ({path}:{stop['line']})" if stop["line"] else stop["operation"]
            for stop in stops
        ],
    )
