"""The replay, bit for bit: how many elements it meets, and what prevents a proof."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from autograd_by_hand.core.element_index import listed_index
from autograd_by_hand.replay.compare import Replay as WrittenReplay
from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.report.sections.proof import every_sum_met
from autograd_by_hand.storage.missing import Missing

What = TypeVar("What")


@dataclass(frozen=True)
class Count:
    """How many out of all elements have autograd's own bits."""

    identical: int
    elements: int


@dataclass(frozen=True)
class Row:
    """A tensor on one kind of data.

    counts: for each dtype, None if it was not replayed
    """

    tensor: str
    data: str
    counts: list[Count | None]


@dataclass(frozen=True)
class NoOrder:
    """A sum whose order was not found."""

    tensor: str
    operation: str
    reason: str | None


@dataclass(frozen=True)
class Miss:
    """The first element of a tensor that the replay misses: its position and both values."""

    tensor: str
    index: str
    run: int
    sample: str
    found: Figure
    expected: Figure


@dataclass(frozen=True)
class InDtypes(Generic[What]):
    """Something that holds in some dtypes, to be said once."""

    dtypes: list[str]
    what: What


@dataclass(frozen=True)
class Replay:
    """The table, and what prevents a proof, each with the dtypes in which it does.

    missing: why the replay is missing
    constants: tensors that no operation computes
    no_order: sums without an order
    given: how many results of each operation were taken as recorded; empty if nothing else
        prevents a proof in any dtype
    others: how many runs execute other operations than the first
    missed: the first missed element of each tensor
    """

    rows: list[Row]
    missing: list[InDtypes[str]]
    constants: list[InDtypes[str]]
    no_order: list[InDtypes[NoOrder]]
    given: list[InDtypes[dict[str, int]]]
    others: list[InDtypes[int]]
    missed: list[InDtypes[Miss]]


def replay_of(measured: Measurements) -> Replay:
    """Return the replay of all dtypes; the rows are those of the shown dtype, or of another."""
    replayed = measured.replayed
    shown = measured.shown if measured.shown in replayed else next(iter(replayed), "")
    met = every_sum_met(measured)
    rows = [
        Row(
            row["tensor"],
            row["data"],
            [
                _count(replayed[dtype], row["tensor"], row["data"]) if dtype in replayed else None
                for dtype in measured.dtypes
            ],
        )
        for row in (replayed[shown]["tensors"] if shown else [])
    ]
    missing = {
        dtype: [one.words] for dtype, one in measured.replay.items() if isinstance(one, Missing)
    }
    each = replayed.items()
    return Replay(
        rows,
        missing=_said_once(missing),
        constants=_said_once({dtype: one["constants"] for dtype, one in each}),
        no_order=_said_once({dtype: _without_order(one) for dtype, one in each}),
        given=_said_once({dtype: [one["given"]] * (not met) for dtype, one in each}),
        others=_said_once({dtype: [len(one["others"])] for dtype, one in each}),
        missed=_said_once({dtype: _missed(one, measured.by_parts) for dtype, one in each}),
    )


def _said_once(found: dict[str, list[What]]) -> list[InDtypes[What]]:
    """What was found in each dtype, each once, with its dtypes; without what is empty or 0."""
    once: list[InDtypes[What]] = []
    for dtype, whats in found.items():
        for what in filter(None, whats):
            same = next((one for one in once if one.what == what), None)
            if same is None:
                once.append(InDtypes([dtype], what))
            else:
                same.dtypes.append(dtype)
    return once


def _count(replay: WrittenReplay, tensor: str, data: str) -> Count | None:
    for row in replay["tensors"]:
        if (row["tensor"], row["data"]) == (tensor, data):
            return Count(row["identical"], row["elements"])
    return None


def _without_order(replay: WrittenReplay) -> list[NoOrder]:
    return [
        NoOrder(one["tensor"], one["op"].split(".")[1], one["reason"]) for one in replay["refused"]
    ]


def _missed(replay: WrittenReplay, by_parts: set[str]) -> list[Miss]:
    return [
        Miss(
            row["tensor"],
            listed_index(first["index"], by_parts=row["tensor"] in by_parts),
            first["run"],
            first["sample"],
            first["found"],
            first["expected"],
        )
        for row in replay["tensors"]
        if (first := row["first"])
    ]
