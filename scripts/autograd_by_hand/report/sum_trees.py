"""Lay out pictures of accumulation trees: each summand's way down to the result, in pixels.

A summand stands at its number along the page, and as high as the number of additions that it passes
through on its way to the result, which is at the bottom. A plain loop is a slope from the top left;
lanes are slopes side by side; blocks are the teeth of a saw; pairs are a low, even floor.
"""

from typing import Any

import numpy as np

from autograd_by_hand.core.messages import Message
from autograd_by_hand.replay.sum_table import SumOrder, SumRow
from autograd_by_hand.report.charts import GAP, MARGIN_LEFT, WIDTH
from autograd_by_hand.summation.tree import ADD, Tree

PANEL_HEIGHT, PANEL_TOP, PANEL_STEP, COLUMNS = 150, 96, 246, 3
FEW = 8  # summands whose order is told in words alone
MOST = 300  # summands drawn in a panel; of more, every second or third


def trees_layout(told: list[SumRow], dtype: str) -> dict[str, Any]:
    """The picture of all sums, ready for the template.

    told: as `sums_told` gives them. A sum of more than a few summands has a panel for torch, and
        one for numpy where that adds in another order
    returns: among others `both`, how many sums the two make, and `apart`, how many differently
    """
    chosen = []
    apart = 0
    for row in told:
        ways = [
            ([who], way)
            for who, way in (("torch", row["torch"]), ("numpy", row["numpy"]))
            if way and not way["refused"] and way["summands"] > FEW
        ]
        if len(ways) == 2:
            first, second = (way["order"].tree for _, way in ways)
            if np.array_equal(first, second):
                ways = [(["torch", "numpy"], ways[0][1])]
            else:
                apart += 1
        chosen += [(row["name"], whose, way) for whose, way in ways]
    columns = max(1, min(COLUMNS, len(chosen)))
    width = (WIDTH - MARGIN_LEFT - 16 - GAP * (columns - 1)) / columns
    panels = [
        {"name": name, "whose": whose}
        | _panel(
            way,
            MARGIN_LEFT + (place % columns) * (width + GAP),
            PANEL_TOP + (place // columns) * PANEL_STEP,
            width,
        )
        for place, (name, whose, way) in enumerate(chosen)
    ]
    both = sum(bool(row["numpy"]) and (row["torch"].get("summands") or 0) > FEW for row in told)
    return {
        "dtype": dtype,
        "apart": apart,
        "both": both,
        "width": WIDTH,
        "height": PANEL_TOP + -(-len(chosen) // columns) * PANEL_STEP,
        "panels": panels,
    }


def _panel(way: SumOrder, left: float, top: float, width: float) -> dict[str, Any]:
    tree = way["order"].tree
    depths = depths_of(tree)
    count, highest = len(depths), max(depths)
    every = -(-count // MOST)

    def x(number: float) -> float:
        return left + 6 + (width - 12) * (number / max(count - 1, 1))

    def y(depth: float) -> float:
        return top + PANEL_HEIGHT - 6 - (PANEL_HEIGHT - 12) * depth / highest

    strands, joins = _ways(tree, depths)
    ticks = sorted({0, highest // 2, highest})
    return {
        "words": Message("{count} summands, {order}", count=count, order=way["words"]),
        "letters": int(width / 5.6),
        "left": left,
        "top": top,
        "width": width,
        "height": PANEL_HEIGHT,
        "strands": [
            [(x(number), y(depths[number])) for number in _thinned(strand, every)]
            for strand in strands
        ],
        "joins": [(x(a), y(b), x(c), y(d)) for a, b, c, d in joins],
        "y_ticks": [(y(depth), str(depth)) for depth in ticks],
        "x_ticks": [(x(0), "0"), (x(count - 1), str(count - 1))],
        "highest": highest,
    }


def depths_of(tree: Tree) -> list[int]:
    """How many additions each summand passes through, by its number."""
    depths = [0] * (len(tree) // 2 + 1)
    waiting = [0]  # depths of operands that are still to come, from the root, last one first
    for step in reversed(tree.tolist()):
        depth = waiting.pop()
        if step == ADD:
            waiting += [depth + 1, depth + 1]
        else:
            depths[step] = depth
    return depths


def _ways(
    tree: Tree, depths: list[int]
) -> tuple[list[list[int]], list[tuple[float, int, float, int]]]:
    """The summands that are added one after another, and lines from sums to what they make."""
    stack: list[tuple[float, int, list[int] | None]] = []  # place, depth, the strand that it is
    strands: list[list[int]] = []
    joins: list[tuple[float, int, float, int]] = []
    for step in tree.tolist():
        if step != ADD:
            stack.append((step, depths[step], [step]))
            continue
        added, onto = stack.pop(), stack.pop()
        depth = max(added[1], onto[1]) - 1
        if added[2] is not None and len(added[2]) == 1 and onto[2] is not None:
            onto[2].append(added[2][0])
            stack.append((added[0], depth, onto[2]))
            continue
        strands += [one for one in (onto[2], added[2]) if one is not None]
        place = (onto[0] + added[0]) / 2
        joins += [(one[0], one[1], place, depth) for one in (onto, added)]
        stack.append((place, depth, None))
    if stack[0][2] is not None:
        strands.append(stack[0][2])
    return strands, joins


def _thinned(strand: list[int], every: int) -> list[int]:
    """Each `every`-th of a strand's summands, the first and the last among them."""
    return [n for at, n in enumerate(strand) if at % every == 0 or at == len(strand) - 1]
