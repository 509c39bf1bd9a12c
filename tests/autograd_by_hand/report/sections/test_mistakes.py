from autograd_by_hand.report.sections.mistakes import Caught, Named, mistakes_of
from tests.autograd_by_hand.report.made_up import measurements, verdict


def tried(*verdicts):
    row = {"mistake": "A slip", "replace": "a", "by": "b", "verdicts": list(verdicts)}
    return mistakes_of(measurements(pitfalls=[row]))


def test_without_pitfalls_there_are_no_rows():
    assert mistakes_of(measurements()).rows == []


def test_a_mistake_is_caught_where_it_is_wrong_or_imprecise():
    told = tried(
        verdict("dx", "float32", "wrong"),
        verdict("dx", "float16", "wrong"),
        verdict("dW", "float32", "right"),
        verdict("dW", "float16", "imprecise"),
    )
    (row,) = told.rows
    assert row.caught == [Caught("imprecise", ["dW"], ["float16"]), Caught("wrong", ["dx"], None)]
    assert (row.mistake, row.replaced, row.by) == ("A slip", "a", "b")
    assert told.caught == 1


def test_a_mistake_that_is_right_or_unresolved_is_missed():
    told = tried(verdict("dx", "float32", "right"), verdict("dx", "float16", "unresolved"))
    assert (told.rows[0].caught, told.caught) == ([], 0)


def test_it_is_named_once_for_all_gradients_that_it_was_found_in():
    sign = ("the sign is wrong", "-1 times")
    told = tried(
        verdict("dx", "float32", "wrong", mistake=sign),
        verdict("dW", "float32", "wrong", mistake=sign),
        verdict("dW", "float16", "wrong", mistake=("a factor", "2 times")),
        verdict("dx", "float16", "unresolved", mistake=("not caught", "e")),
    )
    assert told.rows[0].named == [
        Named(["dW"], "a factor", "2 times"),
        Named(["dx", "dW"], "the sign is wrong", "-1 times"),
    ]
