"""`make record`: git keeps a copy of the last run, and of what runs make nothing else."""

import fcntl
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_by_hand.core.files import read_json, sha256
from tests.conftest import ROOT, TINY, Project

RECORDED = sorted((ROOT / "experiments").glob("*/recorded"))


def record(project: Project) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/record.py"]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)


def refused(project: Project) -> str:
    """The one line that is said where nothing is recorded."""
    run = record(project)
    assert run.returncode == 1
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def recorded(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose run is recorded. Look, but do not touch."""
    root = tmp_path_factory.mktemp("recorded") / "project"
    shutil.copytree(finished.root, root, symlinks=True)
    run = record(Project(root))
    assert run.returncode == 0, run.stderr
    return Project(root)


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def links_of(text: str) -> list[str]:
    """Those that lead to files."""
    found = re.findall(r"\]\(([^)#]+)\)", text)
    return [link for link in found if not re.match("https?:|mailto:", link)]


def test_a_recorded_run_is_the_last_one_without_its_pages(recorded: Project) -> None:
    copies = recorded.folder / "recorded"
    outputs = {name: made for name, made in recorded.outputs().items() if name != "REPORT.html"}
    assert files_below(copies) == set(outputs)
    for name in outputs.keys() - {"REPORT.md"}:
        assert (copies / name).read_bytes() == outputs[name]
    note, report = (copies / "REPORT.md").read_bytes().split(b"\n\n", 1)
    assert report == outputs["REPORT.md"]
    assert b"\n" not in note


@pytest.mark.parametrize("file", [f"{TINY}/recorded/REPORT.md", "recorded.md"])
def test_its_first_line_names_the_processor_and_the_versions(recorded: Project, file: str) -> None:
    first = (recorded.root / "experiments" / file).read_text().splitlines()[0]
    environment = read_json(recorded.folder / "manifest.json")["environment"]
    torch, numpy = (environment["packages"][name] for name in ("torch", "numpy"))
    assert first.startswith(
        f"> Recorded on {environment['processor']}, "
        f"with Python {environment['python']}, torch {torch} and numpy {numpy}."
    )
    own = "experiments/README.md" if file == "recorded.md" else f"experiments/{TINY}/REPORT.md"
    assert f"`{own}`" in first


def test_the_list_leads_to_every_recorded_run(recorded: Project) -> None:
    text = (recorded.root / "experiments/recorded.md").read_text()
    assert f"[A tiny linear layer]({TINY}/recorded/REPORT.md) | Is it right? | right |" in text
    assert sorted(links_of(text)) == [
        f"{TINY}/recorded/{name}" for name in ("REPORT.md", "errors.csv", "manifest.json")
    ]


@pytest.mark.thorough
def test_a_second_recording_is_the_same_to_the_byte(recorded: Project, project: Project) -> None:
    stale = project.folder / "recorded/figures/of_an_older_run.svg"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert record(project).returncode == 0
    ours, theirs = project.folder / "recorded", recorded.folder / "recorded"
    assert files_below(ours) == files_below(theirs)
    assert all(
        (ours / name).read_bytes() == (theirs / name).read_bytes() for name in files_below(ours)
    )
    assert [path.name for path in project.folder.glob(".recorded*")] == []


@pytest.mark.thorough
def test_a_run_that_is_not_up_to_date_is_not_recorded(project: Project) -> None:
    assert record(project).returncode == 0
    before = (project.root / "experiments/recorded.md").read_bytes()
    project.edit(f"experiments/{TINY}/backward.py", "dy = x @ W.T", "dy = 1 * (x @ W.T)")
    sentence = "make record: experiments/{} no up-to-date run; run make, then make record."
    assert refused(project) == sentence.format(f"{TINY} has")
    shutil.copytree(ROOT / "templates/experiment", project.root / "experiments/second")
    assert refused(project) == sentence.format(f"second and experiments/{TINY} have")
    assert not (project.root / "experiments/second/recorded").exists()
    assert (project.root / "experiments/recorded.md").read_bytes() == before


@pytest.mark.thorough
def test_an_output_that_is_gone_is_not_recorded(project: Project) -> None:
    (project.folder / "REPORT.html").unlink()
    assert refused(project).startswith(f"make record: experiments/{TINY} has no up-to-date run")


@pytest.mark.thorough
def test_a_broken_config_is_told(project: Project) -> None:
    project.edit(f"experiments/{TINY}/config.yaml", "title:", "titel:")
    run = record(project)
    assert run.returncode == 1
    assert f"experiments/{TINY}/config.yaml" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_project_without_experiments_has_nothing_to_record(project: Project) -> None:
    shutil.rmtree(project.folder)
    assert refused(project).startswith("make record: experiments: has no experiment;")


def test_nothing_is_recorded_while_a_run_is_at_work(project: Project) -> None:
    with (project.root / ".snakemake/run.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is active in this folder" in refused(project)
    assert not (project.folder / "recorded").exists()


@pytest.mark.thorough
def test_git_sees_nothing_of_a_run_but_what_is_recorded(
    archived: Project, project: Project
) -> None:
    shutil.copytree(archived.root / "archives", project.root / "archives")
    shutil.copy(ROOT / ".gitignore", project.root)
    assert record(project).returncode == 0

    def git(*arguments: str) -> list[str]:
        command = ["git", *arguments]
        run = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
        return run.stdout.splitlines()

    git("init", "--quiet")
    seen = git(
        "ls-files", "--others", "--exclude-standard", "experiments", "archives", ".snakemake"
    )
    written = ["backward.py", "config.yaml", "derivation.md", "forward.py"]
    copies = [f"recorded/{name}" for name in files_below(project.folder / "recorded")]
    assert set(seen) == {
        "experiments/recorded.md",
        "experiments/schema.yaml",
        *(f"experiments/{TINY}/{name}" for name in written + copies),
    }


@pytest.mark.thorough
def test_a_recorded_run_is_no_part_of_a_run(recorded: Project) -> None:
    assert "Nothing to be done" in recorded.snakemake("-n").stdout
    assert (
        "Nothing to be done" in recorded.snakemake("-n", f"experiments/{TINY}/manifest.json").stdout
    )
    assert recorded.snakemake("archive").returncode == 0
    with_recorded = recorded.archive.read_bytes()
    shutil.rmtree(recorded.folder / "recorded")
    recorded.archive.unlink()
    assert recorded.snakemake("archive").returncode == 0
    assert recorded.archive.read_bytes() == with_recorded


def test_every_experiment_of_the_project_is_recorded() -> None:
    experiments = [path.parent for path in (ROOT / "experiments").glob("*/config.yaml")]
    assert [folder.parent for folder in RECORDED] == sorted(experiments)
    text = (ROOT / "experiments/recorded.md").read_text()
    for folder in RECORDED:
        assert f"({folder.parent.name}/recorded/REPORT.md)" in text


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.parent.name)
def test_what_is_recorded_is_the_experiment_as_it_stands(folder: Path) -> None:
    for file in read_json(folder / "manifest.json")["files"]["written"]:
        path = ROOT / file["path"]
        assert sha256(path) == file["sha256"], f"{path} was edited since; run make record"


TEXTS = [ROOT / "experiments/recorded.md", *(path for one in RECORDED for path in one.glob("*.md"))]


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_what_is_recorded_leads_to_a_file_that_git_keeps(text: Path) -> None:
    links = links_of(text.read_text())
    assert links
    for link in links:
        target = text.parent / link
        assert target.is_file(), link
        assert "recorded" in target.parts, link
