"""Say what is being done, if it takes long enough for someone to wonder."""

import sys
import time
from collections.abc import Collection, Iterator
from typing import TypeVar

Item = TypeVar("Item")
SILENCE = 2.0  # seconds


def progress(items: Collection[Item], what: str) -> Iterator[Item]:
    """Go through `items`; once 2 s have passed in silence, and every 2 s from then, say how far.

    What is left is estimated by what was done so far.
    """
    begun = spoken = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - spoken > SILENCE:
            left = (now - begun) / done * (len(items) - done) if done else None
            told = f", {_duration(left)} left" if left is not None else ""
            print(f"{what}: {done} of {len(items)} done{told}", file=sys.stderr, flush=True)
            spoken = now
        yield item


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s" if minutes else f"about {rest} s"
