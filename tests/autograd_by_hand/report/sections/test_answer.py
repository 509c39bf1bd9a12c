from typing import Any

import pytest

from autograd_by_hand.report.sections.answer import Failure, Unsteady, answer_of
from tests.autograd_by_hand.report.made_up import (
    DTYPES,
    calls,
    facts,
    measurements,
    tails,
    verdict,
    verdicts,
)


def judged(*each):
    return measurements(judgement={"verdicts": list(each), "acceptance": []})


def test_where_all_is_right_there_is_no_failure():
    answer = answer_of(measurements())
    assert answer.failures == []
    assert (answer.identical, answer.identical_everywhere) == (DTYPES, True)
    assert (answer.runs, answer.closely) == (20, 20)


def test_a_format_with_one_unequal_gradient_is_not_identical():
    other = facts()
    other["samples"]["trial"]["gradients"]["dW"]["identical"] = False
    answer = answer_of(measurements(facts={"float32": facts(), "float16": other}))
    assert (answer.identical, answer.identical_everywhere) == (["float32"], False)


def test_a_format_with_one_unequal_element_in_a_later_run_is_not_identical():
    answer = answer_of(measurements(tails={"float32": tails(unequal=1), "float16": tails()}))
    assert answer.identical == ["float16"]


def test_that_autograd_is_off_is_told_where_its_error_is_seen():
    fault = {"operation": "digamma", "error": 4e-10}
    off = facts()
    gradients = off["samples"]["trial"]["gradients"]
    gradients["dW"] = gradients["dW"] | {"autograd": {"norm": 5.0, "element": 1.0, "fault": fault}}
    answer = answer_of(measurements(facts={"float32": facts(), "float16": off}))
    assert (answer.fault, answer.off) == (fault, ["float16"])
    assert answer_of(measurements()).fault is None


def test_what_differs_from_call_to_call_by_rounding_is_told_once_for_all_alike():
    each = [one | {"calls_differ": "by 1 ulp"} for one in verdicts(dx="right", dW="right")]
    own = facts()
    far = {"norm": 1.0, "element": 1.0}
    for one in own["samples"]["trial"]["gradients"].values():
        one["second"] = {"error": far, "apart": far, "unequal": 1, "ulps": 1.0}
        one["manual"] = far
    second = {"x": "other bits", "W": "other bits"}
    told = measurements(
        judgement={"verdicts": each, "acceptance": []},
        facts=dict.fromkeys(DTYPES, own),
        calls=dict.fromkeys(DTYPES, calls(second_call=second)),
    )
    assert answer_of(told).unsteady == [Unsteady(["dx", "dW"], DTYPES, "by 1 ulp")]
    for one in own["samples"]["trial"]["gradients"].values():
        one["second"]["error"] = {"norm": 1e9, "element": 1.0}  # a state, which is a mistake
    assert answer_of(told).unsteady == []


def test_what_fails_alike_is_told_once():
    each = [one | {"reason": "too far off"} for one in verdicts(dx="wrong", dW="wrong")]
    assert answer_of(judged(*each)).failures == [
        Failure("wrong", ["dx", "dW"], DTYPES, None, None, "too far off")
    ]


def test_failures_stand_by_outcome_the_worst_first_and_then_by_mistake():
    sign, factor = ("the sign is wrong", "-1 times"), ("a factor is forgotten", "2 times")
    answer = answer_of(
        judged(
            verdict("dx", "float16", "unresolved", "noisy"),
            verdict("dx", "float32", "imprecise", "coarse"),
            verdict("dx", "float32", "wrong", "off", sign),
            verdict("dW", "float32", "wrong", "off", factor),
            verdict("dW", "float16", "right"),
        )
    )
    assert [(one.outcome, one.mistake) for one in answer.failures] == [
        ("wrong", "a factor is forgotten"),
        ("wrong", "the sign is wrong"),
        ("imprecise", None),
        ("unresolved", None),
    ]


def test_a_reason_that_is_the_evidence_is_not_told_twice():
    (failure,) = answer_of(
        judged(verdict("dx", "float32", "wrong", "2 x", ("slip", "2 x")))
    ).failures
    assert (failure.mistake, failure.evidence, failure.reason) == ("slip", "2 x", None)


def test_mistakes_that_differ_in_case_alone_are_two():
    upper = verdict("dx", "float32", "wrong", "off", ("`W` is missing", "e"))
    lower = verdict("dx", "float32", "wrong", "off", ("`w` is missing", "e"))
    assert len(answer_of(judged(upper, lower)).failures) == 2


ROUND: Any = {"kind": "step", "operation": "round", "line": 3}
DETACH: Any = {"kind": "detach", "operation": "detach", "line": 4}


@pytest.mark.parametrize(
    ("outcome", "reason", "surrogate", "steps"),
    [
        ("wrong", None, None, [ROUND]),
        ("unresolved", None, None, [ROUND]),
        ("right", None, None, []),
        ("imprecise", None, None, []),
        ("unresolved", "a detach", None, []),  # told with the reason
        ("wrong", None, "soft.py", []),
    ],
)
def test_the_steps_of_forward_are_told_where_they_may_be_why(outcome, reason, surrogate, steps):
    oracle: Any = {"reason": reason, "autograd": 1.0, "difference": 1.0, "uncertain": 0.0}
    made = measurements(
        judgement={"verdicts": verdicts(dx=outcome), "acceptance": []},
        oracle=oracle | {"stops": [DETACH, ROUND]},
        surrogate=surrogate,
    )
    answer = answer_of(made)
    assert (answer.steps, answer.surrogate) == (steps, surrogate)


def test_the_use_of_autograd_is_told() -> None:
    use = {"whole": True, "gradients": ["x"], "nodes": [], "lines": [4], "allowed": False}
    judgement = {"verdicts": verdicts(), "acceptance": [], "autograd": use}
    assert answer_of(measurements(judgement=judgement)).autograd == use
    assert answer_of(measurements()).autograd is None
