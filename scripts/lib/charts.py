"""Lay out the pictures: from measured numbers to places on the page, in pixels.

Every chart is a grid of panels with one logarithmic axis upward and a band below it for exact
zeros, which no logarithm can place.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

WIDTH, PANEL_HEIGHT, MARGIN_LEFT, MARGIN_TOP, GAP, BELOW = 920, 230, 62, 92, 46, 62
ZERO_BAND = 26


@dataclass(frozen=True)
class Mark:
    """One measured value: centre in pixels, which series it belongs to, and its text."""

    x: float
    y: float
    series: int
    label: str


@dataclass
class Panel:
    """One plot: its frame in pixels and what stands in it."""

    title: str
    left: float
    top: float
    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)
    lines: list[dict[str, float]] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    zero: float | None = None


@dataclass(frozen=True)
class Chart:
    """A whole picture, ready for the template."""

    title: str
    description: str
    y_label: str
    x_label: str
    line_label: str
    width: int
    height: float
    panels: list[Panel]
    series: list[str]


def errors_by_dtype(
    errors: pd.DataFrame, dtypes: list[str], gradients: list[str], eps: dict[str, float]
) -> Chart:
    """Greatest normwise error over the trial's runs: a panel per gradient, a column per format."""
    comparisons = ["manual_vs_autograd", "reordered_vs_autograd", "manual_vs_reference"]
    trial = errors[errors["sample"] == "trial"]
    worst = trial.groupby(["gradient", "dtype", "comparison"])["rel_norm"].max()
    panels = _grid(gradients, 3)
    scale = _Scale([*worst.tolist(), *eps.values()])
    for panel, gradient in zip(panels, gradients, strict=True):
        scale.fit(panel)
        step = panel.width / len(dtypes)
        for column, dtype in enumerate(dtypes):
            middle = panel.left + step * (column + 0.5)
            panel.x_ticks.append((middle, dtype))
            _line(panel, scale, eps[dtype], middle - step * 0.42, middle + step * 0.42)
            for series, comparison in enumerate(comparisons):
                value = float(worst[gradient, dtype, comparison])
                offset = (series - 1) * min(16.0, step / 4)
                label = f"{gradient}, {dtype}, {comparison}: {value:.3g}"
                panel.marks.append(Mark(middle + offset, scale.y(panel, value), series, label))
    exact = sum(
        all(worst[gradient, dtype, comparisons[0]] == 0 for gradient in gradients)
        for dtype in dtypes
    )
    title = (
        f"By hand and autograd agree bit for bit in {exact} of {len(dtypes)} formats"
        if exact
        else "By hand and autograd differ in every format"
    )
    return Chart(
        title=title,
        description="Greatest normwise error over all runs, for each gradient and format.",
        y_label="error, relative to the gradient's norm",
        x_label="",
        line_label="the format's own spacing (eps, one ulp of 1)",
        width=WIDTH,
        height=panels[-1].top + PANEL_HEIGHT + BELOW,
        panels=panels,
        series=["by hand against autograd", "numpy's sums against autograd", "by hand against the reference"],
    )


def errors_by_run(
    errors: pd.DataFrame, dtypes: list[str], gradients: list[str], eps: dict[str, float]
) -> Chart:
    """Normwise distance of the hand's gradient from the reference in each run: a panel per format."""
    chosen = errors[(errors["sample"] == "trial") & (errors["comparison"] == "manual_vs_reference")]
    panels = _grid(dtypes, 2)
    scale = _Scale([*chosen["rel_norm"].tolist(), *eps.values()])
    runs = int(chosen["run"].max()) + 1
    for panel, dtype in zip(panels, dtypes, strict=True):
        scale.fit(panel)
        step = panel.width / runs
        every = max(1, math.ceil(runs / 10))
        panel.x_ticks = [(panel.left + step * (run + 0.5), str(run)) for run in range(0, runs, every)]
        _line(panel, scale, eps[dtype], panel.left, panel.left + panel.width)
        for row in chosen[chosen["dtype"] == dtype].itertuples():
            x = panel.left + step * (int(str(row.run)) + 0.5)
            value, gradient = float(str(row.rel_norm)), str(row.gradient)
            label = f"{gradient}, run {row.run}: {value:.3g}"
            panel.marks.append(Mark(x, scale.y(panel, value), gradients.index(gradient), label))
    spread = chosen.groupby(["dtype", "gradient"])["rel_norm"].agg(["min", "max"])
    factor = float((spread["max"] / spread["min"].where(spread["min"] > 0)).max())
    title = (
        f"From run to run the error varies at most {factor:.1f}-fold"
        if math.isfinite(factor)
        else "The error in each run"
    )
    return Chart(
        title=title,
        description="Normwise error of the hand-derived gradient against the reference, run by run.",
        y_label="error, relative to the gradient's norm",
        x_label="run",
        line_label="the format's own spacing (eps, one ulp of 1)",
        width=WIDTH,
        height=panels[-1].top + PANEL_HEIGHT + BELOW,
        panels=panels,
        series=gradients,
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
        panel.y_ticks = [(self.y(panel, 10.0**decade), f"1e{decade}") for decade in decades]
        if self.has_zero:
            panel.zero = self.y(panel, 0.0)


def _line(panel: Panel, scale: _Scale, value: float, left: float, right: float) -> None:
    panel.lines.append({"y": scale.y(panel, value), "left": left, "right": right})


def _grid(titles: list[str], columns: int) -> list[Panel]:
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


def graph_layout(nodes: list[dict[str, Any]], rows: list[list[int]]) -> dict[str, Any]:
    """Boxes and arrows for a graph in layers (`rows` of ids, the root's first), in pixels."""
    widest = max(map(len, rows))
    width = max(420, widest * (BOX_WIDTH + SPACE) + SPACE)
    places: dict[int, tuple[float, float]] = {}
    for depth, row in enumerate(_untangled(nodes, rows)):
        left = (width - len(row) * (BOX_WIDTH + SPACE) + SPACE) / 2
        for column, node in enumerate(row):
            places[node] = (left + column * (BOX_WIDTH + SPACE), 62 + depth * ROW)
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


def _untangled(nodes: list[dict[str, Any]], rows: list[list[int]]) -> list[list[int]]:
    """Each row ordered by the mean place of its nodes' parents (Sugiyama's barycentres)."""
    parents: dict[int, list[int]] = {node["id"]: [] for node in nodes}
    for node in nodes:
        for edge in node["edges"]:
            if edge["to"] is not None:
                parents[edge["to"]].append(node["id"])
    place: dict[int, float] = {}
    ordered = []
    for row in rows:
        means = {
            node: sum(place[parent] for parent in parents[node]) / max(1, len(parents[node]))
            for node in row
        }
        ordered.append(sorted(row, key=lambda node: (means[node], node)))
        place |= {node: (i + 0.5) / len(row) for i, node in enumerate(ordered[-1])}
    return ordered
