from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.report.charts import (
    ZERO_BAND,
    Panel,
    _Scale,
    errors_by_dtype,
    errors_by_run,
)
from autograd_by_hand.report.panels import WIDTH

INF = float("inf")
EPS = {"float64": 2**-52, "float32": 2**-23}
GRADIENTS = ["dx", "dW"]
NOISE = {dtype: {f"d{name}": spacing / 4 for name in "xWabcdefg"} for dtype, spacing in EPS.items()}
SIZES = st.floats(1e-18, 1e6)


def panel() -> Panel:
    return Panel("title", left=50, top=100, width=300, height=200)


def table(**values: list[float]) -> pd.DataFrame:
    """Normwise errors run by run: given for "<dtype>_<comparison's first word>", else 1e-9."""
    return pd.DataFrame(
        [
            (dtype, f"{first}_vs_{second}", "trial", run, gradient, value)
            for dtype in EPS
            for first, second in (
                ("manual", "autograd"),
                ("reordered", "autograd"),
                ("manual", "reference"),
            )
            for gradient in GRADIENTS
            for run, value in enumerate(values.get(f"{dtype}_{first}_{second}", [1e-9, 1e-9]))
        ],
        columns=["dtype", "comparison", "sample", "run", "gradient", "rel_norm"],
    )


# the scale


@given(SIZES, SIZES)
def test_a_greater_value_stands_higher(first, second):
    scale, frame = _Scale([first, second]), panel()
    less, more = sorted([first, second])
    if more / less > 1 + 1e-9:
        assert scale.y(frame, more) < scale.y(frame, less)


@given(st.lists(SIZES | st.just(0.0) | st.just(INF), min_size=1))
def test_every_value_is_within_its_panel(values):
    scale, frame = _Scale([*values, 1e-7]), panel()
    for value in values:
        assert frame.top <= scale.y(frame, value) <= frame.top + frame.height


def test_a_factor_of_ten_is_the_same_step_everywhere():
    scale, frame = _Scale([1e-8, 1e-4]), panel()
    heights = [scale.y(frame, 10.0**exponent) for exponent in range(-8, -3)]
    assert [a - b for a, b in pairwise(heights)] == pytest.approx([50] * 4)


def test_zero_goes_into_the_band_below_all_other_values():
    scale, frame = _Scale([0.0, 1e-8, 1e-4]), panel()
    bottom = frame.top + frame.height
    assert scale.y(frame, 1e-8) == bottom - ZERO_BAND
    assert bottom - ZERO_BAND < scale.y(frame, 0.0) < bottom


def test_without_a_zero_there_is_no_band():
    scale, frame = _Scale([1e-8, 1e-4]), panel()
    assert scale.y(frame, 1e-8) == frame.top + frame.height
    scale.fit(frame)
    assert frame.zero is None


def test_with_a_zero_the_panel_knows_where_its_band_is():
    scale, frame = _Scale([0.0, 1e-8]), panel()
    scale.fit(frame)
    assert frame.zero == frame.top + frame.height - ZERO_BAND / 2


def test_infinity_goes_to_the_top():
    scale, frame = _Scale([INF, 1e-8, 1e-4]), panel()
    assert scale.y(frame, INF) == frame.top


@pytest.mark.parametrize("value", [1.0, 1e-7, 3e-7])
def test_a_single_value_has_a_decade_around_it(value):
    scale = _Scale([value])
    assert scale.high - scale.low == 1
    assert 10.0**scale.low <= value <= 10.0**scale.high


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1e-4, 1e-1], ["1e-1", "1e-2", "1e-3", "1e-4"]),
        ([1e-1, 1.0], ["1e0", "5e-1", "2e-1", "1e-1"]),
        ([1e-12, 1e-1], ["1e-1", "1e-3", "1e-5", "1e-7", "1e-9", "1e-11"]),
    ],
    ids=["decades", "between decades where the range is short", "every second where it is long"],
)
def test_ticks_are_labelled_with_their_values(values, labels):
    scale, frame = _Scale(values), panel()
    scale.fit(frame)
    assert [label for _, label in sorted(frame.y_ticks)] == labels


@given(SIZES, SIZES)
def test_ticks_stand_where_their_values_do_and_within_the_panel(first, second):
    scale, frame = _Scale([first, second]), panel()
    scale.fit(frame)
    assert frame.y_ticks
    for y, label in frame.y_ticks:
        assert y == pytest.approx(scale.y(frame, float(label)))
        assert frame.top - 1e-9 <= y <= frame.top + frame.height + 1e-9


# the charts


def test_the_chart_by_format_has_a_panel_a_gradient_and_a_mark_a_comparison():
    chart = errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, NOISE)
    assert [frame.title for frame in chart.panels] == GRADIENTS
    assert [len(frame.marks) for frame in chart.panels] == [2 * 3, 2 * 3]
    assert [label for _, label in chart.panels[0].x_ticks] == list(EPS)


