"""An archive: what is in it, that it is the same everywhere, and that it runs again."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_by_hand.archive.canonical_tar import read_archive
from tests.conftest import ROOT, TINY, Project, copy_project


@pytest.fixture(scope="module")
def files(archived: Project) -> dict[str, bytes]:
    """What is in the tiny experiment's archive, without the folder's name."""
    found = dict(read_archive(archived.archive))
    assert {name.split("/")[0] for name in found} == {TINY}
    return {name.partition("/")[2]: content for name, content in found.items()}


def test_it_holds_what_was_written_generated_and_computed(files: dict[str, bytes]) -> None:
    folder = f"experiments/{TINY}"
    written = ("config.yaml", "forward.py", "backward.py", "derivation.md")
    generated = ("REPORT.md", "errors.csv", "manifest.json", "figures/graph.svg")
    computed = ("draws.safetensors", "float32/gradients.safetensors", "environment.json")
    expected = [f"{folder}/{name}" for name in (*written, *generated)]
    expected += [f"{folder}/work/{name}" for name in computed]
    expected += [
        "Snakefile",
        "scripts/rules/draw.smk",
        "scripts/autograd_by_hand/summation/tree.py",
        "envs/requirements.txt",
        "Makefile",
    ]
    expected += ["LICENSE", "CITATION.cff", "README.md", "templates/REPORT.md.j2"]
    expected += ["templates/report/verdict.md.j2"]
    expected += ["profiles/default/config.yaml", "experiments/schema.yaml"]
    assert set(expected) <= files.keys()


def test_sha256sum_finds_every_file_as_it_should_be(archived: Project, tmp_path: Path) -> None:
    shutil.unpack_archive(archived.archive, tmp_path, filter="data")
    subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"],
        cwd=tmp_path / TINY,
        check=True,
    )
    lines = (tmp_path / TINY / "SHA256SUMS").read_text().splitlines()
    present = {
        str(path.relative_to(tmp_path / TINY))
        for path in (tmp_path / TINY).rglob("*")
        if path.is_file()
    }
    assert {line.split("  ")[1] for line in lines} == present - {"SHA256SUMS"}


@pytest.mark.thorough
def test_an_archive_can_be_run_again_to_the_same_bytes(archived: Project, tmp_path: Path) -> None:
    shutil.unpack_archive(archived.archive, tmp_path, filter="data")
    again = Project(tmp_path / TINY)
    shutil.rmtree(again.folder / "work")
    for file in again.outputs():
        (again.folder / file).unlink()
    run = again.snakemake("all", "archive")
    assert run.returncode == 0, run.stdout
    assert again.archive.read_bytes() == archived.archive.read_bytes()


@pytest.mark.thorough
def test_two_machines_of_one_kind_give_the_same_archive(archived: Project, tmp_path: Path) -> None:
    other = copy_project(tmp_path / "elsewhere")
    script = f"umask 077; exec {Path(sys.executable).with_name('snakemake')} -c2 all archive"
    environment = {
        "PYTHONHASHSEED": "3",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    run = subprocess.run(
        ["sh", "-c", script],
        cwd=other.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert other.outputs() == archived.outputs()
    assert other.archive.read_bytes() == archived.archive.read_bytes()


def test_the_crate_describes_every_file_by_its_hash(files: dict[str, bytes]) -> None:
    crate = json.loads(files["ro-crate-metadata.json"])
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    described = {path for path, entity in entities.items() if "File" in entity["@type"]}
    assert described == files.keys() - {"ro-crate-metadata.json", "SHA256SUMS"}
    for path in described:
        assert entities[path]["sha256"] == hashlib.sha256(files[path]).hexdigest()
        assert entities[path]["contentSize"] == str(len(files[path]))
    assert {part["@id"] for part in entities["./"]["hasPart"]} == described


def test_everything_that_the_crate_refers_to_is_in_it(files: dict[str, bytes]) -> None:
    crate = json.loads(files["ro-crate-metadata.json"])
    known = {entity["@id"] for entity in crate["@graph"]}

    def references(value: object) -> list[str]:
        if isinstance(value, list):
            return [found for item in value for found in references(item)]
        if isinstance(value, dict):
            return [str(value["@id"])] if value.keys() == {"@id"} else references([*value.values()])
        return []

    named = set(references([[*entity.values()] for entity in crate["@graph"]]))
    outside = {name for name in named - known if not name.startswith(("http://", "https://"))}
    assert outside == set()
    assert "#run" in named
    assert {"Snakefile", "LICENSE"} <= named


def test_the_run_is_told_with_what_it_used_and_made(files: dict[str, bytes]) -> None:
    crate = json.loads(files["ro-crate-metadata.json"])
    (run,) = (entity for entity in crate["@graph"] if entity["@type"] == "CreateAction")
    assert {"@id": f"experiments/{TINY}/backward.py"} in run["object"]
    assert {"@id": f"experiments/{TINY}/REPORT.md"} in run["result"]
    assert run["instrument"] == {"@id": "Snakefile"}


def test_the_project_has_what_an_archive_takes_from_it() -> None:
    for name in ("LICENSE", "CITATION.cff", "README.md", "Makefile", "pyproject.toml"):
        assert (ROOT / name).is_file()
