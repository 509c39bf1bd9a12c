"""The tails: how many elements have errors of which size, and the greatest error."""

from dataclasses import dataclass

from autograd_by_hand.core.element_index import listed_index
from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.verdict.error_histogram import columns


@dataclass(frozen=True)
class Tail:
    """How many elements of a gradient in a dtype have errors of which size.

    counts: of errors that are 0, up to each of `error_histogram.UP_TO` ulps, and greater
    no_numbers: inf or nan although the dtype can hold the true value
    zeros: 0 although the true value is not
    subnormal: below the smallest normal number, and thus with fewer digits
    """

    gradient: str
    dtype: str
    counts: list[int]
    no_numbers: int
    zeros: int
    subnormal: int


@dataclass(frozen=True)
class Furthest:
    """The element of a gradient in a dtype with the greatest error in ulps."""

    gradient: str
    dtype: str
    ulps: Figure
    run: int
    index: str
    manual: Figure
    reference: Figure


@dataclass(frozen=True)
class Tails:
    """The tails of every gradient in every dtype, and the elements with the greatest errors."""

    rows: list[Tail]
    furthest: list[Furthest]


def tails_of(measured: Measurements) -> Tails:
    """Return the tails, gradient by gradient."""
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
        Furthest(name, dtype, one["ulps"], one["run"], index, one["hand"], one["true"])
        for name, dtype, tail in found
        if (one := tail["greatest"])
        for index in [listed_index(one["index"], by_parts=name in measured.by_parts)]
    ]
    return Tails(rows, furthest)
