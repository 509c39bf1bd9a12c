"""Put together what is alike, in the order in which a report tells it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> list[tuple[str, list[Item]]]:
    """The items by key: the keys in alphabetical order, those of one key in their own."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.items(), key=lambda group: group[0].lower())


def distinct(items: Iterable[str]) -> list[str]:
    """Each item once, in the order of their first places."""
    return list(dict.fromkeys(items))
