from typing import Any

import pytest

from autograd_by_hand.verdict.calls import Calls, calls_of
from autograd_by_hand.verdict.judge import (
    NO_NUMBER,
    judge_gradient,
    worst_outcome,
    wrong_and_right,
)

INF = float("inf")
# One noise is 2^-20 of the gradient; a norm may be 4 noises off by chance, an element 9.
SHARE, NORM, ELEMENT = 2.0**-20, 4.0, 9.0
FINE: dict[str, Any] = {
    "refused": None,
    "second_call": "same bits",
    "zero_cotangent": "zero",
    "zero_share": INF,
    "changed_inputs": [],
    "kept_state": False,
    "layouts": [],
}
LOST = {"fits": True, "value": "nan", "index": [3, 1], "run": 2, "reference": 2.5}
TWICE = {"kind": "factor", "name": "a factor is wrong", "evidence": "it is 2 times the true one"}
INSIDE = {"kind": "coarser", "name": "it is float16 inside", "evidence": "it is on its grid"}


def facts(  # what is not said is as it is when all is well
    norm=1.0,
    element=1.0,
    autograd=(1.0, 1.0),
    noise=SHARE,
    non_finite=None,
    autograd_lost=False,
    identical=False,
    fault=None,
    jumps=0.0,
    second=None,
    judged=40,
    lost_alone=None,
):
    found = {
        "identical": identical,
        "non_finite": non_finite,
        "noise": noise,
        "jumps": jumps,
        "limits": {"norm": NORM, "element": ELEMENT},
        "judged": judged,
        "elements": 40,
        "manual": {"norm": norm, "element": element, "run": 3, "index": [1, 2], "beyond": 2},
        "autograd": {
            "norm": autograd[0],
            "element": autograd[1],
            "lost": autograd_lost,
            "fault": fault,
        },
    }
    given = {"second": second, "lost_alone": lost_alone}
    return found | {key: value for key, value in given.items() if value}


def judge(
    own=None, formula=None, mistake=None, oracle=None, dtype="float32", coarser=None, **calls
):
    """The verdict on a gradient with these facts in its dtype, in float64, and in a coarser one."""
    showed: Any = FINE | calls
    return judge_gradient(
        dtype, own or facts(), formula or facts(), coarser, showed, mistake, oracle
    )


# right


def test_what_is_near_the_reference_is_right():
    assert judge(facts(norm=0.5)) == {
        "outcome": "right",
        "reason": "0.50 times the rounding noise from the reference",
        "limit": 2.0**-18,  # 4 noises
        "diagnosis": None,
    }


def test_autograds_own_bits_are_right_and_called_so():
    verdict = judge(facts(norm=2.0, identical=True))
    assert verdict["outcome"] == "right"
    assert verdict["reason"] == (
        "autograd's own bits, 2.0 times the rounding noise from the reference"
    )


def test_autograds_own_bits_are_not_right_where_the_formula_is_wrong():
    assert judge(facts(identical=True), formula=facts(norm=5e9))["outcome"] == "wrong"


def test_a_mistake_that_is_none_is_not_told():
    assert judge(mistake=TWICE)["diagnosis"] is None


# the line


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize(("measure", "limit"), [("norm", NORM), ("element", ELEMENT)])
def test_the_line_is_what_may_be_chance_and_the_same_in_every_format(dtype, measure, limit):
    at, beyond = facts(**{measure: limit}), facts(**{measure: 1.001 * limit})
    assert judge(at, at, dtype=dtype)["outcome"] == "right"
    assert judge(beyond, beyond, dtype=dtype)["outcome"] == "imprecise"


@pytest.mark.parametrize(
    ("measure", "autograd", "limit"), [("norm", (3.0, 1.0), 6.0), ("element", (1.0, 7.0), 14.0)]
)
def test_twice_what_autograd_is_off_is_no_mistake(measure, autograd, limit):
    at = facts(**{measure: limit}, autograd=autograd)
    beyond = facts(**{measure: 1.001 * limit}, autograd=autograd)
    assert judge(at, at)["outcome"] == "right"
    assert judge(beyond, beyond)["outcome"] == "imprecise"
    assert judge(beyond)["outcome"] == "imprecise"


@pytest.mark.parametrize("infinite", [INF, "inf"])
def test_that_autograd_is_infinitely_off_excuses_nothing(infinite):
    off = facts(norm=5e9, element=10.0, autograd=(infinite, infinite), autograd_lost=True)
    near = facts(norm=NORM, element=ELEMENT, autograd=(infinite, infinite), autograd_lost=True)
    assert judge(off, off)["outcome"] == "wrong"
    assert judge(near, near)["outcome"] == "right"


