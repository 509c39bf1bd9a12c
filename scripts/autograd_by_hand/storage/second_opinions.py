"""What check_forward and ask_gradcheck write, and the report reads: opinions of other methods."""

from typing import TypedDict

from autograd_by_hand.experiment.gradient_stops import Stop
from autograd_by_hand.storage.missing import Missing


class Oracle(TypedDict):
    """Autograd's derivative along a direction, and that by finite differences.

    A figure that JSON has no number for is text in the file.

    uncertain: the error of the latter
    reason: why autograd is no reference for this forward, or null
    proven: where the two disagree, how far autograd is from the proven gradient, relative to its
        norm; null if they agree, or without a proof
    stops: where forward stops derivatives
    """

    autograd: float | str
    difference: float | str
    uncertain: float | str
    reason: str | None
    proven: float | None
    stops: list[Stop]


def doubt(oracle: Oracle | Missing) -> str | None:
    """Why autograd is no reference, or None: also if it could not be checked."""
    return None if isinstance(oracle, Missing) else oracle["reason"]


class Opinion(TypedDict):
    """What gradcheck says of the hand's gradient.

    fast: whether by random projections and not every element
    objection: its first line, or null
    refused: why it could not be asked, or null
    """

    fast: bool
    objection: str | None
    refused: str | None
