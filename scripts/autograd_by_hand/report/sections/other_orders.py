"""The same formula, summed otherwise: what the hand would give if sums had another order."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.report.sections.grouping import distinct


@dataclass(frozen=True)
class Kept:
    """Of a gradient: the share of elements that keep autograd's bits, and the greatest error."""

    share: float
    greatest: Figure


@dataclass(frozen=True)
class OtherOrder:
    """One order for every sum, and what each gradient keeps under it."""

    order: str
    gradients: list[Kept]


def other_orders_of(measured: Measurements) -> list[OtherOrder]:
    """The orders that were tried in the format that is shown; none where nothing was traced."""
    tried = measured.attribution[measured.shown]["counterfactuals"]
    return [
        OtherOrder(
            order,
            [
                Kept(row["identical"] / row["elements"], row["max_abs"])
                for gradient in measured.gradients
                for row in tried
                if (row["order"], row["gradient"]) == (order, gradient)
            ],
        )
        for order in distinct(row["order"] for row in tried)
    ]
