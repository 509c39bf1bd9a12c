from autograd_by_hand.report.sections.errors import Spread, errors_of
from autograd_by_hand.storage.comparisons import COMPARISONS
from tests.autograd_by_hand.report.made_up import errors, measurements

FOUND = errors(
    float32_manual_vs_autograd_dW={"max_abs_median": 0.25, "max_abs_max": 0.5},
    float32_manual_vs_reference_dx={"rel_norm_max": 0.125},
    float32_manual_vs_reference_dW={"rel_norm_max": 0.0625, "max_ulp_max": 3.0},
)


def test_each_format_has_its_table_in_the_order_of_the_comparisons():
    told = errors_of(measurements(errors={"trial": FOUND}))
    assert (told.runs, told.seed) == (20, 7)
    assert [one.dtype for one in told.formats] == ["float32", "float16"]
    rows = told.formats[0].rows
    assert [row.comparison for row in rows[::2]] == list(COMPARISONS)
    assert [row.gradient for row in rows[:2]] == ["dx", "dW"]
    assert rows[1].absolute == Spread(0.25, 0.5)
    assert rows[5].ulps == Spread(0.0, 3.0)


def test_above_a_table_stands_the_worst_of_its_gradients():
    first, second = errors_of(measurements(errors={"trial": FOUND})).formats
    assert (first.equal, first.gradients, first.off) == (1, 2, 0.125)
    assert (second.equal, second.gradients, second.off) == (2, 2, 0.0)
    assert (first.arithmetic, first.eps) == ("float64", 0.125)
