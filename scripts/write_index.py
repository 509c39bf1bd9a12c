"""List all experiments with their questions and verdicts, as Markdown and as a page.

in   manifests, errors  json and csv per experiment, as their stages write them
     dtypes             all dtypes, in the order of the columns
out  index              Markdown: one row per experiment, with links to its files
     page               the same as one HTML file, with links to the experiments' pages

It reads only files that experiments keep, so the index agrees with the files beside it.
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.report.experiment_index import index_of, index_text
from autograd_by_hand.report.html_page import page as page_of
from autograd_by_hand.storage.errors_table import read_csv


def write_index(
    manifests: list[Path], errors: list[Path], dtypes: list[str], index: Path, page: Path
) -> None:
    experiments = [
        (read_json(manifest), read_csv(table))
        for manifest, table in zip(manifests, errors, strict=True)
    ]
    listed = index_of(experiments, dtypes)
    write_text(index, index_text(listed))
    write_text(page, page_of(index_text(listed, suffix="html"), {}, listed.outcome))


if __name__ == "__main__":
    run_stage(write_index, snakemake)  # type: ignore[name-defined]
