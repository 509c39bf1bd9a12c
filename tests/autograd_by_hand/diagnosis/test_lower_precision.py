"""Whether a gradient was computed in a coarser format: by its values, or by its errors' signs."""

import numpy as np
import pytest

from autograd_by_hand.diagnosis.lower_precision import COARSER, ENOUGH, MOVED_BY, coarser_format
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.floats.rounding import rounded

LIMIT = 4.0
TRUTH = np.random.default_rng(0).standard_normal((3, 40))


def in_format(values, dtype):
    return rounded(values.astype(np.float32), dtype).astype(np.float64)


def never(_):
    raise AssertionError("the values decide")


def asked(manual, moved_errors, times_noise=2.0**23):
    return coarser_format(manual, manual - TRUTH, times_noise, LIMIT, moved_errors)


@pytest.mark.parametrize(
    ("dtype", "times_noise"), [("float32", 2.0**29), ("float16", 2.0**42), ("bfloat16", 2.0**45)]
)
def test_a_gradient_whose_values_are_all_numbers_of_a_format_was_computed_in_it(dtype, times_noise):
    found = asked(in_format(TRUTH, dtype), never, times_noise)
    assert found == (dtype, f"every value is exactly representable in {dtype}")


def test_the_finest_format_that_explains_it_is_reported():
    manual = np.round(TRUTH * 4) / 4  # representable in all three
    found = asked(manual, never)
    assert found is not None
    assert found[0] == "float32"


@pytest.mark.parametrize(
    ("bits_less", "dtype"), [(29, "float32"), (42, "float16"), (45, "bfloat16")]
)
def test_a_format_can_explain_as_many_noises_as_it_has_bits_less(bits_less, dtype):
    manual = np.round(TRUTH * 4) / 4
    at_most = asked(manual, never, LIMIT * 2.0**bits_less)
    assert at_most is not None
    assert at_most[0] == dtype
    beyond = asked(manual, never, LIMIT * 2.0**bits_less * 1.01)
    assert beyond is None or beyond[0] != dtype


def test_an_error_nearer_to_float64s_rounding_is_none_of_a_coarser_format():
    manual = np.round(TRUTH * 4) / 4
    assert asked(manual, never, 2.0**14.6) is not None  # of 29 bits less
    assert asked(manual, never, 2.0**14.4) is None


def test_more_than_the_coarsest_format_explains_is_a_wrong_formula():
    assert asked(in_format(TRUTH, "bfloat16"), never, LIMIT * 2.0**45.1) is None


def with_signs_changed(manual, changed):
    """The errors, the first `changed` of them with the other sign."""
    errors = (manual - TRUTH).ravel().copy()
    errors[:changed] *= -1
    return errors.reshape(TRUTH.shape)


ROUGH = TRUTH + eps("float32") * np.random.default_rng(1).standard_normal(TRUTH.shape)


def test_errors_that_change_their_signs_when_the_inputs_move_are_rounding():
    found = asked(ROUGH, lambda _: with_signs_changed(ROUGH, 60))
    assert found is not None
    assert found[0] == "float32"
    assert found[1].endswith("move by 4 of its ulps, 60 of 120 errors change sign")


def test_errors_that_keep_their_signs_are_a_formulas():
    assert asked(ROUGH, lambda _: ROUGH - TRUTH) is None


@pytest.mark.parametrize(("changed", "proof"), [(30, False), (31, True)])
def test_more_than_a_quarter_of_the_signs_have_to_change(changed, proof):
    found = asked(ROUGH, lambda _: with_signs_changed(ROUGH, changed))
    assert (found is not None) == proof


@pytest.mark.parametrize(("errors", "proof"), [(ENOUGH - 1, False), (ENOUGH, True)])
def test_a_few_signs_prove_nothing(errors, proof):
    def moved_errors(_):
        few = with_signs_changed(ROUGH, 120).ravel()
        few[errors:] = 0  # zero has no sign
        return few.reshape(TRUTH.shape)

    assert (asked(ROUGH, moved_errors) is not None) == proof


def test_the_inputs_are_moved_by_a_few_ulps_of_each_format_in_turn():
    moves = []

    def moved_errors(by):
        moves.append(by)
        return ROUGH - TRUTH

    asked(ROUGH, moved_errors)
    assert moves == [MOVED_BY * eps(dtype) for dtype in COARSER]


def test_numbers_beyond_float16_are_no_numbers_of_it():
    manual = TRUTH + 1e5
    assert asked(manual, lambda _: manual - TRUTH) is None


@pytest.mark.parametrize("judged_as", ["float64", "float32", "float16", "bfloat16"])
def test_only_dtypes_coarser_than_the_declared_one_are_named(judged_as):
    manual = TRUTH.astype(np.float32).astype(np.float64)
    found = coarser_format(
        manual, manual - TRUTH, 2.0**15, LIMIT, lambda _: np.zeros_like(TRUTH), judged_as
    )
    assert (found is not None) == (judged_as == "float64")
