"""Lay out the share of each cause in a difference, with a bar for each gradient, in pixels."""

from collections.abc import Callable
from dataclasses import dataclass

from autograd_by_hand.report.factors import CAUSES, shares_by_cause, shares_of_gradient
from autograd_by_hand.report.panels import WIDTH
from autograd_by_hand.storage.attribution import Attribution

LEFT, TOP, ROW, BAR, GAP, BELOW = 150, 96, 22, 15, 12, 40
FACTORS = [
    factor for factors in CAUSES.values() for factor in factors
]  # those of a cause side by side


@dataclass(frozen=True)
class Piece:
    """A factor's piece of a bar."""

    factor: str
    x: float
    width: float
    share: float


@dataclass(frozen=True)
class Bar:
    """The bar of a gradient in a dtype.

    refused: whether there is no attribution
    first: whether it is the first bar of its dtype
    """

    dtype: str
    gradient: str
    refused: bool
    first: bool
    y: float
    pieces: list[Piece]


@dataclass(frozen=True)
class SharesPicture:
    """The bars of all dtypes.

    factors: those that have a piece
    causes: the dtypes by the cause with the greatest average share over the gradients; "none" if
        nothing differs, "unknown" if there is no attribution
    """

    width: float
    height: float
    left: float
    top: float
    bottom: float
    bar: float
    rows: list[Bar]
    x_ticks: list[tuple[float, float]]
    factors: list[str]
    causes: dict[str, list[str]]


def bars_of_shares(attributions: dict[str, Attribution], gradients: list[str]) -> SharesPicture:
    """Lay out a bar for each gradient in each dtype.

    attributions: by dtype, as attribute_difference writes them
    """
    shares = {
        (dtype, gradient): _known(attribution, gradient)
        for dtype, attribution in attributions.items()
        for gradient in gradients
    }
    negative = [sum(min(one, 0.0) for one in own.values()) for own in shares.values()]
    positive = [sum(max(one, 0.0) for one in own.values()) for own in shares.values()]
    low, high = min(0.0, *negative), max(1.0, *positive)
    room = WIDTH - LEFT - 24.0

    def x(share: float) -> float:
        return LEFT + room * (share - low) / (high - low)

    rows = [
        Bar(
            dtype=dtype,
            gradient=gradient,
            refused=bool(attributions[dtype]["refused"]),
            first=index % len(gradients) == 0,
            y=TOP + index * ROW + index // len(gradients) * GAP,
            pieces=_pieces(own, x),
        )
        for index, ((dtype, gradient), own) in enumerate(shares.items())
    ]
    bottom = rows[-1].y + ROW
    return SharesPicture(
        width=WIDTH,
        height=bottom + BELOW,
        left=LEFT,
        top=TOP,
        bottom=bottom,
        bar=BAR,
        rows=rows,
        x_ticks=[(x(share), share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        factors=[name for name in FACTORS if any(name in own for own in shares.values())],
        causes=_causes(attributions, shares),
    )


def _known(attribution: Attribution, gradient: str) -> dict[str, float]:
    """Return a gradient's non-zero shares, in the order in which they are drawn."""
    shares = shares_of_gradient(attribution, gradient)
    return {name: share for name in FACTORS if (share := shares.get(name))}


def _pieces(own: dict[str, float], x: Callable[[float], float]) -> list[Piece]:
    """Lay out a bar's pieces: positive shares to the right of zero, negative ones to the left."""
    pieces, right, left = [], 0.0, 0.0
    for factor, share in own.items():
        start = right if share > 0 else left + share
        pieces.append(Piece(factor, x(start), x(start + abs(share)) - x(start), share))
        right, left = right + max(share, 0.0), left + min(share, 0.0)
    return pieces


def _causes(
    attributions: dict[str, Attribution], shares: dict[tuple[str, str], dict[str, float]]
) -> dict[str, list[str]]:
    causes: dict[str, list[str]] = {}
    for dtype, attribution in attributions.items():
        each = [shares_by_cause(own) for (whose, _), own in shares.items() if whose == dtype]
        sums = {cause: sum(one[cause] for one in each) for cause in CAUSES}
        greatest = max(sums, key=lambda cause: sums[cause])
        known = greatest if sums[greatest] > 0 else "none"
        causes.setdefault("unknown" if attribution["refused"] else known, []).append(dtype)
    return causes
