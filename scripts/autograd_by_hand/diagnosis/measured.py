"""How far a gradient is off: what the search for its mistake needs of its facts."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """How far a gradient is off in float64.

    off: the norm of its error, in units of the rounding noise
    limit: how much that may be by chance
    noise: the rounding noise, as a part of the true gradient's norm
    """

    off: float
    limit: float
    noise: float

    @classmethod
    def of(cls, facts: dict[str, Any]) -> "Measured":
        """The same of a gradient's facts, as score_errors measured them."""
        manual, limits = facts["manual"], facts["limits"]
        return cls(float(manual["norm"]), float(limits["norm"]), float(facts["noise"]))
