"""The replay, bit for bit: how many elements it meets, and what prevents a proof."""

from dataclasses import dataclass

from autograd_by_hand.core.element_index import listed_index
from autograd_by_hand.replay.compare import Replay as WrittenReplay
from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.report.sections.proof import every_sum_met
from autograd_by_hand.storage.missing import Missing


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
class InTheWay:
    """What prevents a proof in one dtype.

    constants: tensors that no operation computes
    no_order: sums without an order
    given: how many results of each operation were taken as recorded; empty if nothing else
        prevents a proof in any dtype
    others: how many runs execute other operations than the first
    missed: the first missed element of each tensor
    """

    dtype: str
    constants: list[str]
    no_order: list[NoOrder]
    given: dict[str, int]
    others: int
    missed: list[Miss]


@dataclass(frozen=True)
class Replay:
    """The table, and what prevents a proof in each dtype.

    missing: why the replay is missing, by dtype
    """

    rows: list[Row]
    missing: dict[str, Missing]
    in_the_way: list[InTheWay]


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
    return Replay(
        rows,
        {dtype: one for dtype, one in measured.replay.items() if isinstance(one, Missing)},
        [_in_the_way(dtype, one, met, measured.by_parts) for dtype, one in replayed.items()],
    )


def _count(replay: WrittenReplay, tensor: str, data: str) -> Count | None:
    for row in replay["tensors"]:
        if (row["tensor"], row["data"]) == (tensor, data):
            return Count(row["identical"], row["elements"])
    return None


def _in_the_way(dtype: str, replay: WrittenReplay, met: bool, by_parts: set[str]) -> InTheWay:
    return InTheWay(
        dtype=dtype,
        constants=replay["constants"],
        no_order=[
            NoOrder(one["tensor"], one["op"].split(".")[1], one["reason"])
            for one in replay["refused"]
        ],
        given={} if met else replay["given"],
        others=len(replay["others"]),
        missed=[
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
        ],
    )