def test_the_chart_by_format_marks_the_greatest_error_of_all_runs():
    errors = table(float32_manual_reference=[1e-7, 4e-7])
    chart = errors_by_dtype(errors, list(EPS), GRADIENTS, EPS, NOISE)
    labels = [mark.label for mark in chart.panels[0].marks]
    assert "dx, float32, manual_vs_reference: 4.00e-7" in labels


def test_the_chart_by_format_leaves_other_samples_out():
    other = table(float32_manual_reference=[1e5]).assign(sample="example")
    chart = errors_by_dtype(pd.concat([table(), other]), list(EPS), GRADIENTS, EPS, NOISE)
    assert chart == errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, NOISE)


def test_all_panels_of_the_chart_by_format_share_one_scale():
    chart = errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, NOISE)
    first, second = chart.panels
    assert first.top == second.top
    assert first.y_ticks
    assert first.y_ticks == second.y_ticks


ZEROS = [0.0, 0.0]


@pytest.mark.parametrize(
    ("errors", "exact"),
    [
        (table(), []),
        (table(float32_manual_autograd=ZEROS), ["float32"]),
        (table(float32_manual_autograd=ZEROS, float64_manual_autograd=ZEROS), list(EPS)),
        (table(float32_manual_autograd=[0.0, 1e-9]), []),
    ],
    ids=["none", "one", "all", "not in every run"],
)
def test_the_chart_by_format_knows_the_formats_that_agree(errors, exact):
    assert errors_by_dtype(errors, list(EPS), GRADIENTS, EPS, NOISE).exact == exact


def test_the_lines_in_each_column_are_the_formats_eps_and_its_noise():
    chart = errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, NOISE)
    lines = chart.panels[0].lines
    assert [line.kind for line in lines] == ["eps", "noise", "eps", "noise"]
    wide, quarter_of_wide, narrow, _ = lines
    assert quarter_of_wide.y > wide.y > narrow.y
    assert (quarter_of_wide.left, quarter_of_wide.right) == (wide.left, wide.right)
    assert wide.left < wide.right < narrow.left < narrow.right


def test_a_noise_that_is_no_part_of_a_zero_gradient_stands_at_the_top():
    noise = {dtype: dict.fromkeys(GRADIENTS, INF) for dtype in EPS}
    frame = errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, noise).panels[0]
    assert {line.y for line in frame.lines if line.kind == "noise"} == {frame.top}


def test_the_chart_by_format_sets_the_comparisons_of_a_format_side_by_side_around_its_name():
    frame = errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, NOISE).panels[0]
    for (middle, _), marks in zip(frame.x_ticks, (frame.marks[:3], frame.marks[3:]), strict=True):
        left, centre, right = (mark.x for mark in marks)
        assert left < centre < right
        assert centre == middle
        assert centre - left == pytest.approx(right - centre)
        assert [mark.series for mark in marks] == [0, 1, 2]


def test_the_columns_of_the_chart_by_format_divide_the_panel_evenly():
    frame = errors_by_dtype(table(), list(EPS), GRADIENTS, EPS, NOISE).panels[0]
    places = [(x - frame.left) / frame.width for x, _ in frame.x_ticks]
    assert places == pytest.approx([0.25, 0.75])


def test_the_marks_of_every_chart_stand_where_their_labels_say():
    errors = table(float32_manual_reference=[1e-7, 4e-7], float64_manual_reference=[0.0, 1e-16])
    for chart in (
        errors_by_dtype(errors, list(EPS), GRADIENTS, EPS, NOISE),
        errors_by_run(errors, list(EPS), GRADIENTS, EPS),
    ):
        for frame in chart.panels:
            ticks = {float(label): y for y, label in frame.y_ticks}
            marks = [(float(mark.label.split(": ")[1]), mark.y) for mark in frame.marks]
            for value, y in marks:
                assert all(y < height for tick, height in ticks.items() if tick < value)
                assert all(y > height for tick, height in ticks.items() if tick > value * 1.01)
                assert (y == frame.zero) == (value == 0)


def test_no_mark_of_a_run_stands_in_another_runs_place():
    errors = table(float32_manual_reference=[1e-7] * 4, float64_manual_reference=[1e-17] * 4)
    for frame in errors_by_run(errors, list(EPS), GRADIENTS, EPS).panels:
        assert [label for _, label in frame.x_ticks] == ["0", "1", "2", "3"]
        places = [(x - frame.left) / frame.width for x, _ in frame.x_ticks]
        assert places == pytest.approx([0.125, 0.375, 0.625, 0.875])
        for mark in frame.marks:
            run = int(mark.label.split("run ")[1][0])
            assert run < (mark.x - frame.left) / frame.width * 4 < run + 1


def test_the_gradients_of_a_run_stand_side_by_side_around_its_middle():
    frame = errors_by_run(table(), list(EPS), GRADIENTS, EPS).panels[0]
    dx, dW = (mark.x for mark in frame.marks if "run 0" in mark.label)
    assert dx < dW
    assert (dx + dW) / 2 == pytest.approx(frame.x_ticks[0][0])


