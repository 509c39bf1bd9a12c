import pytest

from autograd_by_hand.report.sections.verdict import Opinion, Oracle, Row, verdict_of
from tests.autograd_by_hand.report.made_up import measurements, verdict, verdicts


def judged(*each):
    return measurements(judgement={"verdicts": list(each), "acceptance": []})


def test_the_rows_stand_gradient_by_gradient_with_their_figures():
    rows = verdict_of(measurements()).rows
    assert [(row.gradient, row.dtype) for row in rows] == [
        ("dx", "float32"),
        ("dx", "float16"),
        ("dW", "float32"),
        ("dW", "float16"),
    ]
    assert rows[0] == Row("dx", "float32", "right", 0.5, 0.75, 4.0, 0.0625, 0.25, True)


def test_a_row_whose_two_calls_differ_is_not_steady():
    wavering = [one | {"calls_differ": "two calls differ"} for one in verdicts(dW="right")]
    assert [row.steady for row in verdict_of(judged(*wavering)).rows] == [False] * 4


def test_the_right_are_counted_and_the_others_have_reasons():
    told = verdict_of(judged(*verdicts(dW="wrong")))
    assert told.right == 2
    assert [(one.gradient, one.dtype) for one in told.reasons] == [
        ("dW", "float32"),
        ("dW", "float16"),
    ]


@pytest.mark.parametrize(("evidence", "told"), [("2 times", "2 times"), ("off", None)])
def test_evidence_that_is_the_reason_is_not_told_twice(evidence, told):
    (reason,) = verdict_of(
        judged(verdict("dx", "float32", "wrong", "off", ("a slip", evidence)))
    ).reasons
    assert (reason.reason, reason.mistake, reason.evidence) == ("off", "a slip", told)


def test_the_second_opinions_are_handed_on():
    asked = {"refused": None, "objection": "no", "fast": False}
    told = verdict_of(measurements(gradcheck=asked))
    assert told.opinion == Opinion(None, "no", False)
    assert told.most == 9.0
    assert told.oracle == Oracle(None, None, 2.0, 2.5, 0.5)
