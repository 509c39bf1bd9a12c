import re

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_json
from render_page import render_page

REPORT = (
    "# Mine\n\nIs it?\n\n**Right.**\n\n## The mathematics\n\n{}\n\n![By run](figures/run.svg)\n"
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>Each run</title></svg>\n'


def run(folder, derivation="With $x$.", report=REPORT, outcome="right", language="en"):
    (folder / "derivation.md").write_text(f"Above.\n\n{derivation}\n")
    (folder / "backward.py").write_text("def backward(x): ...\n")
    (folder / "REPORT.md").write_text(report.format(derivation))
    (folder / "run.svg").write_text(SVG)
    verdicts = [{"outcome": outcome}, {"outcome": "right"}]
    write_json(folder / "judgement.json", {"verdicts": verdicts})
    render_page(
        folder / "REPORT.md",
        folder / "judgement.json",
        [folder / "run.svg"],
        [folder / "backward.py", folder / "derivation.md"],
        language,
        folder / "REPORT.html",
    )
    return (folder / "REPORT.html").read_text()


def test_the_page_has_the_reports_text_its_formulas_and_its_pictures(tmp_path):
    page = run(tmp_path)
    assert "<title>Mine</title>" in page
    assert "<mi>x</mi>" in page
    assert "<figcaption>Each run</figcaption>" in page


def test_the_page_names_no_other_file_that_it_would_load(tmp_path):
    assert not re.search(r"\b(src|srcset|data|poster)=|@import|url\((?!#)", run(tmp_path))


@pytest.mark.parametrize(("language", "contents"), [("en", "Contents"), ("es", "Contenido")])
def test_the_page_is_in_the_language_of_the_report(tmp_path, language, contents):
    page = run(tmp_path, report=REPORT + "\n## More\n", language=language)
    assert f'<html lang="{language}">' in page
    assert f"<p>{contents}</p>" in page


def test_a_link_to_the_report_in_another_language_leads_to_its_page(tmp_path):
    page = run(tmp_path, report="English · [Español](REPORT.es.md)\n\n" + REPORT)
    assert '<p class="languages">English · <a href="REPORT.es.html">Español</a></p>' in page
    assert '<p class="question">Is it?</p>' in page


def test_the_same_report_gives_the_same_bytes(tmp_path):
    assert run(tmp_path) == run(tmp_path)


@pytest.mark.parametrize("outcome", ["right", "wrong", "imprecise", "unresolved"])
def test_the_worst_outcome_colours_the_page(tmp_path, outcome):
    assert f'class="lead {outcome}"' in run(tmp_path, outcome=outcome)


@pytest.mark.parametrize(
    ("derivation", "place", "words"),
    [
        ("Then\n$a + \\foo$.", "derivation.md:4", "\\foo in $a + \\foo$ cannot be converted"),
        ("```math\na\n+ \\foo\n```", "derivation.md:5", "\\foo in $a + \\foo$ cannot be converted"),
        ("$\\left( x$", "derivation.md:3", "$\\left( x$ is not valid LaTeX; look for"),
    ],
)  # fmt: skip
def test_a_formula_that_cannot_be_shown_is_one_sentence_with_its_place(
    tmp_path, derivation, place, words
):
    with pytest.raises(UserError) as caught:
        run(tmp_path, derivation)
    assert str(caught.value).startswith(f"{tmp_path}/{place}: {words}")
    assert not (tmp_path / "REPORT.html").exists()


def test_a_formula_that_is_in_no_file_of_the_author_is_looked_up_in_the_report(tmp_path):
    with pytest.raises(UserError, match=r"REPORT\.md:3: \\foo in"):
        run(tmp_path, report="# T\n\n$\\foo$\n")
