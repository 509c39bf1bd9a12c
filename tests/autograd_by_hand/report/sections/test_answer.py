from autograd_by_hand.report.sections.answer import Failure, answer_of
from tests.autograd_by_hand.report.made_up import (
    DTYPES,
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
