"""The same formula in other summation orders, and how much of autograd's bits it keeps."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Figure, Measurements
from autograd_by_hand.report.sections.grouping import distinct


@dataclass(frozen=True)
class Kept:
    """The share of a gradient's elements that keep autograd's bits, and the greatest error."""

    share: float
    greatest: Figure


@dataclass(frozen=True)
class OtherOrder:
    """One order for every sum, and how many bits each gradient keeps with it."""

    order: str
    gradients: list[Kept]


def other_orders_of(measured: Measurements) -> list[OtherOrder]:
    """Return the orders tried in the shown dtype; empty without an attribution, or without sums."""
    attribution = measured.attribution[measured.shown]
    sums = [*attribution["forward"], *attribution["backward"]]
    tried = attribution["counterfactuals"] if sums else []
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
