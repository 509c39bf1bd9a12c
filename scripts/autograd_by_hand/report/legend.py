"""Lay out a legend: its words side by side, each after its mark."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One entry: where its mark begins, what it stands for, and its words."""

    x: float
    key: Any
    words: str


@dataclass(frozen=True)
class Legend:
    """The entries from left to right, and where another would begin."""

    entries: list[Entry]
    end: float


def legend(keys: Iterable[Any], words: Any, left: float, room: float, letter: float) -> Legend:
    """A legend that begins at `left`.

    words: by key
    room: of an entry besides its words; letter: the mean width of a letter
    """
    entries, end = [], left
    for key in keys:
        entries.append(Entry(end, key, words[key]))
        end = round(end + room + letter * len(words[key]), 1)
    return Legend(entries, end)
