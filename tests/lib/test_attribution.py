import pandas as pd
import pytest

from scripts.lib.attribution import attribute


def table(torch_sums, numpy_sums, dtype="float32", sample="trial"):
    """Errors of two runs; the differences from autograd are those given."""
    rows = [
        (dtype, sample, comparison, run, value)
        for comparison, values in (
            ("manual_vs_autograd", torch_sums),
            ("reordered_vs_autograd", numpy_sums),
            ("manual_vs_reference", [0.9, 0.9]),
        )
        for run, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["dtype", "sample", "comparison", "run", "max_abs"])


@pytest.mark.parametrize(
    ("torch_sums", "numpy_sums", "cause"),
    [
        ([0.0, 0.0], [0.0, 0.25], "sums"),
        ([0.0, 0.0], [0.0, 0.0], "none"),
        ([0.125, 0.0], [0.25, 0.0], "unknown"),
        ([0.0, 0.125], [0.0, 0.0], "unknown"),
        ([0.0, float("inf")], [0.0, 0.0], "unknown"),
    ],
)
def test_the_cause_follows_from_which_sums_miss_autograds_bits(torch_sums, numpy_sums, cause):
    found = attribute(table(torch_sums, numpy_sums), "float32")
    assert found == {"cause": cause, "torch_sums": max(torch_sums), "numpy_sums": max(numpy_sums)}


@pytest.mark.parametrize(
    "other",
    [table([5.0], [5.0], dtype="float16"), table([5.0], [5.0], sample="example")],
    ids=["another format", "another sample"],
)
def test_only_the_trial_in_the_format_asked_for_counts(other):
    errors = pd.concat([table([0.0, 0.0], [0.0, 0.25]), other])
    assert attribute(errors, "float32")["cause"] == "sums"


def test_what_was_not_measured_has_no_known_cause():
    assert attribute(table([0.0], [0.0]), "float64")["cause"] == "unknown"
