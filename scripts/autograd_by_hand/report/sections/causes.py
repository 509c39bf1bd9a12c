"""What the difference comes from: how great it is, and how much of it each cause explains."""

from dataclasses import dataclass
from typing import Literal

from autograd_by_hand.report.factors import shares_by_cause, shares_of_gradient
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.storage.attribution import Attribution

LEAST_TOLD = 0.005  # of a share of rounding or of other operations


@dataclass(frozen=True)
class Explained:
    """The shares of a gradient's squared difference.

    order: of the order of additions; forward: the part of it that is the forward pass's
    rounding, other: None where they are next to nothing
    """

    order: float
    forward: float
    fused: float
    rounding: float | None
    other: float | None


@dataclass(frozen=True)
class OfGradient:
    """A gradient; explained: None where it has no difference."""

    gradient: str
    explained: Explained | None


@dataclass(frozen=True)
class Rounding:
    """What rounding each operation's result explains in a half format.

    share: of the squared difference of every gradient, at least
    """

    dtype: str
    bits: int
    share: float
    part: Literal["all", "most", "less"]
    nearly_all: bool


@dataclass(frozen=True)
class Causes:
    """The difference in the format that is shown.

    same: whether hand and autograd have the same bits on torch's own kernels
    greatest, norm: how far numpy's sums move a gradient, absolutely and normwise
    refused: why the causes are unknown, None where they are known
    """

    same: bool
    greatest: float
    norm: float
    refused: str | None
    gradients: list[OfGradient]
    rounding: list[Rounding]


def causes_of(measured: Measurements) -> Causes:
    """The causes in the shown format, and the share of rounding in the half formats."""
    shown = measured.shown
    attribution = measured.attribution[shown]
    return Causes(
        same=measured.equal_gradients(shown) == measured.gradients,
        greatest=measured.greatest(shown, "reordered_vs_autograd", "max_abs"),
        norm=measured.greatest(shown, "reordered_vs_autograd", "rel_norm"),
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
        rounding=_if_told(causes["rounding"]),
        other=_if_told(causes["other"]),
    )


def _if_told(share: float) -> float | None:
    return share if abs(share) >= LEAST_TOLD else None


def _rounding(measured: Measurements, dtype: str) -> Rounding | None:
    """The least share that rounding has in a gradient, None where no gradient differs."""
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
        share=least,
        part="all" if least > 0.99 else "most" if least > 0.5 else "less",
        nearly_all=least > 0.999,
    )
