"""Search no longer than a reader waits: what is not found by then is not found."""

from collections.abc import Iterable, Iterator
from time import process_time
from typing import TypeVar

Item = TypeVar("Item")


def until(items: Iterable[Item], end: float) -> Iterator[Item]:
    """The items, while this process has used no more than `end` seconds of CPU time."""
    for item in items:
        if process_time() > end:
            return
        yield item