def test_that_autograd_is_near_does_not_narrow_the_line():
    near = facts(norm=NORM, element=ELEMENT, autograd=(0.0, 0.0))
    assert judge(near, near)["outcome"] == "right"


def test_autograds_error_by_norm_does_not_excuse_an_element():
    off = facts(norm=5.0, element=1e10, autograd=(3.0, 1.0))  # 5 is less than twice 3
    verdict = judge(off, off, dtype="float64")
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == (
        "off by 1.00e10 times the rounding noise at 2 of 40 elements, the most at index (1, 2) of "
        "run 3; autograd is off by 1.0; the limit is 9.0"
    )


# the formula


def test_a_formula_is_judged_in_float64_however_near_the_format_is():
    assert judge(facts(norm=0.5), formula=facts(norm=5e9, autograd=(0.5, 0.5))) == {
        "outcome": "wrong",
        "reason": "in float64 off by 5.00e9 times the rounding noise; "
        "autograd is off by 0.50; the limit is 4.0",
        "limit": 2.0**-18,
        "diagnosis": None,
    }


def test_of_float64_it_goes_without_saying_where_the_formula_is_judged():
    off = facts(norm=5e9)
    verdict = judge(off, off, dtype="float64")
    assert verdict["reason"] == (
        "off by 5.00e9 times the rounding noise; autograd is off by 1.0; the limit is 4.0"
    )


def test_a_single_element_that_is_off_is_wrong_and_told_with_its_place():
    verdict = judge(formula=facts(element=9.5e9))
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == (
        "in float64 off by 9.50e9 times the rounding noise at 2 of 40 elements, the most at "
        "index (1, 2) of run 3; autograd is off by 1.0; the limit is 9.0"
    )


def test_a_mistake_that_was_found_is_the_diagnosis_of_a_wrong_formula():
    verdict = judge(formula=facts(norm=1e9), mistake=TWICE)
    assert verdict["outcome"] == "wrong"
    assert verdict["diagnosis"] == {
        "name": "a factor is wrong",
        "evidence": "it is 2 times the true one",
    }


def test_an_error_that_json_holds_as_text_is_infinite():
    verdict = judge(formula=facts(norm="inf", element="inf"))
    assert verdict["outcome"] == "wrong"
    assert "off by inf times the rounding noise" in verdict["reason"]


def test_a_wrong_formula_is_wrong_though_the_format_has_lost_values():
    lost = facts(norm=INF, element=INF, non_finite=LOST)
    verdict = judge(lost, formula=facts(norm=5e9), dtype="float16")
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"].startswith("in float64 off by 5.00e9 times")


# imprecise


def test_a_right_formula_that_the_format_spoils_is_imprecise():
    assert judge(facts(norm=5.0), mistake=TWICE) == {
        "outcome": "imprecise",
        "reason": "the formula is right, but the gradient is off by 5.00 times the rounding noise; "
        "autograd is off by 1.0; the limit is 4.0",
        "limit": 2.0**-18,
        "diagnosis": None,
    }


