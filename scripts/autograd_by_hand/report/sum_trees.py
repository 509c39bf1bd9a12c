"""Lay out pictures of summation trees: each summand's path to the result, in pixels.

The horizontal position of a summand is its number, and its height is the number of additions that
it passes through on its path to the result, which is at the bottom. A plain loop is a slope from
the top left, lanes are slopes side by side, blocks look like the teeth of a saw, and pairs like a
low, even floor.
"""

from dataclasses import dataclass

import numpy as np

from autograd_by_hand.core.messages import Message
from autograd_by_hand.replay.sum_table import SumOrder, SumRow
from autograd_by_hand.report.panels import WIDTH, Frame, grid
from autograd_by_hand.summation.tree import ADD, Tree

PANEL_HEIGHT, PANEL_TOP, BETWEEN, COLUMNS = 150, 96, 96, 3
FEW = 8  # summands; the order of so few is described in words only
MOST = 300  # summands drawn in a panel; of more, every second or third is drawn


@dataclass
class TreePanel(Frame):
    """How torch or numpy, or both, add one sum.

    words: the order in words
    letters: how many letters fit into a line
    strands: positions of summands that are added one after another
    joins: lines (x1, y1, x2, y2) from sums to the sum of them
    highest: the greatest number of additions that a summand passes through
    """

    whose: list[str]
    words: Message
    letters: int
    strands: list[list[tuple[float, float]]]
    joins: list[tuple[float, float, float, float]]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    highest: int


@dataclass(frozen=True)
class TreesPicture:
    """All long sums of a dtype.

    both: how many sums torch and numpy both compute
    apart: how many of these they add in different orders
    """

    dtype: str
    width: float
    height: float
    panels: list[TreePanel]
    both: int
    apart: int


def trees_layout(sums: list[SumRow], dtype: str) -> TreesPicture:
    """Lay out the picture of all sums.

    A sum of more than a few summands has a panel for torch, and one for numpy if numpy adds in
    another order.

    sums: as `described_sums` returns them
    """
    chosen: list[tuple[str, list[str], SumOrder]] = []
    apart = 0
    for row in sums:
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
    titles = [name for name, _, _ in chosen]
    frames = grid(titles, COLUMNS, PANEL_TOP, PANEL_HEIGHT, BETWEEN)
    panels = [
        _panel(frame, whose, way) for frame, (_, whose, way) in zip(frames, chosen, strict=True)
    ]
    bottom = panels[-1].top + PANEL_HEIGHT + BETWEEN if panels else PANEL_TOP
    both = sum(bool(row["numpy"]) and (row["torch"].get("summands") or 0) > FEW for row in sums)
    return TreesPicture(dtype, WIDTH, bottom, panels, both, apart)


def _panel(frame: Frame, whose: list[str], way: SumOrder) -> TreePanel:
    tree = way["order"].tree
    depths = depths_of(tree)
    count, highest = len(depths), max(depths)
    every = -(-count // MOST)

    def x(number: float) -> float:
        return frame.left + 6 + (frame.width - 12) * (number / max(count - 1, 1))

    def y(depth: float) -> float:
        return frame.top + PANEL_HEIGHT - 6 - (PANEL_HEIGHT - 12) * depth / highest

    strands, joins = _ways(tree, depths)
    return TreePanel(
        **vars(frame),
        whose=whose,
        words=Message("{count} summands, {order}", count=count, order=way["words"]),
        letters=int(frame.width / 5.6),
        strands=[
            [(x(number), y(depths[number])) for number in _thinned(strand, every)]
            for strand in strands
        ],
        joins=[(x(a), y(b), x(c), y(d)) for a, b, c, d in joins],
        x_ticks=[(x(0), "0"), (x(count - 1), str(count - 1))],
        y_ticks=[(y(depth), str(depth)) for depth in sorted({0, highest // 2, highest})],
        highest=highest,
    )


def depths_of(tree: Tree) -> list[int]:
    """Return how many additions each summand passes through, by its number."""
    depths = [0] * (len(tree) // 2 + 1)
    waiting = [0]  # depths of the operands still to be visited
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
    """Return the strands of summands, and the lines from sums to the sum of them."""
    stack: list[tuple[float, int, list[int] | None]] = []  # x, depth, strand
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
        middle = (onto[0] + added[0]) / 2
        joins += [(one[0], one[1], middle, depth) for one in (onto, added)]
        stack.append((middle, depth, None))
    if stack[0][2] is not None:
        strands.append(stack[0][2])
    return strands, joins


def _thinned(strand: list[int], every: int) -> list[int]:
    """Return every `every`-th summand of a strand, including the first and the last."""
    return [n for at, n in enumerate(strand) if at % every == 0 or at == len(strand) - 1]
