"""Print a summary at the end of a run: the beginning of each report, and its path.

If an experiment has recorded results, a sentence says how the run differs from them. The summary is
Markdown, as in the report; on a terminal it is rendered, and shortened if it does not fit.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, sha256

if TYPE_CHECKING:
    from rich.console import Console

LEAST_ROOM = 4  # further lines that must fit on the terminal: on the jobs, and the prompt


def brief(report: str) -> str:
    """The path and the verdict of a report, on one line for each verdict."""
    return "\n".join(f"{report}: {verdict.replace('**', '')}" for verdict in _lead(report)[1])


def show(reports: Mapping[str, str]) -> None:
    """Print the title, verdict and criteria of each report, and the page or file to open.

    reports: by path of the report in Markdown, the file to open
    """
    if not sys.stdout.isatty():
        for report, opened in reports.items():
            title, verdicts, table = _lead(report)
            blocks = (f"# {title}", *verdicts, table, *_recorded(report), f"Report: {opened}")
            print(*blocks, sep="\n\n", end="\n\n")
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
    title, verdicts, table = _lead(report)
    console.print()
    console.print(Text(title, style="bold"))
    with console.use_theme(Theme({"markdown.strong": f"bold {'green' if right else 'red'}"})):
        console.print(Markdown("\n\n".join(verdicts)))
    if whole or not all(holds):
        with console.use_theme(Theme({"markdown.strong": "bold red"})):
            console.print(Markdown(table))
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


def _lead(report: str) -> tuple[str, list[str], str]:
    """The beginning of a report: title, verdicts, table of criteria."""
    blocks = list(_blocks(report))
    title = next(one.removeprefix("# ") for one in blocks if one.startswith("# "))
    verdicts = [one for one in blocks if one.startswith("**")]
    table = next(one for one in blocks if one.startswith("|"))
    return title, verdicts, table


def _blocks(report: str) -> Iterator[str]:
    """The paragraphs of a report's first two sections, which contain its verdict and criteria."""
    text = Path(report).read_text(encoding="utf-8")
    yield from "\n## ".join(text.split("\n## ", 2)[:2]).strip().split("\n\n")
