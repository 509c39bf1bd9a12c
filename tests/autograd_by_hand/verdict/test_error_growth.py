"""What an error in float64 becomes in a coarser dtype."""

from typing import Any

import pytest

from autograd_by_hand.verdict.error_growth import growth, next_coarser

FLOAT64, FLOAT32 = 2.0**-50, 2.0**-21  # of the gradient's norm
HALF_THE_DIGITS = 2.0**26.5


def facts(norm: Any = 1.0, element: Any = 1.0, noise: Any = FLOAT64, **more: Any) -> Any:
    return {
        "noise": noise,
        "limits": {"norm": 4.0, "element": 9.0},
        "manual": {"norm": norm, "element": element},
        **more,
    }


@pytest.mark.parametrize("measure", ["norm", "element"])
def test_a_mistake_has_the_same_size_in_every_dtype(measure):
    in_float64 = facts(**{measure: 1e-3 / FLOAT64})
    assert growth(in_float64, facts(**{measure: 1e-3 / FLOAT32}, noise=FLOAT32)) == "stays"


@pytest.mark.parametrize("measure", ["norm", "element"])
@pytest.mark.parametrize("times", [35.0, 1e6, 1e12])
def test_rounding_is_as_many_noises_in_every_dtype(measure, times):
    there = facts(**{measure: times / 3}, noise=FLOAT32)
    assert growth(facts(**{measure: times}), there) == "grows"


@pytest.mark.parametrize("measure", ["norm", "element"])
@pytest.mark.parametrize("times", [35.0, 1e6])
def test_a_small_error_that_the_coarser_dtype_does_not_show_is_hidden(measure, times):
    assert growth(facts(**{measure: times}), facts(noise=FLOAT32)) == "hidden"
    assert growth(facts(**{measure: times}), None) == "hidden"


def test_an_error_that_spoils_half_the_digits_stays_where_nothing_shows_it_grow():
    assert growth(facts(norm=4 * HALF_THE_DIGITS), None) == "hidden"
    assert growth(facts(norm=4.01 * HALF_THE_DIGITS), None) == "stays"


def test_a_single_wrong_element_is_a_mistake_whatever_rounding_does_elsewhere():
    there = facts(norm=100.0, element=1e-1 / FLOAT32, noise=FLOAT32)
    assert growth(facts(norm=100.0, element=1e-1 / FLOAT64), there) == "stays"


@pytest.mark.parametrize("lost", [float("nan"), float("inf"), "nan", "inf"])
def test_what_is_no_number_is_a_mistake_unless_the_coarser_dtype_is_worse(lost):
    assert growth(facts(norm=lost), facts(norm=1e5, noise=FLOAT32)) == "stays"


@pytest.mark.parametrize("noise", [0.0, "inf"])
def test_without_a_noise_there_nothing_is_seen_to_grow(noise):
    assert growth(facts(norm=1e12), facts(norm=1e3, noise=noise)) == "stays"


def test_the_next_coarser_dtype_is_the_finest_below_that_in_which_backward_computes():
    each = {name: facts() for name in ("float16", "float64", "bfloat16", "float32")}
    assert next_coarser(each) is each["float32"]
    del each["float32"]
    assert next_coarser(each) is each["float16"]
    assert next_coarser({"float64": facts()}) is None


def test_where_backward_computes_in_float32_float32_is_no_coarser():
    own = {"computes_in": "float32"}
    each = {"float64": facts(**own), "float32": facts(), "bfloat16": facts()}
    assert next_coarser(each) is each["bfloat16"]


def test_where_backward_computes_in_float32_only_growth_excuses():
    own = facts(norm=35.0, computes_in="float32", noise=FLOAT32)
    assert growth(own, None) == "stays"
    assert growth(own, facts(noise=2.0**-8)) == "stays"
    assert growth(own, facts(norm=30.0, noise=2.0**-8)) == "grows"
