"""Lay out charts of errors by dtype and by run: turn measured numbers into positions in pixels.

Every chart is a grid of panels with a vertical logarithmic axis and, below it, a band for exact
zeros, which have no logarithm.
"""

import math
from dataclasses import dataclass, field

import pandas as pd

from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.report.panels import BELOW, HEIGHT, WIDTH, Frame, grid

MOST_MARKS = 100  # of a gradient in a panel, so that neighbours can be distinguished
ZERO_BAND = 26


@dataclass(frozen=True)
class Mark:
    """One measured value: its centre in pixels, the number of its series, and its label."""

    x: float
    y: float
    series: int
    label: str


@dataclass(frozen=True)
class Line:
    """A line at a value to compare with, from `left` to `right` in pixels.

    kind: "eps" or "noise"
    """

    kind: str
    y: float
    left: float
    right: float


@dataclass
class Panel(Frame):
    """One plot and its contents.

    zero: the height of the band for exact zeros, None if there is no band
    """

    marks: list[Mark] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)
    zero: float | None = None


@dataclass(frozen=True)
class Chart:
    """A grid of panels on a page."""

    panels: list[Panel]

    @property
    def width(self) -> float:
        """The width of every picture."""
        return WIDTH

    @property
    def height(self) -> float:
        """The height down to the margin below the last panel."""
        return self.panels[-1].top + HEIGHT + BELOW

    @property
    def has_zero(self) -> bool:
        """Whether a panel has a band for exact zeros."""
        return any(panel.zero is not None for panel in self.panels)


@dataclass(frozen=True)
class ChartByDtype(Chart):
    """Errors by dtype.

    exact: the dtypes in which every manual gradient has autograd's bits
    """

    dtypes: list[str]
    exact: list[str]


@dataclass(frozen=True)
class ChartByRun(Chart):
    """Errors by run.

    spread: the greatest ratio of two runs' errors of one gradient, None if there is none
    together: how many runs a mark represents
    """

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
    """Show the trial's greatest normwise errors: a panel per gradient, a column per dtype.

    A comparison that is missing in a dtype has no mark there.

    eps: by dtype
    noise: by dtype and gradient, as a fraction of the gradient's norm
    """
    comparisons = ["manual_vs_autograd", "reordered_vs_autograd", "manual_vs_reference"]
    trial = errors[errors["sample"] == "trial"]
    worst = trial.groupby(["gradient", "dtype", "comparison"], observed=True)["rel_norm"].max()
    panels = _panels(gradients, 3)
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
                if (gradient, dtype, comparison) not in worst.index:
                    continue
                value = float(worst[gradient, dtype, comparison])
                offset = (series - 1) * min(16.0, step / 4)
                label = f"{gradient}, {dtype}, {comparison}: {number(value, 3)}"
                panel.marks.append(Mark(middle + offset, scale.y(panel, value), series, label))
    exact = [
        dtype
        for dtype in dtypes
        if all(worst[gradient, dtype, comparisons[0]] == 0 for gradient in gradients)
    ]
    return ChartByDtype(panels, dtypes, exact)


def errors_by_run(
    errors: pd.DataFrame, dtypes: list[str], gradients: list[str], eps: dict[str, float]
) -> ChartByRun:
    """Show the normwise error of the manual gradient against the reference: a panel per dtype.

    For more than MOST_MARKS runs, each mark shows the greatest error of several consecutive runs.
    """
    chosen = errors[(errors["sample"] == "trial") & (errors["comparison"] == "manual_vs_reference")]
    panels = _panels(dtypes, 2)
    runs = int(chosen["run"].max()) + 1
    together = math.ceil(runs / MOST_MARKS)
    first_runs = chosen["run"] // together * together
    for panel, dtype in zip(panels, dtypes, strict=True):
        mine = chosen["dtype"] == dtype
        keys = [first_runs[mine].rename("run"), chosen[mine]["gradient"]]
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
            values = {"gradient": gradient, "run": run, "error": number(value, 3)}
            label = (
                Message("{gradient}, run {run}: {error}", **values)
                if together == 1
                else Message(
                    "{gradient}, runs {run} to {last}: {error}", **values, last=run + together - 1
                )
            )
            panel.marks.append(Mark(x, scale.y(panel, value), series, label))
    spread = chosen.groupby(["dtype", "gradient"], observed=True)["rel_norm"].agg(["min", "max"])
    factor = float((spread["max"] / spread["min"].where(spread["min"] > 0)).max())
    return ChartByRun(
        panels,
        gradients,
        factor if math.isfinite(factor) else None,
        together,
    )


def _panels(titles: list[str], columns: int) -> list[Panel]:
    return [Panel(**vars(frame)) for frame in grid(titles, columns)]


class _Scale:
    """A logarithmic axis over whole decades, with a band for zero below it if a value is zero."""

    def __init__(self, values: list[float]) -> None:
        logs = [math.log10(value) for value in values if value > 0 and math.isfinite(value)]
        self.low, self.high = math.floor(min(logs)), math.ceil(max(logs))
        self.low -= self.low == self.high
        self.has_zero = any(value == 0 for value in values)
        self.has_infinity = any(math.isinf(value) for value in values)

    def y(self, panel: Panel, value: float) -> float:
        """Return the height of `value` in `panel`; zero lies in its band, infinity at the top."""
        room = panel.height - (ZERO_BAND if self.has_zero else 0)
        if value == 0:
            return panel.top + panel.height - ZERO_BAND / 2
        if math.isinf(value):
            return panel.top
        return panel.top + room * (self.high - math.log10(value)) / (self.high - self.low)

    def fit(self, panel: Panel) -> None:
        """Set the ticks of `panel`."""
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
