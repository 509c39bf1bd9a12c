import pandas as pd
import pytest

from autograd_by_hand.report.experiment_index import Failure, index_of, index_text

ERRORS = pd.DataFrame(
    [
        ("float64", "manual_vs_autograd", "trial", 0.0),
        ("float32", "manual_vs_autograd", "trial", 3.0),
        ("float32", "manual_vs_autograd", "trial", 17.0),
        ("float32", "manual_vs_autograd", "example", 99.0),
        ("float32", "manual_vs_reference", "trial", 99.0),
    ],
    columns=["dtype", "comparison", "sample", "max_ulp"],
)


def experiment(outcomes=("right", "right"), holds=(True,), **config):
    return {
        "experiment": "one",
        "config": {"title": "One", "question": "Is it?"} | config,
        "acceptance": [{"holds": one} for one in holds],
        "verdicts": [
            {"gradient": name, "dtype": dtype, "outcome": outcome}
            for name, outcome in zip(("dx", "dW"), outcomes, strict=True)
            for dtype in ("float64", "float32")
        ],
    }, ERRORS


def test_the_worst_distance_is_that_of_the_trial_to_autograd_by_format():
    told = index_of([experiment()], ["float64", "float32", "bfloat16"])
    assert told.experiments[0].worst == {"float64": 0.0, "float32": 17.0}
    assert told.dtypes == ["float64", "float32"]


def test_right_verdicts_that_are_not_reproducible_are_told_so():
    manifest, errors = experiment()
    manifest["verdicts"][0]["calls_differ"] = "two calls differ"
    assert "| right, not reproducible |" in index_text(index_of([(manifest, errors)], []))
    assert "reproducible" not in index_text(index_of([experiment()], []))


def test_failures_stand_by_outcome():
    (row,) = index_of([experiment(("wrong", "imprecise"))], []).experiments
    both = ["float64", "float32"]
    assert row.failures == [Failure("imprecise", ["dW"], both), Failure("wrong", ["dx"], both)]
    assert row.outcome == "wrong"


@pytest.mark.parametrize(
    ("second", "counts"),
    [
        (experiment(), (2, 2, "right")),
        (experiment(holds=(True, False)), (2, 1, "wrong")),
        (experiment(("right", "unresolved")), (1, 2, "wrong")),
    ],
    ids=["all good", "a criterion missed", "one unresolved"],
)
def test_all_together_are_right_if_each_is_and_meets_its_criteria(second, counts):
    told = index_of([experiment(), second], [])
    assert (told.right, told.satisfied, told.outcome) == counts


def test_the_first_report_is_in_the_authors_own_language():
    rows = index_of([experiment(), experiment(languages=["es", "en"])], []).experiments
    assert [row.edition for row in rows] == ["", ".es"]


def test_missing_parts_are_counted_and_told():
    manifest, errors = experiment()
    rows = [
        experiment(),
        (manifest | {"missing": [{}]}, errors),
        (manifest | {"missing": [{}] * 2}, errors),
    ]
    told = index_of(rows, [])
    assert [row.missing for row in told.experiments] == [0, 1, 2]
    text = index_text(told)
    assert text.count("| right |") == 1
    assert text.count("| right (a part is missing) |") == 1
    assert text.count("| right (2 parts are missing) |") == 1
