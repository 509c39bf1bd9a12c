"""The table of errors: its file, and its summary over the runs."""

from pathlib import Path
from typing import Any

import pandas as pd

from autograd_by_hand.core.files import write_text
from autograd_by_hand.storage.comparisons import MEASURES


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; every float reads back as the same float."""
    write_text(path, as_csv(table))


def as_csv(table: pd.DataFrame, header: bool = True) -> str:
    """A table as the text of a CSV file."""
    return table.to_csv(index=False, header=header, lineterminator="\n")


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that `write_csv` wrote; infinities are numbers, an empty field is an error's.

    Its names are categories: a table of many runs has millions of rows and few names.
    """
    names = dict.fromkeys(("dtype", "comparison", "sample", "gradient"), "category")
    return pd.read_csv(path, dtype=names, keep_default_na=False, na_values=[""])


def summarise(errors: pd.DataFrame, sample: str) -> list[dict[str, Any]]:
    """Median and maximum over the runs of a sample, one row per (dtype, comparison, gradient).

    Rows come in the order of the table; each has dtype, comparison, gradient, runs, and
    "<measure>_median", "<measure>_max" for every measure.
    """
    rows = []
    chosen = errors[errors["sample"] == sample]
    groups = chosen.groupby(["dtype", "comparison", "gradient"], sort=False, observed=True)
    for (dtype, comparison, gradient), group in groups:
        row: dict[str, Any] = {"dtype": dtype, "comparison": comparison, "gradient": gradient}
        row["runs"] = len(group)
        for measure in MEASURES:
            row[f"{measure}_median"] = float(group[measure].median())
            row[f"{measure}_max"] = float(group[measure].max())
        rows.append(row)
    return rows