def test_the_line_in_each_panel_by_run_is_the_formats_eps_from_side_to_side():
    errors = table(float32_manual_reference=[2**-23, 1e-9], float64_manual_reference=[2**-52, 1e-9])
    for frame in errors_by_run(errors, list(EPS), GRADIENTS, EPS).panels:
        (line,) = frame.lines
        assert line.y == frame.marks[0].y
        assert (line.left, line.right) == (frame.left, frame.left + frame.width)


@pytest.mark.parametrize(("count", "across"), [(1, 1), (2, 2), (3, 3), (4, 3)])
def test_the_chart_by_format_has_up_to_three_panels_in_a_row(count, across):
    gradients = [f"d{name}" for name in "abcd"[:count]]
    errors = pd.concat([table().assign(gradient=gradient) for gradient in gradients])
    frames = errors_by_dtype(errors, list(EPS), gradients, EPS, NOISE).panels
    assert len([frame for frame in frames if frame.top == frames[0].top]) == across


def test_the_panels_by_run_lie_side_by_side_within_the_chart():
    chart = errors_by_run(table(), list(EPS), GRADIENTS, EPS)
    frames = chart.panels
    assert max(frame.top + frame.height for frame in frames) < chart.height
    assert all(frame.left > 0 for frame in frames)
    assert frames[0].left + frames[0].width < frames[1].left
    assert frames[1].left + frames[1].width < WIDTH


def test_the_chart_by_run_has_a_panel_a_format_and_a_mark_a_run_and_gradient():
    chart = errors_by_run(table(), list(EPS), GRADIENTS, EPS)
    assert [frame.title for frame in chart.panels] == list(EPS)
    assert [len(frame.marks) for frame in chart.panels] == [4, 4]
    assert {mark.series for mark in chart.panels[0].marks} == {0, 1}


def test_the_chart_by_run_goes_from_the_first_run_on_the_left_to_the_last():
    errors = table(float32_manual_reference=[1e-7, 3e-7, 2e-7])
    frame = errors_by_run(errors, list(EPS), GRADIENTS, EPS).panels[1]
    marks = sorted((mark.x, mark.label) for mark in frame.marks if mark.series == 0)
    assert [label for _, label in marks] == [
        "dx, run 0: 1.00e-7",
        "dx, run 1: 3.00e-7",
        "dx, run 2: 2.00e-7",
    ]
    assert [label for _, label in frame.x_ticks] == ["0", "1", "2"]


def test_the_chart_by_run_names_at_most_ten_runs():
    errors = table(float32_manual_reference=[1e-7] * 25, float64_manual_reference=[1e-17] * 25)
    frame = errors_by_run(errors, list(EPS), GRADIENTS, EPS).panels[0]
    assert [label for _, label in frame.x_ticks] == [str(run) for run in range(0, 25, 3)]


@pytest.mark.parametrize(
    ("values", "spread"),
    [([1e-7, 4e-7], 4.0), ([0.0, 0.0], 1.0), ([0.0, 1e-7], 1.0), ([1e-7, INF], None)],
    ids=["finite", "zero", "zero once", "infinite"],
)
def test_the_chart_by_run_knows_the_spread_where_there_is_one(values, spread):
    errors = table(float32_manual_reference=values)
    assert errors_by_run(errors, list(EPS), GRADIENTS, EPS).spread == pytest.approx(spread)


def test_where_every_error_is_zero_there_is_no_spread_to_tell():
    errors = table(float32_manual_reference=ZEROS, float64_manual_reference=ZEROS)
    assert errors_by_run(errors, list(EPS), GRADIENTS, EPS).spread is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_panels_stand_side_by_side_and_below_without_overlap(count):
    gradients = [f"d{name}" for name in "abcdefg"[:count]]
    errors = pd.concat([table().assign(gradient=gradient) for gradient in gradients])
    chart = errors_by_dtype(errors, list(EPS), gradients, EPS, NOISE)
    frames = chart.panels
    assert min(min(frame.left, frame.top) for frame in frames) > 0
    assert max(frame.left + frame.width for frame in frames) < WIDTH
    assert max(frame.top + frame.height for frame in frames) < chart.height
    for first, second in pairwise(frames):
        beside = first.left + first.width < second.left and first.top == second.top
        below = first.top + first.height < second.top
        assert beside or below


@pytest.mark.parametrize(("value", "has_zero"), [(0.0, True), (1e-9, False)])
def test_a_chart_has_a_zero_where_an_error_is_exactly_that(value, has_zero):
    errors = table(float32_manual_reference=[value, 1e-9])
    assert errors_by_run(errors, list(EPS), GRADIENTS, EPS).has_zero is has_zero


def test_a_comparison_that_is_missing_in_a_dtype_has_no_mark_there():
    whole = table()
    gone = (whole["dtype"] == "float32") & (whole["comparison"] == "reordered_vs_autograd")
    parts = errors_by_dtype(
        whole[~gone].astype({"comparison": "category"}), list(EPS), GRADIENTS, EPS, NOISE
    )
    assert [len(one.marks) for one in parts.panels] == [5, 5]
