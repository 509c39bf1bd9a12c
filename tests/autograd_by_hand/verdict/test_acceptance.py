from typing import Any

import pandas as pd
import pytest

from autograd_by_hand.diagnosis.mistake import UNKNOWN
from autograd_by_hand.storage.missing import Missing
from autograd_by_hand.verdict.acceptance import evaluate

CLAIM = "it does"
ERRORS = pd.DataFrame(
    [  # dtype, comparison, sample, run, gradient, max_abs, max_ulp, rel_norm
        ("float32", "manual_vs_autograd", "trial", 0, "dx", 1.0, 10.0, 0.1),
        ("float32", "manual_vs_autograd", "trial", 1, "dW", 3.0, 30.0, 0.3),
        ("float32", "manual_vs_autograd", "trial", 2, "dx", 2.0, 20.0, 0.2),
        ("float32", "manual_vs_autograd", "example", 0, "dx", 500.0, 500.0, 500.0),
        ("float32", "manual_vs_reference", "trial", 0, "dx", 600.0, 600.0, 600.0),
        ("float16", "manual_vs_autograd", "trial", 0, "dx", 700.0, 700.0, 700.0),
    ],
    columns=[
        "dtype", "comparison", "sample", "run", "gradient", "max_abs", "max_ulp", "rel_norm",
    ],
)  # fmt: skip
NODES: Any = [{"type": name} for name in ("AddmmBackward0", "AccumulateGrad", "AccumulateGrad")]


def evaluated(**criterion):
    wanted: Any = {"claim": CLAIM, **criterion}
    return evaluate(wanted, ERRORS, NODES, [], {}, [])


def bounded(measure="max_abs", **settings):
    wanted = {"dtype": "float32", "comparison": "manual_vs_autograd", "measure": measure}
    return evaluated(errors=wanted | settings)


@pytest.mark.parametrize(
    ("bound", "holds"),
    [
        ({"every": {"below": 3.5}}, True),
        ({"every": {"below": 3}}, False),
        ({"every": {"below": 0.5}}, False),
        ({"some": {"below": 1.5}}, True),
        ({"some": {"below": 1}}, False),
        ({"every": {"above": 0.5}}, True),
        ({"every": {"above": 1}}, False),
        ({"every": {"above": 5}}, False),
        ({"some": {"above": 2.5}}, True),
        ({"some": {"above": 3}}, False),
    ],
)
def test_a_bound_holds_for_every_row_or_for_some_on_one_side(bound, holds):
    assert bounded(**bound)["holds"] is holds


@pytest.mark.parametrize(
    ("bound", "measured"),
    [
        ({"every": {"below": 2.5}}, "greatest absolute difference 3.00 (dW, run 1); 2 of 3 are below 2.5"),
        ({"some": {"above": 2.5}}, "greatest absolute difference 3.00 (dW, run 1); 1 of 3 are above 2.5"),
        ({"every": {"above": 2.5}}, "least absolute difference 1.00 (dx, run 0); 1 of 3 are above 2.5"),
        ({"some": {"below": 2.5}}, "least absolute difference 1.00 (dx, run 0); 2 of 3 are below 2.5"),
    ],
)  # fmt: skip
def test_what_was_measured_is_the_row_that_decides_and_how_many_hold(bound, measured):
    found = bounded(**bound)
    assert (found["criterion"], found["measured"]) == (CLAIM, measured)


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        ("max_abs", "greatest absolute difference 3.00 "),
        ("max_ulp", "greatest difference in ulps 30.0 "),
        ("rel_norm", "greatest difference relative to the norm 0.300 "),
    ],
)
def test_each_measure_is_read_from_its_own_column(measure, words):
    assert bounded(measure, every={"below": 1})["measured"].startswith(words)


def test_another_sample_is_read_if_it_is_named():
    assert bounded(sample="example", every={"above": 400})["holds"]


@pytest.mark.parametrize("quantifier", ["every", "some"])
@pytest.mark.parametrize("side", ["below", "above"])
def test_a_bound_on_nothing_never_holds(quantifier, side):
    found = bounded(dtype="float64", **{quantifier: {side: 1}})
    assert not found["holds"]
    assert found["measured"] == "nothing was measured with float64, manual_vs_autograd, trial"


