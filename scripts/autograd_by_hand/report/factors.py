"""The factors of a difference, as attribute_difference names them, and the causes they make up."""

from collections.abc import Mapping

from autograd_by_hand.storage.attribution import Attribution

# Factors that are one cause to a reader, by the cause's name.
CAUSES = {
    "order": ("forward_order", "backward_order"),
    "fma": ("forward_fma", "backward_fma"),
    "rounding": ("output_rounding",),
    "other": ("other_operations",),
}


def shares_of_gradient(attribution: Attribution, gradient: str) -> dict[str, float | None]:
    """A gradient's share by factor; None where there is no difference, none if nothing was traced.

    attribution: of one format
    """
    return {
        row["factor"]: row["share"] for row in attribution["shares"] if row["gradient"] == gradient
    }


def shares_by_cause(shares: Mapping[str, float | None]) -> dict[str, float]:
    """What each cause's factors explain together; what has no share counts as nothing."""
    return {
        cause: sum(shares.get(factor) or 0.0 for factor in factors)
        for cause, factors in CAUSES.items()
    }
