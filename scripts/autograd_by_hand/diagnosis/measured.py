"""How far a gradient is off, as the search for its mistake needs to know it."""

from dataclasses import dataclass
from typing import TypedDict


class Norm(TypedDict):
    """A number of noises for the whole gradient; JSON has no infinity, and has text for it."""

    norm: float | str


class FactsOfGradient(TypedDict):
    """What is needed of a gradient's facts; the noise is a part of the true gradient's norm."""

    noise: float | str
    limits: Norm
    manual: Norm


@dataclass(frozen=True)
class Measured:
    """How far a gradient is off in float64.

    off: the norm of its error, in units of the rounding noise
    limit: the limit of `off`
    noise: the rounding noise relative to the norm of the true gradient
    """

    off: float
    limit: float
    noise: float

    @classmethod
    def of(cls, facts: FactsOfGradient) -> "Measured":
        """Read it from a gradient's facts, as score_errors measured them."""
        manual, limits = facts["manual"], facts["limits"]
        return cls(float(manual["norm"]), float(limits["norm"]), float(facts["noise"]))

    @property
    def part(self) -> float:
        """The error relative to the norm of the true gradient."""
        return self.off * self.noise
