"""What attribute_difference writes, and accept and the report read: rows of measured shares."""

from typing import TypedDict


class End(TypedDict):
    """How a replay of one end of the game met the real computation."""

    end: str
    gradient: str
    elements: int
    identical: int


class Share(TypedDict):
    """A factor's share of a gradient's squared difference; null where there is none."""

    gradient: str
    factor: str
    share: float | None


class Counterfactual(TypedDict):
    """How the hand's gradient, its sums added in another order, compares with autograd's."""

    order: str
    gradient: str
    elements: int
    identical: int
    max_abs: float
    max_ulp: float
    rel_norm: float


class Attribution(TypedDict):
    """The attribution in one format.

    runs: how many runs of the trial it rests on
    refused: why nothing can be said, or null
    forward, backward: the operations of the hand that were taken for either
    """

    runs: int
    refused: str | None
    ends: list[End]
    shares: list[Share]
    counterfactuals: list[Counterfactual]
    forward: list[str]
    backward: list[str]
