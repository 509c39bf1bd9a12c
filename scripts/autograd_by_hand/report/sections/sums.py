"""How each sum is added: torch's way and numpy's, and where a sum has more than one order."""

from dataclasses import dataclass

from autograd_by_hand.replay.sum_table import SumOrder
from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Way:
    """How a library adds; words: in which order; fused: which products are, empty for none to fuse.

    refused: why the order is unknown, None where it is known
    """

    refused: str | None
    words: str
    fused: str


@dataclass(frozen=True)
class Row:
    """A sum: what it gives, and its summands, None where torch's order is unknown.

    numpy: None where the hand's backward has no such sum
    """

    name: str
    operation: str
    summands: int | None
    torch: Way
    numpy: Way | None


@dataclass(frozen=True)
class SeveralOrders:
    """A sum that torch adds in `others` more orders, at so many `positions` of `all` positions."""

    name: str
    positions: int
    all: int
    others: int


@dataclass(frozen=True)
class Sums:
    """Every sum of forward and of autograd's backward, and those of several orders."""

    rows: list[Row]
    several: list[SeveralOrders]


def sums_of(measured: Measurements) -> Sums:
    """The sums of the format that is shown."""
    rows = [
        Row(
            name=told["name"],
            operation=told["operation"],
            summands=told["torch"].get("summands"),
            torch=_way(told["torch"]),
            numpy=told["numpy"] and _way(told["numpy"]),
        )
        for told in measured.sums
    ]
    several = [
        SeveralOrders(told["name"], torch["positions"], torch["all"], torch["others"])
        for told in measured.sums
        if (torch := told["torch"]).get("others")
    ]
    return Sums(rows, several)


def _way(told: SumOrder) -> Way:
    """What `described_sums` tells of a library; of an unknown order it has but the reason."""
    if told["refused"]:
        return Way(told["refused"], "", "")
    return Way(None, told["words"], told["fused"] or "")