def test_an_infinite_error_is_below_nothing_and_above_everything():
    errors = ERRORS.assign(max_abs=float("inf"))
    for side, holds in (("below", False), ("above", True)):
        wanted: Any = {
            "dtype": "float32",
            "comparison": "manual_vs_autograd",
            "measure": "max_abs",
            "every": {side: 1e300},
        }
        assert (
            evaluate({"claim": CLAIM, "errors": wanted}, errors, [], [], {}, [])["holds"] is holds
        )


def test_a_graph_holds_if_it_has_every_type_wanted():
    found = evaluated(graph=["AccumulateGrad", "AddmmBackward0"])
    assert found == {
        "criterion": CLAIM,
        "measured": "3 nodes, among them 2 AccumulateGrad, 1 AddmmBackward0",
        "holds": True,
    }


def test_a_graph_that_lacks_one_type_does_not_hold():
    found = evaluated(graph=["AddmmBackward0", "TBackward0"])
    assert not found["holds"]
    assert "0 TBackward0" in found["measured"]


def attributed(refused=None, **shares):
    """The criterion on the attribution of one gradient, by its shares."""
    rows = [
        {"gradient": "dx", "factor": factor, "share": share} for factor, share in shares.items()
    ]
    found: Any = {"float32": {"refused": refused, "runs": 5, "shares": rows}}
    return evaluate({"claim": CLAIM, "attribution": "float32"}, ERRORS, [], [], found, [])


def test_an_attribution_holds_and_names_the_greatest_share():
    found = attributed(forward_order=0.25, backward_fma=0.75)
    assert found["holds"]
    assert found["measured"].endswith("most of the squared difference: dx 75.0 % backward fma")


def test_an_attribution_without_a_difference_holds():
    found = attributed(forward_order=None, backward_fma=None)
    assert found["holds"]
    assert "no difference" in found["measured"]


def test_an_attribution_that_was_refused_does_not_hold_and_says_why():
    found = attributed(
        "from run to run, backward makes other operations, or the same with other numbers or shapes"
    )
    assert not found["holds"]
    assert (
        found["measured"]
        == "not traced: from run to run, backward makes other operations, or the same with other numbers or shapes"
    )


@pytest.mark.parametrize(
    ("outcomes", "measured", "holds"),
    [
        (["right", "right"], "2 of 2 are right", True),
        (["right", "wrong"], "1 of 2 are right", False),
        (["imprecise"], "0 of 1 are right", False),
        ([], "0 of 0 are right", False),
    ],
)
def test_a_verdict_holds_if_all_have_it_and_there_is_one(outcomes, measured, holds):
    verdicts: Any = [{"outcome": outcome} for outcome in outcomes]
    found = evaluate({"claim": CLAIM, "verdict": "right"}, ERRORS, [], verdicts, {}, [])
    assert found == {"criterion": CLAIM, "measured": measured, "holds": holds}


@pytest.mark.parametrize(
    ("wanted", "allowed", "holds"),
    [("right", False, False), ("right", True, True), ("wrong", False, True)],
)
def test_a_right_gradient_of_autograds_own_has_to_be_allowed(wanted, allowed, holds):
    use: Any = {"whole": True, "gradients": ["x"], "nodes": [], "lines": [4, 7], "allowed": allowed}
    verdicts: Any = [{"outcome": wanted}]
    found = evaluate({"claim": CLAIM, "verdict": wanted}, ERRORS, [], verdicts, {}, [], use)
    assert found["holds"] == holds
    assert found["measured"] == f"1 of 1 are {wanted}" + (
        ""
        if holds
        else ", but backward uses autograd (backward.py:4 and backward.py:7); if it may, write "
        "autograd: allowed in config.yaml"
    )