def test_a_single_element_that_the_format_spoils_is_imprecise():
    verdict = judge(facts(element=10.0))
    assert verdict["outcome"] == "imprecise"
    assert "off by 10.0 times the rounding noise at 2 of 40 elements" in verdict["reason"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_backward_that_computes_in_a_coarser_format_is_imprecise_and_named(dtype):
    off = facts(norm=1e6)
    verdict = judge(off, formula=off, mistake=INSIDE | {"format": "float16"}, dtype=dtype)
    assert verdict["outcome"] == "imprecise"
    assert verdict["diagnosis"] == {
        "name": "it is float16 inside",
        "evidence": "it is on its grid",
    }


def test_in_the_coarser_format_itself_it_is_right():
    mistake = INSIDE | {"format": "float16"}
    assert judge(formula=facts(norm=1e6), mistake=mistake, dtype="float16")["outcome"] == "right"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_format_that_is_no_finer_is_not_spoiled_by_it(dtype):
    mistake = INSIDE | {"format": "float16"}
    verdict = judge(facts(norm=5.0), formula=facts(norm=1e6), mistake=mistake, dtype=dtype)
    assert (verdict["outcome"], verdict["diagnosis"]) == ("imprecise", None)


# lost values


def test_a_lost_value_in_float64_is_wrong():
    lost = facts(norm=INF, element=INF, non_finite=LOST)
    reason = "nan at index (3, 1) of run 2, where the dtype can hold the true value 2.5"
    assert judge(lost, lost, dtype="float64") == {
        "outcome": "wrong",
        "reason": reason,
        "limit": 2.0**-18,
        "diagnosis": {"name": NO_NUMBER, "evidence": reason},
    }
    assert judge(formula=lost)["outcome"] == "wrong"
    assert judge(formula=lost)["reason"] == f"in float64 {reason}"


def test_an_element_of_a_complex_gradient_is_told_with_its_part():
    off = facts(norm=5.0, element=1e10, autograd=(3.0, 1.0)) | {"by_parts": True}
    lost = facts(norm=INF, element=INF, non_finite=LOST) | {"by_parts": True}
    assert "index (1; imaginary part) of run" in judge(off, off, dtype="float64")["reason"]
    assert "index (3; imaginary part) of run" in judge(lost, lost, dtype="float64")["reason"]


def test_a_lost_value_in_another_format_is_imprecise():
    lost = facts(norm=INF, element=INF, non_finite=LOST)
    reason = "nan at index (3, 1) of run 2, where the dtype can hold the true value 2.5"
    assert judge(lost, dtype="float16") == {
        "outcome": "imprecise",
        "reason": reason,
        "limit": 2.0**-18,
        "diagnosis": {"name": NO_NUMBER, "evidence": reason},
    }


@pytest.mark.parametrize("in_float64", [True, False])
def test_where_autograd_has_lost_values_too_nothing_is_told(in_float64):
    lost = facts(norm=INF, element=INF, non_finite=LOST, autograd_lost=True)
    verdict = judge(lost, formula=lost if in_float64 else None)
    assert verdict["outcome"] == "unresolved"
    assert verdict["reason"] == (
        f"{'in float64 ' * in_float64}nan at index (3, 1) of run 2, where the dtype "
        "can hold the true value 2.5; autograd has none there either"
    )


@pytest.mark.parametrize(("in_float64", "outcome"), [(True, "wrong"), (False, "imprecise")])
def test_what_only_the_manual_gradient_has_lost_is_no_common_loss(in_float64, outcome):
    alone = LOST | {"index": [3, 4], "run": 5}
    lost = facts(norm=INF, element=INF, non_finite=LOST, autograd_lost=True, lost_alone=alone)
    verdict = judge(lost, formula=lost if in_float64 else None)
    assert verdict["outcome"] == outcome
    assert verdict["reason"] == (
        f"{'in float64 ' * in_float64}nan at index (3, 4) of run 5, where the dtype "
        "can hold the true value 2.5"
    )


def test_that_autograd_has_lost_values_is_no_excuse_for_an_error():
    assert judge(formula=facts(norm=5e9, autograd_lost=True))["outcome"] == "wrong"


def test_a_value_beyond_the_format_is_not_lost():
    beyond = facts(non_finite=LOST | {"fits": False, "reference": None})
    assert judge(beyond, beyond)["outcome"] == "right"


# unresolved


@pytest.mark.parametrize(("noise", "outcome"), [(0.1249, "right"), (0.125, "unresolved")])
def test_where_half_the_gradient_would_pass_nothing_is_told(noise, outcome):
    verdict = judge(facts(noise=noise))  # 4 noises of 1/8 each are half the gradient
    assert verdict["outcome"] == outcome
    assert verdict["limit"] == 4 * noise


def test_noise_that_hides_half_the_gradient_is_the_reason_and_told_with_its_format():
    verdict = judge(facts(noise=0.25), dtype="bfloat16")
    assert verdict["reason"] == (
        "rounding noise in bfloat16 is 0.25 of the gradient at these inputs, so that half the "
        "gradient would pass"
    )


def test_noise_in_float64_leaves_every_format_unresolved():
    verdict = judge(formula=facts(noise=0.25))
    assert verdict["outcome"] == "unresolved"
    assert verdict["reason"].startswith("rounding noise in float64 is 0.25 of the gradient")


@pytest.mark.parametrize("noise", [INF, "inf"])
def test_a_gradient_that_is_truly_zero_is_unresolved(noise):
    verdict = judge(facts(noise=noise))
    assert verdict["outcome"] == "unresolved"
    assert verdict["limit"] == INF
    assert verdict["reason"] == "the true gradient is zero at these inputs"


def test_a_gradient_of_which_rounding_leaves_nothing_is_unresolved():
    verdict = judge(facts(noise="inf", norm=0.0, element=0.0, judged=0))
    assert verdict["outcome"] == "unresolved"
    assert verdict["reason"] == (
        "float32 cannot hold the true gradient, or its rounding errors make a plain program "
        "overflow or fail at these inputs"
    )


def test_decisions_that_rounding_may_turn_can_hide_half_the_gradient():
    assert judge(facts(jumps=0.49, noise=2.0**-10))["outcome"] == "right"
    assert judge(facts(jumps=0.5, noise=2.0**-10))["outcome"] == "unresolved"


def test_an_error_is_seen_through_any_noise():
    loud = facts(norm=5.0, noise=0.25)
    assert judge(loud)["outcome"] == "imprecise"
    louder = facts(norm=5e9, noise=0.25)
    assert judge(loud, louder)["outcome"] == "wrong"


def test_where_autograd_is_no_reference_nothing_is_right_or_wrong():
    reason = "forward.py: autograd has another derivative"
    for formula in (facts(), facts(norm=1e6), facts(non_finite=LOST)):
        assert judge(formula=formula, oracle=f"{reason}.", mistake=TWICE) == {
            "outcome": "unresolved",
            "reason": reason,
            "limit": 2.0**-18,
            "diagnosis": None,
        }


# rounded constants


SHORT = {
    "kind": "constant",
    "name": "a constant has 10 digits",
    "evidence": "it fits",
    "digits": 10,
}


def test_a_gradient_that_is_right_but_for_a_rounded_constant_has_an_outcome_of_its_own():
    own = facts(norm=1e6)
    assert judge(own, own, SHORT, dtype="float64") == {
        "outcome": "rounded constant",
        "reason": "right to 0.95: a constant has 10 digits",  # 1e6 noises of 2^-20 each
        "limit": 2.0**-18,
        "diagnosis": None,
        "digits": 10,
    }


def test_a_rounded_constant_that_a_dtype_does_not_see_is_right_there():
    assert judge(formula=facts(norm=1e6), mistake=SHORT)["outcome"] == "right"


# no function of its inputs


def test_a_gradient_that_backward_does_not_give_is_wrong_with_the_authors_line():
    sentence = "backward.py:2: dW is float64 but W is float32."
    assert judge(refused=sentence) == {
        "outcome": "wrong",
        "reason": sentence.rstrip("."),
        "limit": 2.0**-18,
        "diagnosis": {
            "name": "backward returns no usable gradient",
            "evidence": sentence.rstrip("."),
        },
    }


def test_a_second_call_that_gives_something_else_is_wrong_whatever_the_first_gave():
    mistake = {"kind": "accumulated", "name": "it adds to what was left", "evidence": "it doubles"}
    verdict = judge(facts(identical=True), second_call="twice the first", mistake=mistake)
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == "a second call on the same inputs gave twice the first"
    assert verdict["diagnosis"] == {"name": "it adds to what was left", "evidence": "it doubles"}


def call(norm=1.0, element=1.0, apart=0.5, ulps=1.0):
    """The facts about a second call that is as far off as that, and so far from the first one."""
    error = {"norm": norm, "element": element}
    return {
        "error": error,
        "apart": {"norm": apart, "element": apart},
        "unequal": 3,
        "ulps": ulps,
    }


def test_two_calls_that_differ_by_rounding_are_right_and_not_reproducible():
    own = facts(second=call())
    words = "two calls differ by 1 ulp in 3 of 40 elements"
    assert judge(own, second_call="other bits") == {
        "outcome": "right",
        "reason": f"not reproducible: {words}; 1.0 times the rounding noise from the reference",
        "limit": 2.0**-18,
        "diagnosis": None,
        "calls_differ": words,
    }


def test_the_greatest_difference_of_two_calls_is_told():
    verdict = judge(facts(second=call(ulps=12.0)), second_call="other bits")
    assert verdict["calls_differ"] == "two calls differ by up to 12 ulps in 3 of 40 elements"


@pytest.mark.parametrize(
    "second", [call(norm=NORM * 1.01), call(element=ELEMENT * 1.01)], ids=["norm", "element"]
)
def test_a_second_call_beyond_the_limit_of_a_correct_gradient_is_wrong(second):
    verdict = judge(facts(second=second), second_call="other bits")
    assert verdict["outcome"] == "wrong"
    assert "keeps a state" in verdict["diagnosis"]["name"]


def test_a_first_call_beyond_the_limit_is_wrong_though_the_second_is_near():
    assert judge(facts(norm=5.0, second=call()), second_call="other bits")["outcome"] == "wrong"


def test_a_second_call_that_differs_in_float64_alone_is_wrong_in_every_dtype():
    verdict = judge(formula=facts(second=call(norm=5e9)))
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == "in float64 a second call on the same inputs gave another gradient"


def test_a_wrong_formula_is_named_though_its_calls_differ_by_rounding():
    own = facts(norm=1e9, second=call(norm=1e9))
    verdict = judge(own, own, TWICE, dtype="float64", second_call="other bits")
    assert verdict["outcome"] == "wrong"
    assert verdict["diagnosis"]["name"] == "a factor is wrong"
    far = facts(norm=1e9, second=call(norm=1e9, apart=6.0))  # two roundings are 1.41 times 4
    verdict = judge(far, far, dtype="float64", second_call="other bits")
    assert "keeps a state" in verdict["diagnosis"]["name"]


def test_what_another_call_left_is_wrong_where_no_two_calls_have_the_same_bits():
    kept = {"kind": "other inputs", "apart": 0.5, "refused": None}
    verdict = judge(facts(second=call()), second_call="other bits", layouts=[kept])
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == (
        "after a call on other inputs, the gradient is off by 0.50 of its norm"
    )
    assert verdict["diagnosis"]["name"].startswith("backward keeps what an earlier call")
    near = kept | {"apart": 1e-6}
    assert judge(facts(second=call()), second_call="other bits", layouts=[near])["outcome"] == (
        "right"
    )


def test_a_cotangent_of_zeros_that_gives_something_is_wrong_and_named():
    reason = "for a cotangent of zeros it gives values up to 3"
    verdict = judge(facts(identical=True), zero_cotangent="values up to 3")
    assert verdict["outcome"] == "wrong"
    assert verdict["reason"] == reason
    assert verdict["diagnosis"] == {
        "name": "a term is not multiplied by the cotangent",
        "evidence": reason,
    }


def test_of_nothing_but_rounding_noise_no_layout_tells_anything():
    far = {"kind": "transposed", "apart": 2.2, "refused": None}
    assert judge(layouts=[far])["outcome"] == "wrong"
    assert judge(facts(noise=INF), layouts=[far])["outcome"] == "unresolved"
    fails = {"kind": "transposed", "apart": 0.0, "refused": "backward.py:1: it fails."}
    assert judge(facts(noise=INF), layouts=[fails])["outcome"] == "wrong"


@pytest.mark.parametrize(("share", "outcome"), [(0.99, "right"), (1.01, "wrong")])
def test_what_a_cotangent_of_zeros_gives_may_be_rounding(share, outcome):
    half = (NORM * SHARE) ** 0.5  # of the digits that rounding leaves
    told = {"zero_cotangent": "values up to 1e-3", "zero_share": share * half}
    assert judge(**told)["outcome"] == outcome


def test_a_small_term_without_the_cotangent_is_judged_by_the_error_that_it_makes():
    told = {"zero_cotangent": "values up to 1e-9", "zero_share": 1e-9}
    off = facts(norm=1e-9 / SHARE * 1e12)
    assert judge(off, formula=off, **told)["outcome"] == "wrong"


def test_no_rounding_explains_what_a_cotangent_of_zeros_gives_where_the_gradient_is_zero():
    told = {"zero_cotangent": "values up to 3", "zero_share": INF}
    assert judge(facts(noise=INF), **told)["outcome"] == "wrong"


def test_a_mistake_that_was_found_is_told_rather_than_the_cotangent():
    verdict = judge(zero_cotangent="values up to 3", mistake=TWICE)
    assert verdict["outcome"] == "wrong"
    assert verdict["diagnosis"]["name"] == "a factor is wrong"


def test_a_cotangent_of_zeros_may_give_no_numbers():
    assert judge(zero_cotangent="inf or nan")["outcome"] == "right"


@pytest.mark.parametrize(
    "calls",
    [
        {"refused": "backward.py:1: it fails."},
        {"second_call": "other bits"},
        {"zero_cotangent": "values up to 3"},
    ],
    ids=["refused", "wavering", "off zero"],
)
def test_what_needs_no_reference_is_wrong_where_autograd_is_none(calls):
    assert judge(oracle="autograd is no reference", **calls)["outcome"] == "wrong"


def test_what_was_refused_comes_before_all_that_was_measured():
    verdict = judge(
        refused="backward.py:1: it fails.",
        second_call="other bits",
        zero_cotangent="values up to 3",
        formula=facts(norm=5.0, non_finite=LOST),
    )
    assert verdict["reason"] == "backward.py:1: it fails"


def test_what_the_calls_showed_of_one_gradient():
    calls: Calls = {
        "refused": {"W": "backward.py:1: dW is float64."},
        "second_call": {"x": "same bits", "W": "other bits"},
        "zero_cotangent": {"x": "values up to 3", "W": "inf or nan"},
        "zero_share": {"x": 0.75, "W": "inf"},
        "changed_inputs": ["x"],
        "kept_state": ["W"],
        "other_layouts": [
            {"kind": "expanded", "apart": {"W": "inf"}, "refused": {}},
            {"kind": "gaps", "apart": {"x": 0.5}, "refused": {}},
        ],
    }
    assert calls_of(calls, "x") == {
        "refused": None,
        "second_call": "same bits",
        "zero_cotangent": "values up to 3",
        "zero_share": 0.75,
        "changed_inputs": ["x"],
        "kept_state": False,
        "layouts": [{"kind": "gaps", "apart": 0.5, "refused": None}],
    }
    assert calls_of(calls, "W") == {
        "refused": "backward.py:1: dW is float64.",
        "second_call": "other bits",
        "zero_cotangent": "inf or nan",
        "zero_share": INF,
        "changed_inputs": ["x"],
        "kept_state": True,
        "layouts": [{"kind": "expanded", "apart": INF, "refused": None}],
    }


def test_a_backward_without_a_cotangent_is_taken_to_give_zero_for_zeros():
    calls: Calls = {
        "refused": {},
        "second_call": {"x": "same bits"},
        "zero_cotangent": {},
        "changed_inputs": [],
    }
    shown = calls_of(calls, "x")
    assert (shown["zero_cotangent"], shown["zero_share"]) == ("zero", 0.0)


@pytest.mark.parametrize(
    ("outcomes", "worst"),
    [
        (["right", "right"], "right"),
        (["right", "unresolved"], "unresolved"),
        (["unresolved", "imprecise", "right"], "imprecise"),
        (["imprecise", "wrong"], "wrong"),
        (["right", "rounded constant"], "rounded constant"),
    ],
)
def test_all_together_are_as_good_as_the_worst(outcomes, worst):
    verdicts: Any = [{"outcome": outcome} for outcome in outcomes]
    assert worst_outcome(verdicts) == worst


def test_a_gradient_that_is_refused_is_neither_wrong_nor_right():
    near = {"norm": 1.0, "element": 1.0, "fault": None}
    limits = {"norm": 4.0, "element": 9.0}
    facts: Any = {
        f"d{name}": {"manual": {"norm": off, "element": off}, "autograd": near, "limits": limits}
        for name, off in {"x": 5.0, "W": 1.0, "s": 5.0, "b": 5.0}.items()
    }
    calls: Any = {
        "second_call": {"x": "same bits", "W": "same bits", "s": "other bits", "b": "same bits"},
        "refused": {"b": "it is None"},
    }
    assert wrong_and_right(facts, calls) == (["x"], ["W", "s"])
    facts["ds"]["second"] = call(norm=5.0)
    assert wrong_and_right(facts, calls) == (["x", "s"], ["W"])


# autograd is a party


FAULT = {"operation": "digamma", "error": 5e-10}


def test_a_gradient_is_right_where_autograd_is_proven_to_be_off():
    own = facts(norm=0.5, autograd=(1e6, 2e6), fault=FAULT)
    verdict = judge(own, formula=own, dtype="float64")
    assert verdict["outcome"] == "right"
    assert verdict["reason"] == (
        "0.50 times the rounding noise from the reference; autograd is off by 2.0e6: "
        "torch's derivative of digamma is 5.0e-10 of its size off"
    )


def test_that_autograds_rule_is_at_fault_excuses_nothing():
    own = facts(norm=1e9, autograd=(1e6, 2e6), fault=FAULT)
    verdict = judge(own, formula=own, dtype="float64")
    assert verdict["outcome"] == "wrong"
    assert "both are off: torch's derivative of digamma" in verdict["reason"]


def test_a_fault_that_the_dtype_cannot_see_is_not_told():
    verdict = judge(facts(norm=0.5, fault=FAULT), formula=facts(fault=FAULT))
    assert verdict["reason"] == "0.50 times the rounding noise from the reference"


def test_where_autograd_is_in_doubt_nothing_is_resolved():
    assert judge(oracle="they disagree.")["outcome"] == "unresolved"
