"""The table of errors: read it, write it, and summarise it over the runs."""

from pathlib import Path
from typing import Any, TypedDict

import pandas as pd
from numpy.typing import NDArray

from autograd_by_hand.core.files import write_text
from autograd_by_hand.storage.comparisons import MEASURES


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; every float is read back exactly."""
    write_text(path, as_csv(table))


def as_csv(table: pd.DataFrame, header: bool = True) -> str:
    """Return a table as the text of a CSV file."""
    return table.to_csv(index=False, header=header, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that `write_csv` wrote; only an empty field is nan.

    Names are read as categories, since a table of many runs has millions of rows but few names.
    """
    names = dict.fromkeys(("dtype", "comparison", "sample", "gradient"), "category")
    return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])


def rows_of(
    errors: NDArray[Any], dtype: str, comparison: str, sample: str, gradient: str, first: int = 0
) -> pd.DataFrame:
    """Return the rows of one gradient in one comparison.

    errors: shape (runs, measures)
    first: the number of the first run
    """
    columns: dict[str, object] = {"dtype": dtype, "comparison": comparison, "sample": sample}
    columns |= {"run": range(first, first + len(errors)), "gradient": gradient}
    return pd.DataFrame(columns | dict(zip(MEASURES, errors.T, strict=True)))


class Summary(TypedDict):
    """The median and the maximum of every measure over the runs of a sample."""

    dtype: str
    comparison: str
    gradient: str
    runs: int
    max_abs_median: float
    max_abs_max: float
    max_ulp_median: float
    max_ulp_max: float
    rel_norm_median: float
    rel_norm_max: float


def summarise(errors: pd.DataFrame, sample: str) -> list[Summary]:
    """Return one row per (dtype, comparison, gradient) of a sample, in the order of the table."""
    rows: list[Summary] = []
    chosen = errors[errors["sample"] == sample]
    groups = chosen.groupby(["dtype", "comparison", "gradient"], sort=False, observed=True)
    for (dtype, comparison, gradient), group in groups:
        rows.append(
            {
                "dtype": str(dtype),
                "comparison": str(comparison),
                "gradient": str(gradient),
                "runs": len(group),
                "max_abs_median": float(group["max_abs"].median()),
                "max_abs_max": float(group["max_abs"].max()),
                "max_ulp_median": float(group["max_ulp"].median()),
                "max_ulp_max": float(group["max_ulp"].max()),
                "rel_norm_median": float(group["rel_norm"].median()),
                "rel_norm_max": float(group["rel_norm"].max()),
            }
        )
    return rows
