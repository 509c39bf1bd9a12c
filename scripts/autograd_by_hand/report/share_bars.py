"""Lay out the shares of each cause in a difference, as bars of one gradient each, in pixels."""

from collections.abc import Callable
from typing import Any

from autograd_by_hand.report.charts import WIDTH

LEFT, TOP, ROW, BAR, GAP, BELOW = 150, 96, 22, 15, 12, 40
# Factors that are one cause to a reader, by the cause's name.
CAUSES = {
    "order": ("forward_order", "backward_order"),
    "fma": ("forward_fma", "backward_fma"),
    "rounding": ("output_rounding",),
    "other": ("other_operations",),
}


def bars_of_shares(attributions: dict[str, dict[str, Any]], gradients: list[str]) -> dict[str, Any]:
    """A bar for each gradient of each format, ready for the template.

    attributions: by format, as attribute_difference writes them
    returns: among others `causes`, the formats by the cause (of CAUSES) with the greatest share on
        average over the gradients; "none" where nothing differs, "unknown" where it was not traced
    """
    shares = {
        (dtype, row["gradient"], row["factor"]): row["share"]
        for dtype, attribution in attributions.items()
        for row in attribution["shares"]
    }
    factors = [factor for names in CAUSES.values() for factor in names]
    rows: list[dict[str, Any]] = []
    for dtype, attribution in attributions.items():
        for gradient in gradients:
            own = {name: shares.get((dtype, gradient, name)) for name in factors}
            known = {name: share for name, share in own.items() if share}
            refused = bool(attribution["refused"])
            rows.append({"dtype": dtype, "gradient": gradient, "own": known, "refused": refused})
    low, high = 0.0, 1.0
    for row in rows:
        low = min(low, sum(min(share, 0.0) for share in row["own"].values()))
        high = max(high, sum(max(share, 0.0) for share in row["own"].values()))
    room = WIDTH - LEFT - 24.0

    def x(share: float) -> float:
        return LEFT + room * (share - low) / (high - low)

    for place, row in enumerate(rows):
        row["y"] = TOP + place * ROW + place // len(gradients) * GAP
        row["first"] = place % len(gradients) == 0
        row["pieces"] = _pieces(row["own"], x)
    return {
        "width": WIDTH,
        "left": LEFT,
        "bar": BAR,
        "top": TOP,
        "bottom": rows[-1]["y"] + ROW,
        "height": rows[-1]["y"] + ROW + BELOW,
        "rows": rows,
        "x_ticks": [(x(share), share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "factors": [name for name in factors if any(name in row["own"] for row in rows)],
        "causes": _causes(attributions, rows),
    }


def _pieces(own: dict[str, float], x: Callable[[float], float]) -> list[dict[str, Any]]:
    """The bar's pieces: positive shares to the right of zero, negative ones to the left."""
    pieces, right, left = [], 0.0, 0.0
    for factor, share in own.items():
        start = right if share > 0 else left + share
        pieces.append({"factor": factor, "x": x(start), "width": x(start + abs(share)) - x(start)})
        pieces[-1]["share"] = share
        right, left = right + max(share, 0.0), left + min(share, 0.0)
    return pieces


def _causes(
    attributions: dict[str, dict[str, Any]], rows: list[dict[str, Any]]
) -> dict[str, list[str]]:
    causes: dict[str, list[str]] = {}
    for dtype, attribution in attributions.items():
        sums = {
            cause: sum(
                row["own"].get(name, 0.0) for row in rows if row["dtype"] == dtype for name in names
            )
            for cause, names in CAUSES.items()
        }
        greatest = max(sums, key=lambda cause: sums[cause])
        known = greatest if sums[greatest] > 0 else "none"
        causes.setdefault("unknown" if attribution["refused"] else known, []).append(dtype)
    return causes
