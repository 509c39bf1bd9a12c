"""The table of errors: its comparisons, its file, and its summary over the runs."""

from pathlib import Path
from typing import Any

import pandas as pd

from scripts.lib.files import write_text

COMPARISONS = (
    "manual_vs_autograd",
    "reordered_vs_autograd",
    "manual_vs_reference",
    "autograd_vs_reference",
)
MEASURES = ("max_abs", "max_ulp", "rel_norm")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; every float reads back as the same float."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table that `write_csv` wrote; infinities are numbers, an empty field is an error's."""
    return pd.read_csv(path, dtype={"gradient": str}, keep_default_na=False, na_values=[""])


def summarise(errors: pd.DataFrame, sample: str) -> list[dict[str, Any]]:
    """Median and maximum over the runs of a sample, one row per (dtype, comparison, gradient).

    Rows come in the order of the table; each has dtype, comparison, gradient, runs, and
    "<measure>_median", "<measure>_max" for every measure.
    """
    rows = []
    chosen = errors[errors["sample"] == sample]
    groups = chosen.groupby(["dtype", "comparison", "gradient"], sort=False)
    for (dtype, comparison, gradient), group in groups:
        row: dict[str, Any] = {"dtype": dtype, "comparison": comparison, "gradient": gradient}
        row["runs"] = len(group)
        for measure in MEASURES:
            row[f"{measure}_median"] = float(group[measure].median())
            row[f"{measure}_max"] = float(group[measure].max())
        rows.append(row)
    return rows
