"""The functions that are being executed, by file and line."""

import sys
from collections.abc import Iterator


def frames() -> Iterator[tuple[str, int]]:
    """The file and line of each function that is being executed, the innermost first."""
    frame = sys._getframe(1)  # noqa: SLF001 - inspect.stack reads every file
    while frame:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
