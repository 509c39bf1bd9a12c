"""The file that attribute_difference writes and that accept and the report read."""

from pathlib import Path
from typing import TypedDict

from autograd_by_hand.core.messages import Message
from autograd_by_hand.storage.missing import Missing, read_part


class End(TypedDict):
    """How many bits of the real computation the replay of one end of the game met."""

    end: str
    gradient: str
    elements: int
    identical: int


class Share(TypedDict):
    """A factor's share of a gradient's squared difference; null if there is no difference."""

    gradient: str
    factor: str
    share: float | None


class Counterfactual(TypedDict):
    """How the manual gradient with another summation order compares with autograd's."""

    order: str
    gradient: str
    elements: int
    identical: int
    max_abs: float
    max_ulp: float
    rel_norm: float


class Attribution(TypedDict):
    """The attribution in one dtype.

    runs: how many runs of the trial it is based on
    refused: why there is no attribution, or null
    forward, backward: the operations of the manual program that were counted to either pass
    """

    runs: int
    refused: str | None
    ends: list[End]
    shares: list[Share]
    counterfactuals: list[Counterfactual]
    forward: list[str]
    backward: list[str]


def read_attribution(path: Path) -> Attribution:
    """Read the file of an attribution; one that is missing is refused for that reason."""
    found: Attribution | Missing = read_part(path)
    return not_attributed(found.words) if isinstance(found, Missing) else found


def bits_missed(ends: list[End], executed_again: list[str]) -> str | None:
    """Why the shares of the causes are not measured; None if the replays met every bit.

    executed_again: the operations that torch executed again, since numpy has no version of them
    """
    missed = [row for row in ends if row["elements"] != row["identical"]]
    if not missed:
        return None
    what = Message(
        "a replay with the sums of {libraries} misses bits of {gradients}",
        libraries=", ".join(dict.fromkeys(row["end"] for row in missed)),
        gradients=", ".join(dict.fromkeys(row["gradient"] for row in missed)),
    )
    if not executed_again:
        return what
    return Message(
        "{what}; it executes {operations} again in torch, where other bits may come of it",
        what=what,
        operations=", ".join(executed_again),
    )


def not_attributed(reason: str) -> Attribution:
    """Return what is written of a difference that cannot be attributed."""
    return {
        "runs": 0,
        "refused": reason,
        "ends": [],
        "shares": [],
        "counterfactuals": [],
        "forward": [],
        "backward": [],
    }
