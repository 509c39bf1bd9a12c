"""The causes of the difference: its size, and how much of it each cause explains."""

from dataclasses import dataclass
from typing import Literal

from autograd_by_hand.report.factors import shares_by_cause, shares_of_gradient
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.storage.attribution import Attribution
from autograd_by_hand.storage.missing import Missing

LEAST_SHOWN = 0.005  # the least share of rounding or of other operations that is shown


@dataclass(frozen=True)
class Explained:
    """The shares of a gradient's squared difference.

    order: of the summation order
    forward: the part of `order` that belongs to the forward pass
    fused: of fused products
    rounding, other: None if the share is negligible
    """

    order: float
    forward: float
    fused: float
    rounding: float | None
    other: float | None


@dataclass(frozen=True)
class OfGradient:
    """A gradient and the causes of its difference.

    explained: None if there is no difference
    """

    gradient: str
    explained: Explained | None


@dataclass(frozen=True)
class Rounding:
    """How much the rounding of each operation's result explains in a half format.

    share: the least share of the squared difference over the gradients; 0 where rounding adds to it
    """

    dtype: str
    bits: int
    share: float
    part: Literal["all", "most", "less"]
    nearly_all: bool


@dataclass(frozen=True)
class Causes:
    """The difference in the dtype that is shown in full.

    same: whether the manual gradient has autograd's bits with torch's own kernels
    missing: why numpy's sums are missing, None if they are not
    greatest, norm: the greatest change of a gradient by numpy's sums, absolute and normwise; 0 if
        they are missing
    refused: why the causes are unknown, None if they are known
    """

    same: bool
    missing: Missing | None
    greatest: float
    norm: float
    refused: str | None
    gradients: list[OfGradient]
    rounding: list[Rounding]


def causes_of(measured: Measurements) -> Causes:
    """Return the causes in the shown dtype, and the share of rounding in the half formats."""
    shown = measured.shown
    attribution, missing = measured.attribution[shown], measured.no_numpy_sums(shown)

    def moved(measure: str) -> float:
        return 0.0 if missing else measured.greatest(shown, "reordered_vs_autograd", measure)

    return Causes(
        same=measured.equal_gradients(shown) == measured.gradients,
        missing=missing,
        greatest=moved("max_abs"),
        norm=moved("rel_norm"),
        refused=attribution["refused"],
        gradients=[
            OfGradient(gradient, _explained(attribution, gradient))
            for gradient in measured.gradients
        ],
        rounding=[
            rounding
            for dtype in ("bfloat16", "float16")
            if dtype in measured.dtypes and (rounding := _rounding(measured, dtype))
        ],
    )


def _explained(attribution: Attribution, gradient: str) -> Explained | None:
    shares = shares_of_gradient(attribution, gradient)
    if all(share is None for share in shares.values()):
        return None
    causes = shares_by_cause(shares)
    return Explained(
        order=causes["order"],
        forward=shares["forward_order"] or 0.0,
        fused=causes["fma"],
        rounding=_if_shown(causes["rounding"]),
        other=_if_shown(causes["other"]),
    )


def _if_shown(share: float) -> float | None:
    return share if abs(share) >= LEAST_SHOWN else None


def _rounding(measured: Measurements, dtype: str) -> Rounding | None:
    """Return the least share of rounding over the gradients, None if no gradient differs."""
    attribution = measured.attribution[dtype]
    causes = [
        shares_by_cause(shares)["rounding"]
        for gradient in measured.gradients
        if (shares := shares_of_gradient(attribution, gradient))
        and shares["output_rounding"] is not None
    ]
    if not causes:
        return None
    least = min(1.0, *causes)
    return Rounding(
        dtype=dtype,
        bits=measured.precision[dtype],
        share=max(0.0, least),
        part="all" if least > 0.99 else "most" if least > 0.5 else "less",
        nearly_all=least > 0.999,
    )
