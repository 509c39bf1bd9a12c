"""Keep what the author's code prints in a file, and show it once and not once a stage and dtype.

Whoever prints it: Python, a library at its import, or native code. Beside a stage's log there is a
file of the same name that ends in `.out`, unless nothing was printed.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autograd_by_hand.core.progress import show_on, tell

# The stages that are the first to execute inputs.py, forward.py and backward.py, in this order.
FIRST_TO_CALL = ("generate_tensors", "draw_cotangents", "check_backward")
MOST = 20  # lines on the screen


def output_of(log: Path) -> Path:
    """The file of what a stage printed, beside its log."""
    return log.with_suffix(".out")


@contextmanager
def kept_output(log: Path) -> Iterator[None]:
    """Write what is printed within the block to the file beside `log`; messages go to the screen.

    If the stage is the first to execute a file of the author's, the lines that no stage has shown
    before are shown at its end.
    """
    path = output_of(log)
    try:
        file = path.open("wb")
    except OSError:  # a disk that takes no file; the stage will say so
        yield
        return
    with file, _redirected(file.fileno()):
        yield
    _show(log)
    if not path.stat().st_size:
        path.unlink()


@contextmanager
def _redirected(to: int) -> Iterator[None]:
    """Redirect this process's standard output and error, but not its messages."""
    before = [os.dup(stream) for stream in (1, 2)]
    with os.fdopen(os.dup(2), "w") as screen, show_on(screen):
        try:
            _flush()
            for stream in (1, 2):
                os.dup2(to, stream)
            yield
        finally:
            _flush()
            for stream, old in enumerate(before, 1):
                os.dup2(old, stream)
                os.close(old)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the author's code may have closed it
            stream.flush()


def _show(log: Path) -> None:
    if log.stem not in FIRST_TO_CALL:
        return
    earlier = [
        log.with_name(f"{one}.log") for one in FIRST_TO_CALL[: FIRST_TO_CALL.index(log.stem)]
    ]
    shown = {line for one in earlier for line in _lines(output_of(one))}
    new = [line for line in _lines(output_of(log)) if line not in shown]
    if new:
        more = [f"... and {len(new) - MOST} lines more"] if len(new) > MOST else []
        head = f"\nPrinted by your code ({output_of(log)}; other stages keep theirs in work/logs/):"
        tell("\n".join([head, *new[:MOST], *more, ""]))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
