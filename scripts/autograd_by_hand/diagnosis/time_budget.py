"""Limit a search to the time that a reader is willing to wait."""

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
