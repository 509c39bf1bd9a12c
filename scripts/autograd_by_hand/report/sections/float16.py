"""The error in float16, and what the order of the sums has to do with it."""

from dataclasses import dataclass
from typing import Literal

from autograd_by_hand.report.measurements import Figure, Measurements

DTYPE = "float16"


@dataclass(frozen=True)
class Float16:
    """The greatest errors against the reference, and what numpy's sums change.

    off, gradient: the greatest absolute error, and the gradient that has it
    norm: the greatest normwise error; moved: how far numpy's sums move a gradient, normwise
    times: how many times `moved` the error is, None where nothing is moved
    order: what the order of the sums has to do with it
    """

    off: float
    gradient: str
    norm: float
    bits: int
    eps: Figure
    moved: float
    times: float | None
    order: Literal["nothing", "little", "much"]


def float16_of(measured: Measurements) -> Float16 | None:
    """The trial's errors in float16, None if it is not among the formats."""
    if DTYPE not in measured.dtypes:
        return None
    errors = measured.errors["trial"]
    absolute = {
        gradient: float(errors[DTYPE, "manual_vs_reference", gradient]["max_abs_max"])
        for gradient in measured.gradients
    }
    furthest = max(absolute, key=lambda gradient: absolute[gradient])
    norm = measured.greatest(DTYPE, "manual_vs_reference", "rel_norm")
    moved = measured.greatest(DTYPE, "reordered_vs_autograd", "rel_norm")
    return Float16(
        off=absolute[furthest],
        gradient=furthest,
        norm=norm,
        bits=measured.precision[DTYPE],
        eps=measured.facts[DTYPE]["eps"],
        moved=moved,
        times=norm / moved if moved else None,
        order="nothing" if moved == 0 else "little" if moved < norm / 2 else "much",
    )
