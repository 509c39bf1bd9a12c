"""Report the progress of a long computation.

On a terminal the run's own line does so (`pipeline.progress_line`); a stage's messages replace that
line for a moment.
"""

import os
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TextIO, TypeVar

Item = TypeVar("Item")
SILENCE = 2.0  # seconds
_screens: list[TextIO] = []  # the last is used; standard error if there is none


@contextmanager
def show_on(screen: TextIO) -> Iterator[None]:
    """Show messages on another stream than standard error within the block."""
    _screens.append(screen)
    try:
        yield
    finally:
        _screens.pop()


def _screen() -> TextIO:
    return _screens[-1] if _screens else sys.stderr


def on_terminal() -> bool:
    """Whether messages go to a terminal on which a line can be overwritten."""
    return _screen().isatty() and os.getenv("TERM", "dumb") not in ("dumb", "unknown")


def tell(text: str) -> None:
    """Print text on the screen; on a terminal, overwrite the line that shows the progress."""
    over = "\r\033[K" if on_terminal() else ""
    print(f"{over}{text}", file=_screen(), flush=True)


def progress(items: Collection[Item], what: str) -> Iterator[Item]:
    """Iterate over `items`; unless a terminal shows the run's own line, print how far it is.

    The first message comes after SILENCE seconds, each further one after twice the pause. The time
    left is estimated from the items that are done.
    """
    begun = spoken = time.monotonic()
    silence = SILENCE
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - spoken > silence and not on_terminal():
            left = (now - begun) / done * (len(items) - done) if done else None
            estimate = f", about {duration(left)} left" if left is not None else ""
            tell(f"{what}: {done} of {len(items)} done{estimate}")
            spoken, silence = now, 2 * silence
        yield item


def duration(seconds: float) -> str:
    """A time in seconds for a reader: 0.3 s, 12 s, 3 min 5 s, 2 h 7 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
