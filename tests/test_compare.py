"""Comparing: what differs between two experiments is told, and nothing else."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, TINY, Project


def run_compare(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/compare.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def told(*arguments: object) -> dict[str, dict[str, list[str]]]:
    """By heading, what differs and how."""
    run = run_compare("--json", *arguments)
    return {
        each["heading"]: {one["what"]: [one["first"], one["second"]] for one in each["differences"]}
        for each in json.loads(run.stdout)
    }


@pytest.fixture(scope="module")
def other(archived: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny experiment with a wrong gradient, other inputs and another version on record."""
    root = tmp_path_factory.mktemp("other") / "project"
    shutil.copytree(archived.root, root, symlinks=True)
    project = Project(root)
    project.edit(f"experiments/{TINY}/backward.py", "dy.T @ x", "2 * dy.T @ x")
    project.edit(f"experiments/{TINY}/config.yaml", "seed: 7", "seed: 8")
    project.snakemake("--keep-going")
    manifest = project.folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"numpy": "', '"numpy": "9.'))
    return project


@pytest.mark.thorough
def test_an_experiment_is_the_same_as_its_archive(archived: Project) -> None:
    run = run_compare(archived.folder, archived.archive)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(" 0 different") == len(run.stdout.splitlines()) == 12


def test_what_differs_is_told(archived: Project, other: Project) -> None:
    found = told(archived.archive, other.folder)
    assert found["config"] == {"samples.trial.seed": ["7", "8"]}
    assert set(found["author's files"]) == {"backward.py", "config.yaml"}
    assert set(found["inputs"]) == {"work/draws.safetensors"}
    assert found["code"] == {}
    assert found["orders of sums"] == {}
    first, second = found["versions and machine"]["packages.numpy"]
    assert second == f"9.{first}"
    verdict = found["verdicts"]["dW in float32"]
    assert verdict[0] == "right"
    assert verdict[1].startswith("wrong (")
    assert "dx in float32" not in found["verdicts"]
    assert found["acceptance"]["right everywhere"] == ["holds", "does not hold"]
    assert "float32 manual_vs_autograd dW max_abs" in found["greatest errors"]
    assert "float32 dW, other_operations" in found["shares of the difference"]


def test_the_table_has_a_line_for_each_difference(archived: Project, other: Project) -> None:
    run = run_compare(archived.archive, other.folder)
    assert run.returncode == 1
    lines = run.stdout.splitlines()
    (at,) = (at for at, line in enumerate(lines) if line.startswith("config: "))
    assert lines[at].endswith(" the same, 1 different")
    assert lines[at + 1].split() == [str(archived.archive), str(other.folder)]
    assert lines[at + 2].split() == ["samples.trial.seed", "7", "8"]


def test_a_long_difference_is_cut_to_where_it_begins(archived: Project, other: Project) -> None:
    manifest = other.folder / "manifest.json"
    whole = manifest.read_text()
    tree = json.loads(whole)["orders"][0]["torch"]["orders"][0]["tree"]
    try:
        manifest.write_text(whole.replace(json.dumps(tree), json.dumps("(" * 200 + tree), 1))
        table = run_compare(archived.archive, other.folder).stdout
    finally:
        manifest.write_text(whole)
    assert "orders of sums: " in table
    assert "(" * 200 not in table
    assert "..." in table


def test_what_a_manifest_says_cannot_forge_a_line(archived: Project, tmp_path: Path) -> None:
    shutil.copytree(archived.root / "experiments", tmp_path / "experiments")
    folder = tmp_path / "experiments" / TINY
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["title"] = "\x1b[2J\nall: 9 the same, 0 different\ud800"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for arguments in ([folder], ["--json", folder]):
        run = run_compare(*arguments, archived.archive)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        assert "2J" in run.stdout
        assert all(line.isprintable() for line in run.stdout.splitlines())
        assert "all: 9 the same, 0 different" not in run.stdout.splitlines()


def test_it_needs_python_alone(archived: Project) -> None:
    code = "import sys, runpy; sys.modules |= dict.fromkeys(('numpy', 'torch', 'yaml', 'pandas'));"
    code += "sys.path.insert(0, 'scripts'); sys.argv = sys.argv[1:];"
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", code, "scripts/compare.py", *[str(archived.archive)] * 2]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_folder_alone_is_compared_with_its_recorded_run(
    archived: Project, other: Project, tmp_path: Path
) -> None:
    shutil.copytree(other.root / "experiments", tmp_path / "experiments")
    folder = tmp_path / "experiments" / TINY
    assert f"{folder}/recorded: is not there; make record" in run_compare(folder).stderr
    (folder / "recorded").mkdir()
    for name in ("manifest.json", "errors.csv"):
        shutil.copy(archived.folder / name, folder / "recorded")
    assert told(folder) == told(archived.folder, other.folder)
    assert told(folder)["verdicts"]["dW in float32"][0] == "right"
    run = run_compare(folder)
    assert run.returncode == 1
    assert f"  {folder}/recorded  {folder}\n" in re.sub(" {3,}", "  ", run.stdout)
    run = run_compare(folder / "recorded", archived.archive)
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_recorded_run_without_its_manifest_is_a_sentence(
    archived: Project, tmp_path: Path
) -> None:
    shutil.copytree(archived.root / "experiments", tmp_path / "experiments")
    (tmp_path / "experiments" / TINY / "recorded").mkdir()
    run = run_compare(tmp_path / "experiments" / TINY)
    assert run.returncode == 2
    assert f"experiments/{TINY}/recorded: has no manifest.json" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "compare: name two archives or folders"),
        (["a"], "compare: name two archives or folders"),
        (["nowhere", "tests"], "compare: nowhere: cannot be read (No such file or directory)."),
        (["tests", "tests"], "has no manifest.json"),
    ],
)
def test_what_cannot_be_compared_is_a_sentence(arguments: list[str], sentence: str) -> None:
    run = run_compare(*arguments)
    assert run.returncode == 2
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("table", ["", "a,b\n1,2\n", "sample,max_abs\ntrial,x\n", "\x00"])
def test_a_damaged_table_is_a_sentence(archived: Project, tmp_path: Path, table: str) -> None:
    shutil.copytree(archived.root / "experiments", tmp_path / "experiments")
    folder = tmp_path / "experiments" / TINY
    (folder / "errors.csv").write_text(table)
    run = run_compare(folder, archived.archive)
    assert run.returncode == 2
    assert "is not a table of errors" in run.stderr
    assert "Traceback" not in run.stderr
