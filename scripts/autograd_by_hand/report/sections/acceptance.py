"""The experiment's own criteria, each with what was measured."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Criterion:
    """A criterion in the author's words, and what was measured of it."""

    holds: bool
    words: str
    measured: str


@dataclass(frozen=True)
class Acceptance:
    """The criteria, and whether all of them hold."""

    criteria: list[Criterion]
    all_hold: bool


def acceptance_of(measured: Measurements) -> Acceptance:
    """The criteria in the config's order."""
    criteria = [
        Criterion(row["holds"], row["criterion"], row["measured"])
        for row in measured.judgement["acceptance"]
    ]
    return Acceptance(criteria, all(one.holds for one in criteria))
