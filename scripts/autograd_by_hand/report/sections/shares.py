"""What changes the bits: each factor's share of the squared difference that numpy's sums make."""

from dataclasses import dataclass

from autograd_by_hand.replay.attribution import FACTORS, OTHER
from autograd_by_hand.report.factors import shares_of_gradient
from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Row:
    """A gradient's share by factor, None if there is no difference."""

    gradient: str
    shares: dict[str, float | None]


@dataclass(frozen=True)
class InDtype:
    """The rows of a dtype.

    refused: why there is no attribution, None if there is one
    """

    dtype: str
    refused: str | None
    rows: list[Row]


@dataclass(frozen=True)
class Shares:
    """The shares by dtype.

    runs: how many were replayed, None if the shown dtype was not
    """

    runs: int | None
    factors: list[str]
    formats: list[InDtype]


def shares_of(measured: Measurements) -> Shares:
    """Return the shares of every gradient in every dtype."""
    shown = measured.attribution[measured.shown]
    return Shares(
        runs=None if shown["refused"] else shown["runs"],
        factors=[*FACTORS, OTHER],
        formats=[_in_dtype(measured, dtype) for dtype in measured.dtypes],
    )


def _in_dtype(measured: Measurements, dtype: str) -> InDtype:
    attribution = measured.attribution[dtype]
    rows = [Row(name, shares_of_gradient(attribution, name)) for name in measured.gradients]
    refused = attribution["refused"]
    return InDtype(dtype, refused, [] if refused else rows)
