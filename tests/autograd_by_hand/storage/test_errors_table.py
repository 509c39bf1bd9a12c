import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.storage.comparisons import COMPARISONS, MEASURES
from autograd_by_hand.storage.errors_table import read_csv, summarise, write_csv

INF = float("inf")


def rows(*values, dtype="float32", comparison="manual_vs_autograd", sample="trial", gradient="dx"):
    """One row a run; every measure is the value given, times 1, 10 and 100."""
    return pd.DataFrame(
        {
            "dtype": dtype,
            "comparison": comparison,
            "sample": sample,
            "run": range(len(values)),
            "gradient": gradient,
            "max_abs": [float(value) for value in values],
            "max_ulp": [10.0 * value for value in values],
            "rel_norm": [100.0 * value for value in values],
        }
    )


@given(st.lists(st.floats(min_value=0, allow_nan=False), min_size=1))
def test_every_float_reads_back_as_the_same_float(values):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "errors.csv")
        write_csv(path, rows(0).head(0).reindex(range(len(values))).assign(max_abs=values))
        assert read_csv(path)["max_abs"].tolist() == values


def test_a_table_reads_back_with_its_columns_its_rows_and_their_order(tmp_path):
    table = pd.concat([rows(1, INF), rows(0.5, sample="example")])
    write_csv(tmp_path / "errors.csv", table)
    assert read_csv(tmp_path / "errors.csv").to_dict("records") == table.to_dict("records")


def test_the_file_is_plain_csv_with_unix_line_ends(tmp_path):
    write_csv(tmp_path / "errors.csv", rows(0.1, INF).drop(columns=["max_ulp", "rel_norm"]))
    assert (tmp_path / "errors.csv").read_bytes() == (
        b"dtype,comparison,sample,run,gradient,max_abs\n"
        b"float32,manual_vs_autograd,trial,0,dx,0.1\n"
        b"float32,manual_vs_autograd,trial,1,dx,inf\n"
    )


@pytest.mark.parametrize("name", ["nan", "null", "inf", "na", "true"])
def test_a_sample_whose_name_means_something_else_elsewhere_keeps_it(tmp_path, name):
    write_csv(tmp_path / "errors.csv", pd.concat([rows(1), rows(2, sample=name)]))
    assert read_csv(tmp_path / "errors.csv")["sample"].tolist() == ["trial", name]


def test_a_summary_is_the_median_and_the_maximum_over_the_runs():
    assert summarise(rows(1, 4, 2), "trial") == [
        {
            "dtype": "float32",
            "comparison": "manual_vs_autograd",
            "gradient": "dx",
            "runs": 3,
            "max_abs_median": 2,
            "max_abs_max": 4,
            "max_ulp_median": 20,
            "max_ulp_max": 40,
            "rel_norm_median": 200,
            "rel_norm_max": 400,
        }
    ]


def test_an_infinity_is_the_maximum_and_leaves_the_median():
    (summary,) = summarise(rows(1, INF, 2), "trial")
    assert (summary["max_abs_median"], summary["max_abs_max"]) == (2, INF)


def test_a_summary_has_a_row_a_group_in_the_order_of_the_table():
    table = pd.concat(
        [
            rows(1, dtype="float64"),
            rows(1, gradient="dx"),
            rows(1, gradient="dW"),
            rows(1, gradient="dx", comparison="manual_vs_reference"),
            rows(1, dtype="float64"),
        ]
    )
    found = [
        (row["dtype"], row["comparison"], row["gradient"], row["runs"])
        for row in summarise(table, "trial")
    ]
    assert found == [
        ("float64", "manual_vs_autograd", "dx", 2),
        ("float32", "manual_vs_autograd", "dx", 1),
        ("float32", "manual_vs_autograd", "dW", 1),
        ("float32", "manual_vs_reference", "dx", 1),
    ]


def test_a_summary_is_of_one_sample_only():
    table = pd.concat([rows(1), rows(9, sample="example")])
    assert [row["max_abs_max"] for row in summarise(table, "example")] == [9]


def test_a_sample_without_rows_has_no_summary():
    assert summarise(rows(1), "other") == []


def test_a_comparison_names_what_is_compared_with_what():
    pairs = [comparison.split("_vs_") for comparison in COMPARISONS]
    assert all(len(pair) == 2 for pair in pairs)
    assert {second for _, second in pairs} == {"autograd", "reference"}


def test_the_measures_are_those_of_a_distance():
    from autograd_by_hand.floats.ulp import Distance

    assert tuple(Distance.__dataclass_fields__) == MEASURES
