"""Convert the report to one self-contained HTML file, with formulas as MathML and inline pictures.

in   report     Markdown, as render_report writes it
     judgement  json, as judge_gradients writes it; the worst outcome colours the first lines;
                a right gradient that is autograd's own counts as unresolved
     figures    the pictures, svg
     written    the author's files, to find the line of a formula that cannot be converted
     language   the report's
out  page       HTML, self-contained

The page has the same text as the report.
"""

from pathlib import Path

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_text
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.report.html_page import page as page_of
from autograd_by_hand.report.mathml import NotShowable
from autograd_by_hand.verdict.judge import worst_outcome


def render_page(
    report: Path,
    judgement: Path,
    figures: list[Path],
    written: list[Path],
    language: str,
    page: Path,
) -> None:
    markdown = report.read_text(encoding="utf-8")
    pictures = {f"figures/{path.name}": path.read_text(encoding="utf-8") for path in figures}
    judged = read_json(judgement)
    outcome = worst_outcome(judged["verdicts"])
    if outcome == "right" and not judged.get("autograd", {"allowed": True})["allowed"]:
        outcome = "unresolved"
    try:
        html = page_of(markdown, pictures, outcome, language)
    except NotShowable as error:
        authors = [path for path in written if path.suffix == ".md"]
        raise UserError(_sentence(error, [*authors, report])) from error
    write_text(page, html)


def _sentence(error: NotShowable, files: list[Path]) -> str:
    """Say where the formula is, what is wrong with it, and how to repair it."""
    for path in files:
        text = path.read_text(encoding="utf-8")
        if error.formula in text:
            at = text.index(error.formula) + max(0, error.formula.find(error.part))
            place = f"{path}:{text[:at].count(chr(10)) + 1}"
            break
    else:
        place = str(files[-1])
    formula = " ".join(error.formula.split())
    if error.part:
        return (
            f"{place}: {error.part} in ${formula}$ cannot be converted to MathML; "
            "write it with another macro."
        )
    return (
        f"{place}: ${formula}$ is not valid LaTeX; look for an unmatched brace or \\left, or for a "
        "macro without its argument."
    )


if __name__ == "__main__":
    run_stage(render_page, snakemake)  # type: ignore[name-defined]
