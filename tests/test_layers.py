"""The library's packages: their floors, what their docstrings say, and how long a module may be."""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

LIBRARY = ROOT / "scripts/autograd_by_hand"
MODULES = sorted(LIBRARY.rglob("*.py"))
PACKAGES = [path for path in MODULES if path.name == "__init__.py"]
MOST_LINES = 300
LINTER = shutil.which("lint-imports", path=ROOT / ".venv/bin")


def layers_of(project: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of a project's library."""
    assert LINTER
    return subprocess.run(
        [LINTER, "--no-cache", "--no-logo"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_package_imports_from_lower_floors_only() -> None:
    found = layers_of(ROOT)
    assert found.returncode == 0, found.stdout
    assert "3 kept, 0 broken" in found.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("core/blocks.py", "floats.bits"),
        ("replay/record.py", "report.templates"),
        ("verdict/judge.py", "replay.compare"),  # of the same floor
        ("report/charts.py", "pipeline.cpu"),  # which stages alone import
        ("replay/compare.py", "archive.reader"),
    ],
)
def test_an_upward_import_is_refused(tmp_path: Path, module: str, imported: str) -> None:
    shutil.copytree(LIBRARY, tmp_path / "scripts/autograd_by_hand")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    importer = tmp_path / "scripts/autograd_by_hand" / module
    importer.write_text(f"import autograd_by_hand.{imported}\n{importer.read_text()}")
    found = layers_of(tmp_path)
    assert found.returncode == 1
    name = module.removesuffix(".py").replace("/", ".")
    line = rf"autograd_by_hand\.{name} -> autograd_by_hand\.{imported} \(l\.1\)"
    assert re.search(line, found.stdout), found.stdout


def test_a_new_package_needs_a_floor(tmp_path: Path) -> None:
    shutil.copytree(LIBRARY, tmp_path / "scripts/autograd_by_hand")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "scripts/autograd_by_hand/misc").mkdir()
    (tmp_path / "scripts/autograd_by_hand/misc/__init__.py").write_text('"""Anything."""\n')
    found = layers_of(tmp_path)
    assert found.returncode == 1
    assert "autograd_by_hand.misc" in found.stdout


def test_no_module_stands_beside_the_packages() -> None:
    assert [path.name for path in LIBRARY.glob("*.*")] == ["__init__.py"]


def test_every_folder_of_modules_is_a_package() -> None:
    assert {path.parent for path in MODULES} == {path.parent for path in PACKAGES}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_a_package_says_what_lives_there_and_what_does_not(package: Path) -> None:
    tree = ast.parse(package.read_text())
    (only,) = tree.body  # nothing but a docstring
    assert isinstance(only, ast.Expr)
    summary, blank, *rest = (ast.get_docstring(tree) or "").split("\n")
    assert summary.endswith(".")
    assert not blank
    assert re.search(r"\b(no|not|nothing|none)\b|belongs?\b", " ".join(rest), re.IGNORECASE)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_can_be_read_in_one_sitting(module: Path) -> None:
    lines = len(module.read_text().splitlines())
    assert lines <= MOST_LINES
