"""The experiment's own acceptance criteria, each with the measurement."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Criterion:
    """A criterion in the author's words, and the measurement in words."""

    holds: bool
    words: str
    measured: str


@dataclass(frozen=True)
class Acceptance:
    """The criteria, and whether all of them hold."""

    criteria: list[Criterion]
    all_hold: bool


def acceptance_of(measured: Measurements) -> Acceptance:
    """Return the criteria in the config's order."""
    criteria = [
        Criterion(row["holds"], row["criterion"], row["measured"])
        for row in measured.judgement["acceptance"]
    ]
    return Acceptance(criteria, all(one.holds for one in criteria))
