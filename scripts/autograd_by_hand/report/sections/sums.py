"""How torch and numpy add each sum, and which sums have more than one order."""

from dataclasses import dataclass

from autograd_by_hand.replay.sum_table import SumOrder
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.storage.missing import Missing


@dataclass(frozen=True)
class Way:
    """How a library adds.

    refused: why the order is unknown, None if it is known
    words: the order in words
    fused: which products are fused, empty if there are no products
    """

    refused: str | None
    words: str
    fused: str


@dataclass(frozen=True)
class Row:
    """A sum: the name of its result, and how torch and numpy add it.

    summands: their number, None if torch's order is unknown
    numpy: None if the author's backward has no such sum
    """

    name: str
    operation: str
    summands: int | None
    torch: Way
    numpy: Way | None


@dataclass(frozen=True)
class SeveralOrders:
    """A sum that torch adds in `others` other orders at `positions` out of `all` positions."""

    name: str
    positions: int
    all: int
    others: int


@dataclass(frozen=True)
class Sums:
    """Every sum of forward and of autograd's backward, and those with several orders.

    missing: why they are missing, None if they are not
    """

    missing: Missing | None
    rows: list[Row]
    several: list[SeveralOrders]


def sums_of(measured: Measurements) -> Sums:
    """Return the sums of the shown dtype."""
    if isinstance(measured.sums, Missing):
        return Sums(measured.sums, [], [])
    rows = [
        Row(
            name=described["name"],
            operation=described["operation"],
            summands=described["torch"].get("summands"),
            torch=_way(described["torch"]),
            numpy=described["numpy"] and _way(described["numpy"]),
        )
        for described in measured.sums
    ]
    several = [
        SeveralOrders(described["name"], torch["positions"], torch["all"], torch["others"])
        for described in measured.sums
        if (torch := described["torch"]).get("others")
    ]
    return Sums(None, rows, several)


def _way(described: SumOrder) -> Way:
    """Convert a row of `described_sums`; of an unknown order it has only the reason."""
    if described["refused"]:
        return Way(described["refused"], "", "")
    return Way(None, described["words"], described["fused"] or "")
