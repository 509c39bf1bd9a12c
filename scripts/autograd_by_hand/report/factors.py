"""The factors of a difference, as attribute_difference names them, grouped into causes."""

from collections.abc import Mapping

from autograd_by_hand.storage.attribution import Attribution

# The factors that a report shows as one cause, by the name of the cause.
CAUSES = {
    "order": ("forward_order", "backward_order"),
    "fma": ("forward_fma", "backward_fma"),
    "rounding": ("output_rounding",),
    "other": ("other_operations",),
}


def shares_of_gradient(attribution: Attribution, gradient: str) -> dict[str, float | None]:
    """Return a gradient's share by factor; None if there is no difference, empty if not attributed.

    attribution: of one dtype
    """
    return {
        row["factor"]: row["share"] for row in attribution["shares"] if row["gradient"] == gradient
    }


def shares_by_cause(shares: Mapping[str, float | None]) -> dict[str, float]:
    """Add up the shares of each cause's factors; a missing share counts as zero."""
    return {
        cause: sum(shares.get(factor) or 0.0 for factor in factors)
        for cause, factors in CAUSES.items()
    }
