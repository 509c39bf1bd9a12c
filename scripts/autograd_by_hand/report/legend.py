"""Lay out a legend: the entries side by side, each label after its mark."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One entry: where its mark begins, the key that it stands for, and its label."""

    x: float
    key: Any
    words: str


@dataclass(frozen=True)
class Legend:
    """The entries from left to right, and where a further entry would begin."""

    entries: list[Entry]
    end: float


def legend(keys: Iterable[Any], words: Any, left: float, room: float, letter: float) -> Legend:
    """Lay out a legend that begins at `left`.

    words: the label of each key
    room: the width of an entry without its label
    letter: the mean width of a letter
    """
    entries, end = [], left
    for key in keys:
        entries.append(Entry(end, key, words[key]))
        end = round(end + room + letter * len(words[key]), 1)
    return Legend(entries, end)
