import pytest

from autograd_by_hand.report.sections.causes import Explained, causes_of
from tests.autograd_by_hand.report.made_up import attribution, errors, measurements, shares


def causes(found=None, float32=None, float16=None, **changed):
    traced = {
        "float32": float32 or attribution(),
        "float16": float16 or attribution(),
    }
    return causes_of(
        measurements(errors={"trial": found or errors()}, attribution=traced, **changed)
    )


def test_the_difference_is_the_greatest_of_all_gradients():
    told = causes(
        errors(
            float32_reordered_vs_autograd_dx={"max_abs_max": 0.5, "rel_norm_max": 0.125},
            float32_reordered_vs_autograd_dW={"max_abs_max": 0.25, "rel_norm_max": 0.75},
        )
    )
    assert (told.greatest, told.norm, told.same) == (0.5, 0.75, True)


def test_one_gradient_with_other_bits_is_not_the_same():
    assert not causes(errors(float32_manual_vs_autograd_dW={"max_abs_max": 1e-9})).same


def test_factors_are_added_up_to_causes():
    own = {
        "forward_order": 0.25, "backward_order": 0.5, "forward_fma": 0.125, "backward_fma": 0.0625,
        "output_rounding": 0.0625,
    }  # fmt: skip
    of_dx, of_dw = causes(float32=attribution(shares=shares(dx=own, dW=None))).gradients
    assert of_dx.explained == Explained(0.75, 0.25, 0.1875, 0.0625, None)
    assert of_dw.explained is None


@pytest.mark.parametrize(("share", "told"), [(0.0049, None), (0.005, 0.005), (-0.25, -0.25)])
def test_half_a_percent_of_rounding_or_other_operations_is_told(share, told):
    own = {"output_rounding": share, "other_operations": share}
    explained = causes(float32=attribution(shares=shares(dx=own))).gradients[0].explained
    assert explained is not None
    assert (explained.rounding, explained.other) == (told, told)


def test_what_was_not_traced_has_its_reason():
    told = causes(float32=attribution(refused="no order", shares=[]))
    assert told.refused == "no order"
    assert [one.explained for one in told.gradients] == [None, None]


@pytest.mark.parametrize(
    ("share", "part", "nearly_all"),
    [(0.9995, "all", True), (0.995, "all", False), (0.75, "most", False), (0.5, "less", False)],
)
def test_the_share_of_rounding_is_the_least_of_the_gradients(share, part, nearly_all):
    own = shares(dx={"output_rounding": 1.25}, dW={"output_rounding": share})
    (rounding,) = causes(float16=attribution(shares=own)).rounding
    assert (rounding.dtype, rounding.bits, rounding.share) == ("float16", 11, share)
    assert (rounding.part, rounding.nearly_all) == (part, nearly_all)


def test_a_share_above_one_counts_as_the_whole():
    own = shares(dx={"output_rounding": 1.25}, dW=None)
    (rounding,) = causes(float16=attribution(shares=own)).rounding
    assert rounding.share == 1.0


def test_where_no_gradient_differs_there_is_no_rounding_to_tell_of():
    assert causes().rounding == []
