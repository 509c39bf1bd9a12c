import pytest

from scripts.lib.verdict import judge_gradient

FINE = {"non_finite": None, "identical": False, "ratio": None}
LOST = {"fits": True, "value": "nan", "index": [3, 1], "run": 2}
INF = float("inf")


def judge(  # what is not said is as it is when all is well
    dtype="float32",
    manual_error=0.0,
    autograd_error=0.0,
    second_call="same bits",
    right_in_widest=False,
    **facts,
):
    return judge_gradient(
        dtype, FINE | facts, manual_error, autograd_error, second_call, right_in_widest
    )


def test_autograds_own_bits_are_right():
    verdict = judge(identical=True, manual_error=1e-8, autograd_error=1e-8)
    assert verdict == {"outcome": "right", "reason": "autograd's own bits", "diagnosis": None}


def test_autograds_own_bits_are_not_right_where_autograd_is_off_itself():
    verdict = judge(identical=True, manual_error=0.5, autograd_error=0.5)
    assert verdict["outcome"] == "unresolved"


def test_other_bits_near_the_reference_are_right():
    verdict = judge(manual_error=1.2e-7, autograd_error=1e-8)
    assert verdict == {"outcome": "right", "reason": "1.2e-7 from the reference", "diagnosis": None}


@pytest.mark.parametrize(
    ("dtype", "limit"),
    [("float64", 2**-26), ("float32", 2**-11.5), ("bfloat16", 2**-3.5), ("float16", 2**-5)],
)
def test_the_line_is_half_the_digits_of_the_format(dtype, limit):
    assert judge(dtype, manual_error=0.999 * limit)["outcome"] == "right"
    assert judge(dtype, manual_error=1.001 * limit)["outcome"] == "wrong"


def test_a_second_call_that_doubles_is_wrong_and_named():
    verdict = judge(identical=True, second_call="twice the first")
    evidence = "a second call on the same inputs gave twice the first"
    assert verdict == {
        "outcome": "wrong",
        "reason": evidence,
        "diagnosis": {
            "name": "backward adds to what an earlier call left",
            "evidence": evidence,
        },
    }


def test_a_second_call_that_wavers_is_wrong_and_named():
    verdict = judge(identical=True, second_call="other bits")
    assert verdict["outcome"] == "wrong"
    assert verdict["diagnosis"]["name"] == "backward is not a function of its inputs"


def test_a_lost_value_whose_truth_fits_is_wrong_in_the_widest_format():
    verdict = judge("float64", non_finite=LOST, manual_error=INF)
    reason = "nan at index (3, 1) of run 2, where the true value is a number of the format"
    assert verdict == {
        "outcome": "wrong",
        "reason": reason,
        "diagnosis": {"name": "overflow", "evidence": reason},
    }


def test_a_lost_value_whose_truth_fits_is_imprecise_in_a_narrower_format():
    verdict = judge("float16", non_finite=LOST, manual_error=INF, right_in_widest=True)
    assert verdict["outcome"] == "imprecise"
    assert verdict["diagnosis"]["name"] == "overflow"


def test_a_lost_value_whose_truth_fits_is_not_excused_by_autograds_loss():
    verdict = judge(
        "float64", non_finite=LOST, identical=True, manual_error=INF, autograd_error=INF
    )
    assert verdict["outcome"] == "wrong"


def test_a_lost_value_whose_truth_does_not_fit_leaves_the_format_unresolved():
    lost = LOST | {"fits": False}
    verdict = judge("float16", non_finite=lost, manual_error=INF, autograd_error=INF)
    assert verdict == {
        "outcome": "unresolved",
        "reason": "autograd itself is inf of the norm from the reference",
        "diagnosis": None,
    }


def test_twice_the_true_gradient_is_wrong_and_named():
    verdict = judge(ratio=2.0, manual_error=1.0)
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == "every element is 2 times the true one"
    assert verdict["diagnosis"] == {
        "name": "a factor 0.5 is missing (the loss's own, say), or the gradient was counted twice",
        "evidence": "every element is 2 times the true one",
    }


def test_a_constant_factor_is_wrong_even_where_the_widest_format_is_right():
    assert judge(ratio=-1.0, manual_error=2.0, right_in_widest=True)["outcome"] == "wrong"


def test_a_factor_tells_more_than_autograds_own_error():
    assert judge(ratio=0.0, manual_error=1.0, autograd_error=0.5)["outcome"] == "wrong"


def test_where_autograd_itself_is_off_nothing_can_be_told():
    verdict = judge(manual_error=0.7, autograd_error=0.5)
    assert verdict == {
        "outcome": "unresolved",
        "reason": "autograd itself is 0.50 of the norm from the reference",
        "diagnosis": None,
    }


@pytest.mark.parametrize(("right_in_widest", "outcome"), [(False, "wrong"), (True, "imprecise")])
def test_an_error_above_half_the_digits_is_wrong_unless_the_widest_format_is_right(
    right_in_widest, outcome
):
    verdict = judge(manual_error=0.7, autograd_error=1e-7, right_in_widest=right_in_widest)
    assert verdict == {
        "outcome": outcome,
        "reason": "0.70 of the norm from the reference, autograd 1.0e-7",
        "diagnosis": None,
    }
