"""Group items, in the order in which a report lists them."""

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> list[tuple[str, list[Item]]]:
    """Group items by key, the keys in alphabetical order, the items of a key in their own order."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.items(), key=lambda group: group[0].lower())


def distinct(items: Iterable[str]) -> list[str]:
    """Return each item once, in the order of first occurrence."""
    return list(dict.fromkeys(items))
