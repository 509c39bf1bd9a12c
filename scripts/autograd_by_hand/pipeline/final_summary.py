"""Print a summary at the end of a run: the beginning of each report, and its path.

If an experiment has recorded results, a sentence says how the run differs from them. The summary is
Markdown, as in the report; on a terminal it is rendered, and shortened if it does not fit.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, sha256

if TYPE_CHECKING:
    from rich.console import Console

LEAST_ROOM = 4  # further lines that must fit on the terminal: on the jobs, and the prompt


def brief(report: str) -> str:
    """The path and the verdict of a report, on one line for each verdict and missing part."""
    lead = _lead(report)
    told = [*lead.verdicts, *(line.removeprefix("> ") for line in lead.missing.split("\n>\n")[:1])]
    return "\n".join(f"{report}: {one.replace('**', '')}" for one in told if one)


def show(reports: Mapping[str, str]) -> None:
    """Print the title, verdict and criteria of each report, and the page or file to open.

    reports: by path of the report in Markdown, the file to open
    """
    if not sys.stdout.isatty():
        for report, opened in reports.items():
            lead = _lead(report)
            first = (
                f"# {lead.title}",
                *lead.verdicts,
                *filter(None, [lead.missing]),
                lead.criteria,
            )
            print(*first, *_recorded(report), f"Report: {opened}", sep="\n\n", end="\n\n")
        return
    from rich.console import Console  # imported here, since it takes 0.1 s

    console = Console()
    for whole in (True, False):
        with console.capture() as capture:
            for report, opened in reports.items():
                _lay_out(console, report, opened, whole=whole)
        shown = capture.get()
        if shown.count("\n") + LEAST_ROOM <= console.height:
            break
    sys.stdout.write(shown)
    sys.stdout.flush()


def _lay_out(console: "Console", report: str, opened: str, *, whole: bool) -> None:
    """Print one experiment's summary; unless `whole`, only count the criteria if all hold."""
    from rich.markdown import Markdown
    from rich.text import Text
    from rich.theme import Theme

    judged = read_json(Path(report).parent / "work/judgement.json")
    right = all(one["outcome"] == "right" for one in judged["verdicts"])
    right &= judged.get("autograd", {"allowed": True})["allowed"]
    holds = [row["holds"] for row in judged["acceptance"]]
    lead = _lead(report)
    console.print()
    console.print(Text(lead.title, style="bold"))
    with console.use_theme(Theme({"markdown.strong": f"bold {'green' if right else 'red'}"})):
        console.print(Markdown("\n\n".join(lead.verdicts)))
    if lead.missing:
        with console.use_theme(Theme({"markdown.strong": "bold yellow"})):
            console.print(Markdown(lead.missing))
    if whole or not all(holds):
        with console.use_theme(Theme({"markdown.strong": "bold red"})):
            console.print(Markdown(lead.criteria))
    else:
        console.print(Text(f"All {len(holds)} criteria hold."))
    for sentence in _recorded(report):
        console.print(Text(sentence))
    console.print(Text("Report: ").append(opened, f"link {Path(opened).resolve().as_uri()}"))


def _recorded(report: str) -> list[str]:
    """How this run differs from the recorded results, as a list of one sentence or none."""
    # imported here, since a run needs them only at its end
    from autograd_by_hand.archive.diff import against_recorded
    from autograd_by_hand.archive.reader import RECORDED, listed_in, read_manifest

    folder = Path(report).parent
    paths = [folder / RECORDED / "manifest.json", folder / "manifest.json"]
    if not all(path.is_file() for path in paths):
        return []
    try:
        recorded, manifest = (read_manifest(path, str(path)) for path in paths)
    except UserError as error:
        return [f"The recorded run cannot be compared with this one: {error}"]
    listed = {file["path"]: file["sha256"] for file in listed_in(manifest)}
    if listed.get(report) != sha256(Path(report)):
        return []  # the manifest is an earlier run's: only the report was requested of this one
    found = against_recorded(recorded, manifest)
    return [f"{found} In full: python scripts/compare.py {folder}"]


@dataclass(frozen=True)
class _Lead:
    """The beginning of a report: its title, verdicts, missing parts and table of criteria."""

    title: str
    verdicts: list[str]
    missing: str
    criteria: str


def _lead(report: str) -> _Lead:
    blocks = list(_blocks(report))
    title = next(one.removeprefix("# ") for one in blocks if one.startswith("# "))
    verdicts = [one for one in blocks if one.startswith("**")]
    missing = next((one for one in blocks if one.startswith("> ")), "")
    return _Lead(title, verdicts, missing, next(one for one in blocks if one.startswith("|")))


def _blocks(report: str) -> Iterator[str]:
    """The paragraphs of a report's first two sections, which contain its verdict and criteria."""
    text = Path(report).read_text(encoding="utf-8")
    yield from "\n## ".join(text.split("\n## ", 2)[:2]).strip().split("\n\n")
