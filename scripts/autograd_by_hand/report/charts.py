"""Lay out the pictures: from measured numbers to places on the page, in pixels.

Every chart is a grid of panels with one logarithmic axis upward and a band below it for exact
zeros, which no logarithm can place.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.experiment.graph_listing import Node

MOST_MARKS = 100  # of a gradient in a panel, so that one can still be told from the next
WIDTH, PANEL_HEIGHT, MARGIN_LEFT, MARGIN_TOP, GAP, BELOW = 920, 230, 62, 118, 46, 62
ZERO_BAND = 26


@dataclass(frozen=True)
class Mark:
    """One measured value: centre in pixels, which series it belongs to, and its text."""

    x: float
    y: float
    series: int
    label: str


@dataclass(frozen=True)
class Line:
    """A value to compare with, from `left` to `right` in pixels; kind: eps or noise."""

    kind: str
    y: float
    left: float
    right: float


@dataclass
class Panel:
    """One plot: its frame in pixels and what stands in it."""

    title: str
    left: float
    top: float
    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    zero: float | None = None


@dataclass(frozen=True)
class ChartByDtype:
    """Errors by format. exact: the formats in which the hand's gradients are autograd's."""

    panels: list[Panel]
    width: int
    height: float
    dtypes: list[str]
    exact: list[str]


@dataclass(frozen=True)
class ChartByRun:
    """Errors by run.

    spread: the greatest quotient of two runs' errors, None if there is none
    together: how many runs a mark stands for
    """

    panels: list[Panel]
    width: int
    height: float
    gradients: list[str]
    spread: float | None
    together: int


def errors_by_dtype(
    errors: pd.DataFrame,
    dtypes: list[str],
    gradients: list[str],
    eps: dict[str, float],
    noise: dict[str, dict[str, float]],
) -> ChartByDtype:
    """Greatest normwise error over the trial's runs: a panel per gradient, a column per format.

    eps: by format; noise: by format and gradient, as a part of the gradient's norm
    """
    comparisons = ["manual_vs_autograd", "reordered_vs_autograd", "manual_vs_reference"]
    trial = errors[errors["sample"] == "trial"]
    worst = trial.groupby(["gradient", "dtype", "comparison"])["rel_norm"].max()
    panels = grid(gradients, 3)
    unavoidable = [noise[dtype][gradient] for dtype in dtypes for gradient in gradients]
    scale = _Scale([*worst.tolist(), *eps.values(), *unavoidable])
    for panel, gradient in zip(panels, gradients, strict=True):
        scale.fit(panel)
        step = panel.width / len(dtypes)
        for column, dtype in enumerate(dtypes):
            middle = panel.left + step * (column + 0.5)
            panel.x_ticks.append((middle, dtype))
            for kind, value in (("eps", eps[dtype]), ("noise", noise[dtype][gradient])):
                y, half = scale.y(panel, value), step * 0.42
                panel.lines.append(Line(kind, y, middle - half, middle + half))
            for series, comparison in enumerate(comparisons):
                value = float(worst[gradient, dtype, comparison])
                offset = (series - 1) * min(16.0, step / 4)
                label = f"{gradient}, {dtype}, {comparison}: {number(value, 3)}"
                panel.marks.append(Mark(middle + offset, scale.y(panel, value), series, label))
    exact = [
        dtype
        for dtype in dtypes
        if all(worst[gradient, dtype, comparisons[0]] == 0 for gradient in gradients)
    ]
    return ChartByDtype(panels, WIDTH, panels[-1].top + PANEL_HEIGHT + BELOW, dtypes, exact)


def errors_by_run(
    errors: pd.DataFrame, dtypes: list[str], gradients: list[str], eps: dict[str, float]
) -> ChartByRun:
    """Normwise error of the hand's gradient against the reference, per run: a panel per format.

    Of more than MOST_MARKS runs, each mark stands for several in a row, by the greatest of them.
    """
    chosen = errors[(errors["sample"] == "trial") & (errors["comparison"] == "manual_vs_reference")]
    panels = grid(dtypes, 2)
    runs = int(chosen["run"].max()) + 1
    together = math.ceil(runs / MOST_MARKS)
    places = chosen["run"] // together * together
    for panel, dtype in zip(panels, dtypes, strict=True):
        mine = chosen["dtype"] == dtype
        keys = [places[mine].rename("run"), chosen[mine]["gradient"]]
        rows = chosen[mine].groupby(keys, observed=True, sort=False)["rel_norm"].max().reset_index()
        scale = _Scale([*rows["rel_norm"].tolist(), eps[dtype]])
        scale.fit(panel)
        step = panel.width / runs
        every = max(1, math.ceil(runs / 10))
        panel.x_ticks = [
            (panel.left + step * (run + 0.5), str(run)) for run in range(0, runs, every)
        ]
        y = scale.y(panel, eps[dtype])
        panel.lines.append(Line("eps", y, panel.left, panel.left + panel.width))
        for run, gradient, value in rows[["run", "gradient", "rel_norm"]].itertuples(index=False):
            series = gradients.index(gradient)
            width = step * together / (len(gradients) + 1)
            aside = (series - (len(gradients) - 1) / 2) * min(5.0, width)
            x = panel.left + step * (run + together / 2) + aside
            told = {"gradient": gradient, "run": run, "error": number(value, 3)}
            label = (
                Message("{gradient}, run {run}: {error}", **told)
                if together == 1
                else Message(
                    "{gradient}, runs {run} to {last}: {error}", **told, last=run + together - 1
                )
            )
            panel.marks.append(Mark(x, scale.y(panel, value), series, label))
    spread = chosen.groupby(["dtype", "gradient"], observed=True)["rel_norm"].agg(["min", "max"])
    factor = float((spread["max"] / spread["min"].where(spread["min"] > 0)).max())
    return ChartByRun(
        panels,
        WIDTH,
        panels[-1].top + PANEL_HEIGHT + BELOW,
        gradients,
        factor if math.isfinite(factor) else None,
        together,
    )


class _Scale:
    """A logarithmic axis over whole decades, with a band for zero beneath where one is needed."""

    def __init__(self, values: list[float]) -> None:
        logs = [math.log10(value) for value in values if value > 0 and math.isfinite(value)]
        self.low, self.high = math.floor(min(logs)), math.ceil(max(logs))
        self.low -= self.low == self.high
        self.has_zero = any(value == 0 for value in values)
        self.has_infinity = any(math.isinf(value) for value in values)

    def y(self, panel: Panel, value: float) -> float:
        """The height of `value` in `panel`; zero in its band, infinity at the very top."""
        room = panel.height - (ZERO_BAND if self.has_zero else 0)
        if value == 0:
            return panel.top + panel.height - ZERO_BAND / 2
        if math.isinf(value):
            return panel.top
        return panel.top + room * (self.high - math.log10(value)) / (self.high - self.low)

    def fit(self, panel: Panel) -> None:
        """Give `panel` its ticks."""
        every = max(1, math.ceil((self.high - self.low) / 7))
        decades = range(self.high, self.low - 1, -every)
        steps = (1, 2, 5) if self.high - self.low <= 1 else (1,)
        values = [step * 10.0**decade for decade in decades for step in steps]
        panel.y_ticks = [
            (self.y(panel, value), f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e"))
            for value in values
            if value <= 10.0**self.high
        ]
        if self.has_zero:
            panel.zero = self.y(panel, 0.0)


def grid(titles: list[str], columns: int) -> list[Panel]:
    columns = min(columns, len(titles))
    width = (WIDTH - MARGIN_LEFT - 16 - GAP * (columns - 1)) / columns
    return [
        Panel(
            title=title,
            left=MARGIN_LEFT + (place % columns) * (width + GAP),
            top=MARGIN_TOP + (place // columns) * (PANEL_HEIGHT + 62),
            width=width,
            height=PANEL_HEIGHT,
        )
        for place, title in enumerate(titles)
    ]


BOX_WIDTH, BOX_HEIGHT, ROW, SPACE = 178, 38, 66, 26
KINDS = {"AccumulateGrad": "leaf", "AddmmBackward0": "product", "TBackward0": "transpose"}


def graph_layout(nodes: list[Node], rows: list[list[int]]) -> dict[str, Any]:
    """Boxes and arrows for a graph in layers (`rows` of ids, the root's first), in pixels."""
    widest = max(map(len, rows))
    width = max(420, widest * (BOX_WIDTH + SPACE) + SPACE)
    places: dict[int, tuple[float, float]] = {}
    parents = _parents(nodes)
    for depth, row in enumerate(rows):
        above = {node: [places[parent][0] for parent in parents[node]] for node in row}
        wished = {
            node: sum(lefts) / len(lefts) if lefts else (width - BOX_WIDTH) / 2
            for node, lefts in above.items()
        }
        for node, left in _spread(wished, width).items():
            places[node] = (left, 62 + depth * ROW)
    boxes = [
        {
            "x": places[node["id"]][0],
            "y": places[node["id"]][1],
            "type": node["type"],
            "leaf": node["leaf"],
            "kind": KINDS.get(node["type"], "plain"),
        }
        for node in nodes
    ]
    arrows = [
        {
            "x1": places[node["id"]][0] + BOX_WIDTH / 2,
            "y1": places[node["id"]][1] + BOX_HEIGHT,
            "x2": places[edge["to"]][0] + BOX_WIDTH / 2,
            "y2": places[edge["to"]][1],
        }
        for node in nodes
        for edge in node["edges"]
        if edge["to"] is not None
    ]
    return {
        "width": width,
        "height": 62 + len(rows) * ROW + 6,
        "box": {"width": BOX_WIDTH, "height": BOX_HEIGHT},
        "boxes": boxes,
        "arrows": arrows,
    }


def _parents(nodes: list[Node]) -> dict[int, list[int]]:
    """For each node the nodes that have an edge to it."""
    parents: dict[int, list[int]] = {node["id"]: [] for node in nodes}
    for node in nodes:
        for edge in node["edges"]:
            if edge["to"] is not None:
                parents[edge["to"]].append(node["id"])
    return parents


def _spread(wished: dict[int, float], width: float) -> dict[int, float]:
    """Left ends for the boxes of one row: near where each wishes to be, in that order, apart.

    A wish is the mean place of a node's parents (the barycentres of Sugiyama, 1981).
    """
    step = BOX_WIDTH + SPACE
    order = sorted(wished, key=lambda node: (wished[node], node))
    lefts: list[float] = []
    for place, node in enumerate(order):
        last = width - SPACE - BOX_WIDTH - step * (len(order) - 1 - place)  # room for those to come
        left = min(wished[node], last)
        lefts.append(max(left, lefts[-1] + step) if lefts else left)
    middle = sum(wished.values()) / len(wished) - sum(lefts) / len(lefts)
    shift = min(max(middle, SPACE - lefts[0]), width - SPACE - BOX_WIDTH - lefts[-1])
    return {node: left + shift for node, left in zip(order, lefts, strict=True)}
