"""Recipes: of the jobs that Snakemake itself sees, and of what each run pays for them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.pipeline.recipes import package_version, versions
from autograd_by_hand.pipeline.resources import PYTHON, memory_of_stage
from tests.conftest import ROOT, TINY, Project, copy_project

CONFIG = f"experiments/{TINY}/config.yaml"


def graph(project: Project) -> dict[str, Any]:
    """What tests/dag.py tells of a project."""
    run = subprocess.run(
        [sys.executable, str(ROOT / "tests/dag.py")],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": str(project.root / "scripts")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told


def jobs(rows: list[Any]) -> list[str]:
    return sorted(map(json.dumps, rows))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, dict[str, Any]]:
    """An experiment with a job of every rule: chunks, pitfalls, sizes, languages, four dtypes."""
    project = copy_project(tmp_path_factory.mktemp("whole"))
    project.edit(CONFIG, "runs: 3", "runs: 105")
    project.edit(CONFIG, "time_limit: 20", "chunk: 2\nlanguages: [en, es]\ntime_limit: 20")
    project.edit(CONFIG, "[float64, float32]", "[float32, float64, bfloat16, float16]")
    pitfall = "pitfalls:\n  - {mistake: A sign, replace: dy.T @ x, by: -dy.T @ x}\n"
    project.edit(CONFIG, "acceptance:\n", f"axes: {{batch: 2}}\n{pitfall}acceptance:\n")
    project.edit(CONFIG, "x: {shape: [2, 3]", "x: {shape: [batch, 3]")
    return project, graph(project)


def test_a_recipe_is_written_for_every_job_that_snakemake_sees_and_for_no_other(
    whole: tuple[Project, dict[str, Any]],
) -> None:
    project, told = whole
    assert {row[0] for row in told["dag"]} >= {"measure_chunk", "try_pitfalls", "collect_gradients"}
    assert jobs(told["recipes"]) == jobs(told["dag"])
    assert told["ingredients"] == told["params"]
    written = {str(path.relative_to(project.root)) for path in project.root.rglob("recipes/*.json")}
    assert written == {path for row in told["dag"] for path in row[2] if "/recipes/" in path}


@pytest.mark.thorough
def test_what_an_experiment_does_not_ask_for_has_a_recipe_and_no_job(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    project.edit(CONFIG, "[float64, float32]", "[float32]")
    told = graph(project)
    dag, ours = set(jobs(told["dag"])), set(jobs(told["recipes"]))
    assert dag < ours
    assert {json.loads(row)[0] for row in ours - dag} == {
        "attribute_difference",
        "collect_gradients",
        "mark_chunks",
        "observe_operations",
        "reveal_orders",
        "try_pitfalls",
        "try_sizes",
        "verify_replay",
    }


def test_a_start_reads_the_metadata_of_a_package_once(
    whole: tuple[Project, dict[str, Any]],
) -> None:
    calls = whole[1]["calls"]
    assert {"torch", "numpy", "snakemake"} <= calls.keys()
    assert set(calls.values()) == {1}


def test_a_job_is_given_the_memory_of_its_own_stage(whole: tuple[Project, dict[str, Any]]) -> None:
    project, told = whole
    config = load_config(project.folder / "config.yaml", ROOT / "experiments/schema.yaml")
    for rule, megabytes in told["memory"].items():
        needed = PYTHON if rule == "write_index" else memory_of_stage(rule, config)
        assert 0 <= megabytes - needed / 1e6 < 1, rule


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The packages whose version importlib is asked for."""
    asked: list[str] = []

    def version(name: str) -> str:
        asked.append(name)
        return "1.2"

    monkeypatch.setattr("importlib.metadata.version", version)
    package_version.cache_clear()
    versions.cache_clear()
    yield asked
    package_version.cache_clear()
    versions.cache_clear()


def test_environments_share_what_was_read_of_their_packages(
    count: list[str], tmp_path: Path
) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("dependencies:\n- pip:\n  - numpy==1.0\n  - ml_dtypes==2.0\n")
    two.write_text("dependencies:\n- pip:\n  - numpy==1.0\n  - markdown-it-py==3.0\n")
    for _ in range(3):
        assert versions(one) == {"numpy": "1.2", "ml_dtypes": "1.2"}
        assert versions(two) == {"numpy": "1.2", "markdown-it-py": "1.2"}
    assert count == ["numpy", "ml_dtypes", "markdown-it-py"]


@pytest.mark.usefixtures("count")
def test_with_torch_stands_what_chooses_its_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    (tmp_path / "torch.yaml").write_text("- torch==2.0\n")
    (tmp_path / "numpy.yaml").write_text("- numpy==2.0\n")
    assert versions(tmp_path / "torch.yaml").keys() == {"torch", "processor", "MKL_CBWR"}
    assert versions(tmp_path / "numpy.yaml").keys() == {"numpy"}
