import pytest

from autograd_by_hand.report.sections.float16 import float16_of
from tests.autograd_by_hand.report.made_up import errors, measurements


def told(moved=0.0):
    found = errors(
        float16_manual_vs_reference_dx={"max_abs_max": 2.0, "rel_norm_max": 0.5},
        float16_manual_vs_reference_dW={"max_abs_max": 3.0, "rel_norm_max": 0.25},
        float16_reordered_vs_autograd_dx={"rel_norm_max": moved},
        float32_manual_vs_reference_dx={"max_abs_max": 99.0, "rel_norm_max": 99.0},
    )
    section = float16_of(measurements(errors={"trial": found}))
    assert section is not None
    return section


def test_without_the_format_there_is_no_section():
    assert float16_of(measurements(dtypes=["float32"])) is None


def test_the_greatest_errors_are_found_each_in_its_own_gradient():
    section = told()
    assert (section.off, section.gradient, section.norm) == (3.0, "dW", 0.5)
    assert (section.bits, section.eps) == (11, 0.125)


@pytest.mark.parametrize(
    ("moved", "order", "times"),
    [(0.0, "nothing", None), (0.125, "little", 4.0), (0.25, "much", 2.0)],
)
def test_the_order_of_sums_is_weighed_against_half_of_the_error(moved, order, times):
    section = told(moved)
    assert (section.moved, section.order, section.times) == (moved, order, times)
