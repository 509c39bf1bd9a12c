from autograd_by_hand.experiment.settings import (
    BY_PRECISION,
    TensorSpec,
    arithmetic_of,
    drawn_tensors,
    gradient_names,
    judged,
    shown_format,
)
from autograd_by_hand.floats.formats import precision
from autograd_by_hand.floats.rounding import FORMATS

TENSORS: dict[str, TensorSpec] = {
    "x": {"shape": [2], "draw": "randn", "requires_grad": True},
    "t": {"shape": [3], "draw": "uniform", "low": -1, "high": 1},
    "W": {"shape": [4], "draw": "randn", "requires_grad": True},
    "n": {"shape": [5], "draw": "randint", "high": 9, "requires_grad": False},
}


def test_a_sample_without_words_of_its_own_draws_the_tensors_as_they_are():
    assert drawn_tensors(TENSORS, {"seed": 1, "runs": 1}) == TENSORS


def test_a_sample_overrides_key_by_key_and_keeps_the_rest():
    drawn = drawn_tensors(
        TENSORS, {"seed": 1, "runs": 1, "tensors": {"t": {"high": 5, "scale": 2}}}
    )
    assert drawn["t"] == {"shape": [3], "draw": "uniform", "low": -1, "high": 5, "scale": 2}
    assert drawn["x"] == TENSORS["x"]


def test_an_override_changes_neither_the_order_of_the_draws_nor_the_settings():
    drawn = drawn_tensors(
        TENSORS, {"seed": 1, "runs": 1, "tensors": {"n": {"high": 3}, "x": {"scale": 2}}}
    )
    assert list(drawn) == ["x", "t", "W", "n"]
    assert TENSORS["n"]["high"] == 9


def test_only_tensors_that_require_a_gradient_have_one_named_after_them():
    assert gradient_names(TENSORS) == {"x": "dx", "W": "dW"}


def test_float32_is_shown_where_it_is_tried_and_else_the_first_format():
    assert shown_format(["float64", "float32"]) == "float32"
    assert shown_format(["bfloat16", "float16"]) == "bfloat16"


def test_float64_is_judged_first_whether_or_not_it_is_tried():
    assert judged(["bfloat16", "float32"]) == ["float64", "bfloat16", "float32"]
    assert judged(["float32", "float64", "float16"]) == ["float64", "float32", "float16"]
    assert judged(["float64", "bfloat16"], "float32") == ["float64", "bfloat16", "float32"]
    assert judged(["float32"], "float32") == ["float64", "float32"]


def test_backward_computes_in_the_coarser_of_two_dtypes():
    assert sorted(FORMATS, key=precision, reverse=True) == list(BY_PRECISION)
    assert [arithmetic_of(one, "float32") for one in BY_PRECISION] == [
        "float32",
        "float32",
        "float16",
        "bfloat16",
    ]
    assert [arithmetic_of(one, None) for one in BY_PRECISION] == list(BY_PRECISION)
