"""Say what is being done, if it takes long enough for someone to wonder."""

import sys
import time
from collections.abc import Collection, Iterator
from typing import TypeVar

Item = TypeVar("Item")
SILENCE = 2.0  # seconds


def progress(items: Collection[Item], what: str) -> Iterator[Item]:
    """Go through `items`; once 2 s have passed in silence, and every 2 s from then, say how far."""
    spoken = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - spoken > SILENCE:
            print(f"{what}: {done} of {len(items)} done", file=sys.stderr, flush=True)
            spoken = time.monotonic()
        yield item
