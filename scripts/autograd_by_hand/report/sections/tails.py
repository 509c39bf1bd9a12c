"""The tails: how many elements are how far off, and which is the furthest."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.verdict.error_histogram import columns


@dataclass(frozen=True)
class Tail:
    """How many elements of a gradient in a format are off by how much.

    counts: by error: 0, up to each of `error_histogram.UP_TO` ulps, and more
    no_numbers: inf or nan where the true value fits; zeros: 0 where the true value is not;
    subnormal: held with fewer digits
    """

    gradient: str
    dtype: str
    counts: list[int]
    no_numbers: int
    zeros: int
    subnormal: int


@dataclass(frozen=True)
class Furthest:
    """The element of a gradient in a format that is furthest off."""

    gradient: str
    dtype: str
    ulps: Figure
    run: int
    index: list[int]
    manual: Figure
    reference: Figure


@dataclass(frozen=True)
class Tails:
    """The tails of every gradient in every format, and the furthest elements where some are off."""

    rows: list[Tail]
    furthest: list[Furthest]


def tails_of(measured: Measurements) -> Tails:
    """The tails, gradient by gradient."""
    found = [
        (gradient, dtype, measured.tails[dtype]["gradients"][gradient])
        for gradient in measured.gradients
        for dtype in measured.dtypes
    ]
    rows = [
        Tail(name, dtype, columns(tail), tail["overflow"], tail["zeros"], tail["subnormal"])
        for name, dtype, tail in found
    ]
    furthest = [
        Furthest(name, dtype, one["ulps"], one["run"], one["index"], one["hand"], one["true"])
        for name, dtype, tail in found
        if (one := tail["greatest"])
    ]
    return Tails(rows, furthest)
