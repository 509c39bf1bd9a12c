"""The experiments' pages as a run makes them, from what is recorded: without a run of minutes."""

import shutil
from pathlib import Path

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.experiment.settings import edition, languages_of
from autograd_by_hand.floats.rounding import FORMATS
from render_page import render_page
from tests.conftest import ROOT
from write_index import write_index

RECORDED = sorted((ROOT / "experiments").glob("*/recorded"))
REPORTS = [
    f"{folder.parent.name}/{report.stem}.html"
    for folder in RECORDED
    for report in sorted(folder.glob("REPORT*.md"))
]


def write_pages(to: Path) -> Path:
    """Write each experiment's files and pages, and the index, into a folder; returns the folder."""
    folders = [to / folder.parent.name for folder in RECORDED]
    for recorded, folder in zip(RECORDED, folders, strict=True):
        shutil.copytree(recorded, folder)
        manifest = read_json(folder / "manifest.json")
        write_json(to / "judgement.json", {"verdicts": manifest["verdicts"]})
        for language in languages_of(manifest["config"]):
            report = folder / f"REPORT{edition(language)}.md"
            note, _, own = report.read_text().partition("\n\n")
            assert note.startswith("> ")
            report.write_text(own)
            render_page(
                report=report,
                judgement=to / "judgement.json",
                figures=sorted((folder / "figures").glob("*.svg")),
                written=[],
                language=language,
                page=report.with_suffix(".html"),
            )
    write_index(
        manifests=[folder / "manifest.json" for folder in folders],
        errors=[folder / "errors.csv" for folder in folders],
        dtypes=[*FORMATS],
        index=to / "README.md",
        page=to / "index.html",
    )
    return to
