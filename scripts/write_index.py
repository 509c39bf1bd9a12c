"""List all experiments with their questions and verdicts, as Markdown and as a page.

in   manifests, errors  json and csv per experiment, as their stages write them
     dtypes             all formats, in the order of the columns
out  index              Markdown: one row per experiment, links to its files
     page               the same as one HTML file, where a title leads to the other pages

Reads only what an experiment keeps, so that the index is that of the files beside it.
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.report.experiment_index import index_of
from autograd_by_hand.report.html_page import page as page_of
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.errors_table import read_csv


def write_index(
    manifests: list[Path], errors: list[Path], dtypes: list[str], index: Path, page: Path
) -> None:
    experiments = [
        (read_json(manifest), read_csv(table))
        for manifest, table in zip(manifests, errors, strict=True)
    ]
    told = index_of(experiments, dtypes)
    text, text_of_page = (
        render("index.md.j2", vars(told) | {"report": report}) for report in ("md", "html")
    )
    write_text(index, text)
    write_text(page, page_of(text_of_page, {}, told.outcome))


if __name__ == "__main__":
    run_stage(write_index, snakemake)  # type: ignore[name-defined]
