"""Say what is being done, if it takes long enough for someone to wonder.

On a terminal the run's own line does so (`screen.py`), and a stage writes over it what it must say.
"""

import os
import sys
import time
from collections.abc import Collection, Iterator
from typing import TypeVar

Item = TypeVar("Item")
SILENCE = 2.0  # seconds


def on_terminal() -> bool:
    """Whether standard error is a terminal on which a line can be written over."""
    return sys.stderr.isatty() and os.getenv("TERM", "dumb") not in ("dumb", "unknown")


def tell(text: str) -> None:
    """Put text on standard error, on a terminal over the line that tells how far the run is."""
    over = "\r\033[K" if on_terminal() else ""
    print(f"{over}{text}", file=sys.stderr, flush=True)


def progress(items: Collection[Item], what: str) -> Iterator[Item]:
    """Go through `items`, and where nobody sees the run's own line say now and then how far.

    After 2 s in silence, then after ever longer ones. What is left is estimated by what was done.
    """
    begun = spoken = time.monotonic()
    silence = SILENCE
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - spoken > silence and not on_terminal():
            left = (now - begun) / done * (len(items) - done) if done else None
            told = f", about {duration(left)} left" if left is not None else ""
            tell(f"{what}: {done} of {len(items)} done{told}")
            spoken, silence = now, 2 * silence
        yield item


def duration(seconds: float) -> str:
    """Seconds as one says them: 0.3 s, 12 s, 3 min 5 s, 2 h 7 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
