"""The parts of the report that could not be computed."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.report.sections.grouping import grouped


@dataclass(frozen=True)
class MissingPart:
    """A part that is missing for one reason.

    stage: the stage that failed
    dtypes: those in which it failed, empty if it belongs to none
    words: the clause "could not be computed: ..."
    logs: the paths of its logs
    """

    stage: str
    dtypes: list[str]
    words: str
    logs: list[str]


def missing_of(measured: Measurements) -> list[MissingPart]:
    """Return all parts that are missing, those with the same reason together."""
    return [
        MissingPart(
            stage=alike[0].stage,
            dtypes=[one.dtype for one in alike if one.dtype],
            words=alike[0].words,
            logs=[one.log for one in alike],
        )
        for _, alike in grouped(measured.missing, lambda one: f"{one.stage} {one.words}")
    ]
