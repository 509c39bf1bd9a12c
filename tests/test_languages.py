"""Reports in more than one language: the same figures in other words, and pages that say so."""

import re
from collections import Counter
from pathlib import Path

import pytest

from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.experiment.settings import edition
from tests.conftest import ROOT, Project

SCHEMA = ROOT / "experiments/schema.yaml"
CONFIGS = {
    path.parent: load_config(path, SCHEMA)
    for path in sorted((ROOT / "experiments").glob("*/config.yaml"))
}
BOTH = [folder for folder, config in CONFIGS.items() if len(config.get("languages", [])) > 1]


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", text)


def reports(folder: Path) -> list[str]:
    return [
        (folder / f"recorded/REPORT{edition(language)}.md").read_text()
        for language in CONFIGS[folder]["languages"]
    ]


def test_an_experiment_is_told_in_two_languages() -> None:
    assert BOTH


@pytest.mark.parametrize("folder", BOTH, ids=lambda folder: folder.name)
def test_the_numbers_are_the_same_in_every_language(folder: Path) -> None:
    first, *others = map(numbers, reports(folder))
    assert len(first) > 100
    assert all(other == first for other in others)


@pytest.mark.parametrize("folder", BOTH, ids=lambda folder: folder.name)
def test_no_line_of_words_is_left_in_another_language(folder: Path) -> None:
    first, *others = (
        {line for line in re.sub(r"(?s)```.*?```", "", report).splitlines() if _has_words(line)}
        for report in reports(folder)
    )
    assert first
    assert not any(first & other for other in others)


def _has_words(line: str) -> bool:
    """Whether it has words that are no code, no formula and no names of files or formats."""
    if line.startswith(("Python ", "# ")):  # packages; a title may be a name
        return False
    bare = re.sub(r"`[^`]*`|\$[^$]*\$|\([^)]*\.svg\)|\|[ -]*", " ", line)
    return len(re.findall(r"[a-z]{4,}", bare)) > 5


@pytest.mark.parametrize("folder", BOTH, ids=lambda folder: folder.name)
def test_a_page_names_its_language_and_leads_to_the_others(folder: Path, pages: Path) -> None:
    languages = CONFIGS[folder]["languages"]
    for language in languages:
        page = (pages / folder.name / f"REPORT{edition(language)}.html").read_text()
        assert f'<html lang="{language}">' in page
        for other in languages:
            assert (f'href="REPORT{edition(other)}.html"' in page) == (other != language)


SPANISH = """\
languages: [en, es]
translations:
  es:
    Is it right?: ¿Es correcto?
"""


@pytest.mark.thorough
def test_an_added_language_only_tells(project: Project) -> None:
    before = {
        path.relative_to(project.folder): path.read_bytes()
        for path in project.folder.rglob("*")
        if path.suffix in (".csv", ".svg")
    }
    project.edit("experiments/tiny/config.yaml", "dtypes:", f"{SPANISH}dtypes:")
    told = Counter(draw_figures=1, render_report=2, render_page=2)
    told += Counter(write_manifest=1, write_index=1, accept=1)
    assert project.jobs() == told
    assert all((project.folder / path).read_bytes() == kept for path, kept in before.items())
    report = (project.folder / "REPORT.es.md").read_text()
    assert "\n¿Es correcto?\n" in report
    assert "Sin traducir: son palabras del autor, en inglés." in report
    assert "](figures/graph.es.svg)" in report
    assert "Autograd recorre" in (project.folder / "figures/graph.es.svg").read_text()
    assert '<html lang="es">' in (project.folder / "REPORT.es.html").read_text()


@pytest.mark.thorough
def test_an_edited_catalogue_tells_its_own_language_again(project: Project) -> None:
    project.edit("experiments/tiny/config.yaml", "dtypes:", f"{SPANISH}dtypes:")
    project.jobs()
    english = (project.folder / "REPORT.md").stat().st_mtime_ns
    project.edit("templates/locale/es.po", 'msgstr "El veredicto"', 'msgstr "La sentencia"')
    told = Counter(draw_figures=1, render_report=1, render_page=1)
    told += Counter(write_manifest=1, write_index=1)
    assert project.jobs() == told
    assert "## La sentencia" in (project.folder / "REPORT.es.md").read_text()
    assert (project.folder / "REPORT.md").stat().st_mtime_ns == english
