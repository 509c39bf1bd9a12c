"""What stands in the terminal when a run has ended: the beginning of each report, and its path.

Markdown as the report has it; on a terminal it is laid out, and what does not fit is left out.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from autograd_by_hand.core.files import read_json

if TYPE_CHECKING:
    from rich.console import Console

LEAST_ROOM = 4  # lines that a terminal has besides: what is said of the jobs, and a prompt


def brief(report: str) -> str:
    """Verdict and path of a report, in a line or one for each verdict."""
    return "\n".join(f"{report}: {verdict.replace('**', '')}" for verdict in _lead(report)[1])


def show(reports: Mapping[str, str]) -> None:
    """The title, verdict and criteria of each report, and the page or file to open.

    reports: the report in Markdown, and what to open
    """
    if not sys.stdout.isatty():
        for report, opened in reports.items():
            title, verdicts, table = _lead(report)
            blocks = (f"# {title}", *verdicts, table, f"Report: {opened}")
            print(*blocks, sep="\n\n", end="\n\n")
        return
    from rich.console import Console  # here, since it takes 0.1 s

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
    """One experiment's end; unless `whole`, criteria are counted where all hold."""
    from rich.markdown import Markdown
    from rich.text import Text
    from rich.theme import Theme

    judged = read_json(Path(report).parent / "work/judgement.json")
    right = all(one["outcome"] == "right" for one in judged["verdicts"])
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
    console.print(Text("Report: ").append(opened, f"link {Path(opened).resolve().as_uri()}"))


def _lead(report: str) -> tuple[str, list[str], str]:
    """How a report begins: title, verdicts, table of criteria."""
    blocks = list(_blocks(report))
    title = next(one.removeprefix("# ") for one in blocks if one.startswith("# "))
    verdicts = [one for one in blocks if one.startswith("**")]
    table = next(one for one in blocks if one.startswith("|"))
    return title, verdicts, table


def _blocks(report: str) -> Iterator[str]:
    """The paragraphs of a report's first two sections, where its verdict and criteria stand."""
    text = Path(report).read_text(encoding="utf-8")
    yield from "\n## ".join(text.split("\n## ", 2)[:2]).strip().split("\n\n")
