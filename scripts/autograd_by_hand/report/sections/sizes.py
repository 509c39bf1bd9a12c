"""Other sizes of the axes: at which of them backward is right."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.report.sections.grouping import distinct, grouped
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.verdict.tried_sizes import fails, size_in_words


@dataclass(frozen=True)
class Outcome:
    """The gradients that have one outcome, and the reason in the first dtype."""

    outcome: str
    gradients: list[str]
    dtypes: list[str]
    reason: str


@dataclass(frozen=True)
class SizeRow:
    """One size.

    right: whether every gradient is right in every dtype
    others: the outcomes that are not right
    refused: why forward cannot be tried at it, or None
    """

    size: str
    right: bool
    fails: bool
    others: list[Outcome]
    refused: str | None


@dataclass(frozen=True)
class Sizes:
    """The rows in the order in which the sizes were tried; or why they are missing."""

    missing: Missing | None
    rows: list[SizeRow]


def sizes_of(measured: Measurements) -> Sizes:
    """What was found out at other sizes; no rows if none were tried."""
    if isinstance(measured.sizes, Missing):
        return Sizes(measured.sizes, [])
    rows = []
    for one in measured.sizes:
        others = [row for row in one["verdicts"] if row["outcome"] != "right"]
        found = [
            Outcome(
                str(outcome),
                distinct(row["gradient"] for row in alike),
                distinct(row["dtype"] for row in alike),
                alike[0]["reason"],
            )
            for outcome, alike in grouped(others, lambda row: str(row["outcome"]))
        ]
        right = not others and not one["refused"]
        rows.append(SizeRow(size_in_words(one), right, fails(one), found, one["refused"]))
    return Sizes(None, rows)
