"""List all experiments with their questions and verdicts, as Markdown and as a page.

in   manifests, errors  json and csv per experiment, as their stages write them
     dtypes             all formats, in the order of the columns
out  index              Markdown: one row per experiment, links to its files
     page               the same as one HTML file, where a title leads to the other pages

Reads only what an experiment keeps, so that the index is that of the files beside it.
"""

from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.report.html_page import page as page_of
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.errors_table import read_csv
from autograd_by_hand.verdict.judge import worst_outcome


def write_index(
    manifests: list[Path], errors: list[Path], dtypes: list[str], index: Path, page: Path
) -> None:
    rows = [
        _row(read_json(manifest), table) for manifest, table in zip(manifests, errors, strict=True)
    ]
    used = [dtype for dtype in dtypes if any(dtype in row["worst"] for row in rows)]
    text, text_of_page = (
        render("index.md.j2", {"experiments": rows, "dtypes": used, "report": report})
        for report in ("md", "html")
    )
    write_text(index, text)
    write_text(page, page_of(text_of_page, {}, "right" if all(map(_good, rows)) else "wrong"))


def _row(manifest: dict[str, Any], errors: Path) -> dict[str, Any]:
    table = read_csv(errors)
    own = table[(table["sample"] == "trial") & (table["comparison"] == "manual_vs_autograd")]
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


def _good(row: dict[str, Any]) -> bool:
    return bool(row["outcome"] == "right" and row["holds"])


if __name__ == "__main__":
    run_stage(write_index, snakemake)  # type: ignore[name-defined]
