"""The file that attribute_difference writes and that accept and the report read."""

from typing import TypedDict


class End(TypedDict):
    """How many bits of the real computation the replay of one end of the game met."""

    end: str
    gradient: str
    elements: int
    identical: int


class Share(TypedDict):
    """A factor's share of a gradient's squared difference; null if there is no difference."""

    gradient: str
    factor: str
    share: float | None


class Counterfactual(TypedDict):
    """How the manual gradient with another summation order compares with autograd's."""

    order: str
    gradient: str
    elements: int
    identical: int
    max_abs: float
    max_ulp: float
    rel_norm: float


class Attribution(TypedDict):
    """The attribution in one dtype.

    runs: how many runs of the trial it is based on
    refused: why there is no attribution, or null
    forward, backward: the operations of the manual program that were counted to either pass
    """

    runs: int
    refused: str | None
    ends: list[End]
    shares: list[Share]
    counterfactuals: list[Counterfactual]
    forward: list[str]
    backward: list[str]