@pytest.mark.parametrize(
    ("more", "measured", "holds"),
    [
        ({}, "2 of 2 have the same bits in a second call", True),
        (
            {"calls_differ": "two calls differ"},
            "1 of 2 have the same bits in a second call; two calls differ",
            False,
        ),
    ],
)
def test_the_same_bits_in_each_call_can_be_wanted(more, measured, holds):
    verdicts: Any = [{"outcome": "right"}, {"outcome": "right", **more}]
    wanted: Any = {"claim": CLAIM, "second_call": "same_bits"}
    told = evaluate(wanted, ERRORS, NODES, verdicts, {}, [])
    assert told == {"criterion": CLAIM, "measured": measured, "holds": holds}


@pytest.mark.parametrize(
    ("digits", "measured", "holds"),
    [
        (None, "1 of 2 are right", False),
        (11, "1 of 2 are right", False),
        (10, "2 of 2 are right, 1 of them but for constants of 10 digits or more", True),
    ],
)
def test_constants_of_a_few_digits_are_right_where_the_config_says_so(digits, measured, holds):
    verdicts: Any = [{"outcome": "right"}, {"outcome": "rounded constant", "digits": 10}]
    wanted: Any = {"claim": CLAIM, "verdict": "right"}
    told = evaluate(wanted, ERRORS, NODES, verdicts, {}, [], digits=digits)
    assert told == {"criterion": CLAIM, "measured": measured, "holds": holds}


def test_another_verdict_than_right_can_be_wanted():
    verdicts: Any = [{"outcome": "wrong"}]
    found = evaluate({"claim": CLAIM, "verdict": "wrong"}, ERRORS, [], verdicts, {}, [])
    assert found["holds"]


NAMED = {"outcome": "wrong", "diagnosis": {"name": "the sign is wrong", "evidence": "it is"}}
CAUGHT = {"outcome": "wrong", "diagnosis": {"name": UNKNOWN, "evidence": "at index (0,)"}}
UNNAMED = {"outcome": "imprecise", "diagnosis": None}
MISSED = {"outcome": "right", "diagnosis": None}
NOTHING = {"outcome": "unresolved", "diagnosis": None}


@pytest.mark.parametrize(
    ("tried", "measured", "holds"),
    [
        ([[NAMED, MISSED]], "1 of 1 are caught, 1 are named", True),
        ([[UNNAMED, NAMED | {"outcome": "imprecise"}]], "1 of 1 are caught, 1 are named", True),
        ([[NAMED], [CAUGHT, UNNAMED]], "2 of 2 are caught, 1 are named", False),
        ([[NAMED], [MISSED, NOTHING]], "1 of 2 are caught, 1 are named", False),
        ([[NAMED | {"outcome": "unresolved"}]], "0 of 1 are caught, 0 are named", False),
        ([], "0 of 0 are caught, 0 are named", False),
    ],
)
def test_pitfalls_hold_if_each_is_caught_and_named_in_one_of_its_gradients(tried, measured, holds):
    pitfalls: Any = [{"mistake": "one", "verdicts": verdicts} for verdicts in tried]
    found = evaluate({"claim": CLAIM, "pitfalls": "named"}, ERRORS, [], [], {}, pitfalls)
    assert found == {"criterion": CLAIM, "measured": measured, "holds": holds}


GONE = Missing("a_stage", None, "could not be computed: KeyError", "a.log")


@pytest.mark.parametrize(
    "wanted",
    [
        {"graph": ["AccumulateGrad"]},
        {"pitfalls": "named"},
        {"errors": {"dtype": "float32", "comparison": "reordered_vs_autograd", "measure": "max_abs", "every": {"below": 9}}},
    ],
)  # fmt: skip
def test_a_criterion_does_not_hold_if_what_it_needs_is_missing(wanted):
    given: Any = {"claim": CLAIM} | wanted
    found = evaluate(given, ERRORS, GONE, [], {}, GONE, reordered={"float32": GONE})
    assert (found["measured"], found["holds"]) == ("could not be computed: KeyError", False)


def test_what_is_missing_elsewhere_is_no_matter_to_a_criterion():
    bound = {
        "dtype": "float32",
        "comparison": "manual_vs_autograd",
        "measure": "max_abs",
        "every": {"below": 9},
    }
    given: Any = {"claim": CLAIM, "errors": bound}
    assert evaluate(given, ERRORS, GONE, [], {}, GONE, reordered={"float32": GONE})["holds"]
