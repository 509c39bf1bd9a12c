"""The index of experiments: a row for each, with its question, verdict, worst errors and links."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.report.templates import render
from autograd_by_hand.verdict.judge import worst_outcome


def row(manifest: dict[str, Any], errors: pd.DataFrame) -> dict[str, Any]:
    """What the index says of one experiment."""
    own = errors[(errors["sample"] == "trial") & (errors["comparison"] == "manual_vs_autograd")]
    held = [criterion["holds"] for criterion in manifest["acceptance"]]
    return {
        "name": manifest["experiment"],
        "title": manifest["config"]["title"],
        "question": manifest["config"]["question"],
        "edition": edition(languages_of(manifest["config"])[0]),
        "verdicts": manifest["verdicts"],
        "outcome": worst_outcome(manifest["verdicts"]),
        "held": sum(held),
        "criteria": len(held),
        "holds": all(held),
        "worst": own.groupby("dtype")["max_ulp"].max().to_dict(),
    }


def outcome(rows: Iterable[dict[str, Any]]) -> str:
    """The outcome that the look of the page shows: right, if all is and every criterion holds."""
    good = all(one["outcome"] == "right" and one["holds"] for one in rows)
    return "right" if good else "wrong"


def index(
    rows: list[dict[str, Any]], dtypes: Iterable[str], *, suffix: str = "md", folder: str = ""
) -> str:
    """The index as Markdown.

    rows: as `row` gives them, in order
    dtypes: all formats, in the order of the columns; those that no experiment tried have none
    suffix: that of the reports which the titles lead to, md or html
    folder: where the files lie in each experiment's own folder; one that is named has no pages
    """
    used = [dtype for dtype in dtypes if any(dtype in one["worst"] for one in rows)]
    values = {"experiments": rows, "dtypes": used, "suffix": suffix, "folder": folder}
    return render("index.md.j2", values)
