"""A finding of a verification, and the word that all of them together come to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a finding is worth.

    MET: something was computed again, or compared, and met
    NOTED: something that says how the archive is to be read, and costs nothing
    TRUSTED: something was taken as the archive has it, so that a forger could have put it there
    BROKEN: something contradicts the rest of the archive, or is missing from it
    """

    MET = "met"
    NOTED = "noted"
    TRUSTED = "trusted"
    BROKEN = "broken"


@dataclass(frozen=True)
class Finding:
    """One finding: what it is worth, what it is about, and a clause for the reader."""

    kind: Kind
    about: str
    words: str

    def line(self) -> str:
        """The finding as a line for the screen."""
        mark = {Kind.TRUSTED: "trusted  ", Kind.BROKEN: "BROKEN   "}.get(self.kind, "")
        return f"{self.about:9}{mark}{self.words}"


@dataclass(frozen=True)
class Word:
    """What a verification comes to: one word, the exit status, and what it means."""

    name: str
    status: int
    meaning: str


REPRODUCED = Word(
    "reproduced",
    0,
    "every gradient was computed again from the inputs by the recorded programs, and the errors, "
    "the verdicts and the report follow from them and from the archived rounding noise",
)
CONSISTENT = Word(
    "consistent",
    3,
    "nothing contradicts anything else, but what is marked as trusted was taken as the archive "
    "has it",
)
BROKEN = Word("broken", 1, "what is marked as BROKEN contradicts the rest, or is missing")


def word_for(findings: Iterable[Finding]) -> Word:
    """The word for all findings together: the worst of them decides."""
    counts = Counter(finding.kind for finding in findings)
    if counts[Kind.BROKEN]:
        return BROKEN
    return CONSISTENT if counts[Kind.TRUSTED] else REPRODUCED


def met(about: str, words: str) -> Finding:
    """A finding of something that was computed again, or compared, and met."""
    return Finding(Kind.MET, about, words)


def noted(about: str, words: str) -> Finding:
    """A finding that says how the archive is to be read."""
    return Finding(Kind.NOTED, about, words)


def trusted(about: str, words: str) -> Finding:
    """A finding of something that was taken as the archive has it."""
    return Finding(Kind.TRUSTED, about, words)


def broken(about: str, words: str) -> Finding:
    """A finding of something that is wrong or missing."""
    return Finding(Kind.BROKEN, about, words)
