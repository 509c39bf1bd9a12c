"""The pitfalls: in which dtypes each mistake was caught, and which mistake was named."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.report.sections.grouping import distinct, grouped
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.verdict.acceptance import TriedPitfall
from autograd_by_hand.verdict.judge import ROUNDED, VerdictOnGradient

CAUGHT = ("wrong", "imprecise", ROUNDED)


@dataclass(frozen=True)
class Caught:
    """The gradients that have one outcome.

    dtypes: those in which they have it, None for all
    """

    outcome: str
    gradients: list[str]
    dtypes: list[str] | None


@dataclass(frozen=True)
class Named:
    """The likeliest mistake in some gradients."""

    gradients: list[str]
    name: str
    evidence: str


@dataclass(frozen=True)
class Row:
    """One pitfall: backward with `replaced` replaced by `by`."""

    mistake: str
    replaced: str
    by: str
    caught: list[Caught]
    named: list[Named]


@dataclass(frozen=True)
class Mistakes:
    """All pitfalls, and how many of them were caught.

    missing: why they are missing, None if they are not
    """

    missing: Missing | None
    rows: list[Row]
    caught: int


def mistakes_of(measured: Measurements) -> Mistakes:
    """Return the pitfalls in the config's order; no rows if it has none."""
    if isinstance(measured.pitfalls, Missing):
        return Mistakes(measured.pitfalls, [], 0)
    rows = [_row(one) for one in measured.pitfalls]
    return Mistakes(None, rows, sum(bool(row.caught) for row in rows))


def _row(tried: TriedPitfall) -> Row:
    verdicts = tried["verdicts"]
    caught = [one for one in verdicts if one["outcome"] in CAUGHT]
    every = set(_dtypes(verdicts))
    taken_for = [(one["gradient"], found) for one in caught if (found := one["diagnosis"])]
    return Row(
        mistake=tried["mistake"],
        replaced=tried["replace"],
        by=tried["by"],
        caught=[
            Caught(outcome, _gradients(alike), None if set(found) == every else found)
            for outcome, alike in grouped(caught, lambda one: str(one["outcome"]))
            for found in [_dtypes(alike)]
        ],
        named=[
            Named(distinct(gradient for gradient, _ in alike), name, alike[0][1]["evidence"])
            for name, alike in grouped(taken_for, lambda one: one[1]["name"])
        ],
    )


def _gradients(verdicts: list[VerdictOnGradient]) -> list[str]:
    return distinct(one["gradient"] for one in verdicts)


def _dtypes(verdicts: list[VerdictOnGradient]) -> list[str]:
    return distinct(one["dtype"] for one in verdicts)
