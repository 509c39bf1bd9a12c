"""The tensors that a function of the author has in its own variables."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch import Tensor

from autograd_by_hand.experiment.user_code import Author


@contextmanager
def variables_of(function: Author) -> Iterator[dict[str, Tensor]]:
    """Within it, the tensors that `function` has in its variables when it ends, by their names."""
    code = getattr(function, "__code__", None)
    found: dict[str, Tensor] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.update(
                {name: one for name, one in frame.f_locals.items() if isinstance(one, Tensor)}
            )

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield found
    finally:
        sys.setprofile(before)
