"""The error in float16, and how much of it the summation order can explain."""

from dataclasses import dataclass
from typing import Literal

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.storage.missing import Missing

DTYPE = "float16"


@dataclass(frozen=True)
class Float16:
    """The greatest errors against the reference, and the change by numpy's sums.

    off, gradient: the greatest absolute error, and its gradient
    norm: the greatest normwise error
    missing: why numpy's sums are missing, None if they are not
    moved: the greatest normwise change of a gradient by numpy's sums; 0 if they are missing
    times: `norm` divided by `moved`, None if numpy's sums change nothing
    order: how much of the error the summation order can explain
    """

    off: float
    gradient: str
    norm: float
    bits: int
    eps: Figure
    missing: Missing | None
    moved: float
    times: float | None
    order: Literal["nothing", "little", "much"]


def float16_of(measured: Measurements) -> Float16 | None:
    """Return the errors of the trial in float16, None if the experiment does not use it."""
    if DTYPE not in measured.dtypes:
        return None
    errors = measured.errors["trial"]
    absolute = {
        gradient: float(errors[DTYPE, "manual_vs_reference", gradient]["max_abs_max"])
        for gradient in measured.gradients
    }
    furthest = max(absolute, key=lambda gradient: absolute[gradient])
    norm = measured.greatest(DTYPE, "manual_vs_reference", "rel_norm")
    missing = measured.no_numpy_sums(DTYPE)
    moved = 0.0 if missing else measured.greatest(DTYPE, "reordered_vs_autograd", "rel_norm")
    return Float16(
        off=absolute[furthest],
        gradient=furthest,
        norm=norm,
        bits=measured.precision[DTYPE],
        eps=measured.facts[DTYPE]["eps"],
        missing=missing,
        moved=moved,
        times=norm / moved if moved else None,
        order="nothing" if moved == 0 else "little" if moved < norm / 2 else "much",
    )
