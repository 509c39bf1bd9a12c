"""The errors of all runs by dtype: the median and the greatest, in three measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.storage.comparisons import COMPARISONS
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.verdict.proof import in_words


@dataclass(frozen=True)
class Spread:
    """The median and the greatest error over the runs."""

    median: float
    greatest: float


@dataclass(frozen=True)
class Row:
    """The errors of a gradient in a comparison.

    normwise: relative to the norm of the gradient
    """

    comparison: str
    gradient: str
    absolute: Spread
    ulps: Spread
    normwise: Spread


@dataclass(frozen=True)
class InDtype:
    """The table of one dtype.

    equal: how many of `gradients` equal autograd's in every element of every run
    arithmetic: of the reference
    off: the greatest normwise error against the reference
    eps: the ulp at 1
    missing: why numpy's sums are missing, None if they are not
    """

    dtype: str
    equal: int
    gradients: int
    arithmetic: str
    off: float
    eps: Figure
    rows: list[Row]
    missing: Missing | None


@dataclass(frozen=True)
class Errors:
    """The number of runs, their seed, and their errors by dtype."""

    runs: int
    seed: int
    formats: list[InDtype]


def errors_of(measured: Measurements) -> Errors:
    """Return the errors of the trial."""
    formats = [_in_dtype(measured, dtype) for dtype in measured.dtypes]
    return Errors(measured.runs, measured.samples["trial"]["seed"], formats)


def _in_dtype(measured: Measurements, dtype: str) -> InDtype:
    errors = measured.errors["trial"]
    return InDtype(
        dtype=dtype,
        equal=len(measured.equal_gradients(dtype)),
        gradients=len(measured.gradients),
        arithmetic=in_words(measured.arithmetic[dtype]["arithmetic"]),
        off=measured.greatest(dtype, "manual_vs_reference", "rel_norm"),
        eps=measured.facts[dtype]["eps"],
        rows=[
            Row(
                comparison,
                gradient,
                *(_spread(row, measure) for measure in ("max_abs", "max_ulp", "rel_norm")),
            )
            for comparison in COMPARISONS
            for gradient in measured.gradients
            if (row := errors.get((dtype, comparison, gradient)))
        ],
        missing=measured.no_numpy_sums(dtype),
    )


def _spread(row: Mapping[str, Any], measure: str) -> Spread:
    return Spread(row[f"{measure}_median"], row[f"{measure}_max"])
