"""A run on a cluster: the same bytes as a local one, and a sentence for each way to fail."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.slurm import cluster, missing
from tests.conftest import ROOT, TINY, Project, copy_project
from tests.test_faults import stages_in, start, told, until_alone

FOLDER = f"experiments/{TINY}"
# The first look at a job is after a second, the next one eleven later.
PROFILE = ["--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1"]


@pytest.fixture(scope="session")
def slurm() -> Iterator[dict[str, str]]:
    """The environment in which Slurm's commands find the cluster."""
    assert not missing(), (
        f"install {missing()}: apt-get install slurmctld slurmd slurm-client munge"
    )
    with cluster() as environment:
        yield environment


def unrun(to: Path) -> Project:
    """A project that has not run, with an experiment in one format."""
    project = copy_project(to)
    project.edit(f"{FOLDER}/config.yaml", "[float64, float32]", "[float64]")
    project.edit(f"{FOLDER}/config.yaml", "dtype: float32", "dtype: float64")
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return unrun(tmp_path)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run on this machine, without Slurm. Look, but do not touch."""
    project = unrun(tmp_path_factory.mktemp("local"))
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    return project


def jobs(slurm: dict[str, str], project: Project) -> dict[str, str]:
    """What became of each of a project's jobs, by their numbers."""
    command = ["squeue", "--states=all", "--noheader", "--sort=i", "--format=%i %T %Z"]
    lines = subprocess.check_output(command, env=slurm, text=True).splitlines()
    fields = [line.split(maxsplit=2) for line in lines]
    return {number: state for number, state, folder in fields if folder == str(project.root)}


def start_on_cluster(
    slurm: dict[str, str], project: Project, *arguments: str
) -> subprocess.Popen[str]:
    return start(project, *PROFILE, *arguments, **slurm)


def until_a_stage_is_at_work(project: Project, run: subprocess.Popen[str]) -> list[int]:
    while not (project.folder / "work/draws.safetensors").exists() or not stages_in(project.root):
        assert run.poll() is None, told(project)
        time.sleep(0.02)
    return stages_in(project.root)


def test_a_run_on_the_cluster_is_two_jobs_an_experiment_and_gives_the_same_bytes(
    slurm: dict[str, str], local: Project, project: Project
) -> None:
    shutil.copytree(project.folder, project.folder.with_name("twin"))
    run = start_on_cluster(slurm, project)
    assert run.wait() == 0, told(project)
    assert list(jobs(slurm, project).values()) == ["COMPLETED"] * 4
    assert project.outputs() == local.outputs()
    assert "Nothing to be done" in project.snakemake().stdout


def test_a_stage_that_is_killed_on_the_node_is_run_again(
    slurm: dict[str, str], local: Project, project: Project
) -> None:
    run = start_on_cluster(slurm, project)
    (stage, *_) = until_a_stage_is_at_work(project, run)
    os.kill(stage, signal.SIGKILL)
    assert run.wait() == 0, told(project)
    assert list(jobs(slurm, project).values()) == ["FAILED", "COMPLETED", "COMPLETED"]
    assert project.outputs() == local.outputs()


def test_a_job_that_is_cancelled_is_named_and_the_next_run_goes_on(
    slurm: dict[str, str], local: Project, project: Project
) -> None:
    run = start_on_cluster(slurm, project, "--retries=0")
    until_a_stage_is_at_work(project, run)
    (number,) = jobs(slurm, project)
    subprocess.run(["scancel", number], env=slurm, check=True)
    assert run.wait() != 0
    assert f"Slurm job {number}: CANCELLED; see " in told(project)
    assert "Traceback" not in told(project)
    until_alone(project.root)
    assert (project.folder / "work/draws.safetensors").exists()
    again = project.snakemake()
    assert again.returncode == 0, again.stdout
    assert "generate_tensors" not in again.stdout
    assert project.outputs() == local.outputs()


def test_a_mistake_in_forward_is_the_same_sentence_as_in_a_local_run(
    slurm: dict[str, str], project: Project
) -> None:
    project.edit(f"{FOLDER}/forward.py", "0.5 *", "half *")
    run = start_on_cluster(slurm, project, "--retries=0")
    assert run.wait() != 0
    (number,) = jobs(slurm, project)
    assert f"Slurm job {number}: FAILED; see " in told(project)
    assert "Traceback" not in told(project)
    sentence = (project.folder / "work/logs/draw_cotangents.log").read_text()
    assert f"{FOLDER}/forward.py" in sentence
    assert sentence in told(project)
    assert sentence in project.snakemake().stdout


def test_an_experiment_that_misses_its_criteria_keeps_its_report_and_is_not_run_again(
    slurm: dict[str, str], project: Project
) -> None:
    project.edit(f"{FOLDER}/config.yaml", "below: 1.0e-5", "below: -1")
    run = start_on_cluster(slurm, project)
    assert run.wait() != 0
    assert list(jobs(slurm, project).values()) == ["COMPLETED"] * 2
    assert told(project).count("1 of 2 acceptance criteria do not hold") == 1
    assert (project.folder / "REPORT.md").is_file()
    assert (project.folder / "manifest.json").is_file()


def test_the_profile_without_slurm_is_a_sentence(project: Project, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/which").symlink_to(str(shutil.which("which")))
    run = project.snakemake("--profile", "profiles/slurm", PATH=str(tmp_path / "bin"))
    assert run.returncode != 0
    last = run.stdout.splitlines()[-1]
    assert last.startswith("profiles/slurm: Slurm does not answer here;")


def test_the_profile_with_a_dead_slurm_is_a_sentence(project: Project) -> None:
    run = project.snakemake("--profile", "profiles/slurm", SLURM_CONF="/nowhere")
    assert run.returncode != 0
    last = run.stdout.splitlines()[-1]
    assert last.startswith("profiles/slurm: Slurm does not answer here;")


def test_the_profile_without_the_plugin_is_a_sentence(project: Project) -> None:
    code = (
        "import pkgutil, sys; from snakemake.cli import main; listed = pkgutil.iter_modules;"
        "pkgutil.iter_modules = lambda *a: (m for m in listed(*a) if 'slurm' not in m.name);"
        "sys.modules['snakemake_executor_plugin_slurm'] = None;"
        "main(['--profile', 'profiles/slurm'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    last = run.stderr.splitlines()[-1]
    assert last.startswith("profiles/slurm: this Python lacks Snakemake's Slurm plugin;")


def test_many_runs_are_a_job_a_chunk_and_give_the_same_bytes(
    slurm: dict[str, str], tmp_path: Path
) -> None:
    here, there = (unrun(tmp_path / name) for name in ("here", "there"))
    for project in (here, there):
        project.edit(f"{FOLDER}/config.yaml", "runs: 3}", "runs: 120}")
    assert here.snakemake().returncode == 0
    run = start_on_cluster(slurm, there, "--config", "chunk=10")
    assert run.wait() == 0, told(there)
    assert list(jobs(slurm, there).values()) == ["COMPLETED"] * 4
    assert there.outputs() == here.outputs()


def test_every_stage_but_the_quick_ones_at_the_end_is_in_a_group() -> None:
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    stages = {path.stem for path in (ROOT / "scripts").glob("[a-z]*.py")}
    here = {"accept", "write_index", "compare", "record", "sign", "verify"}
    assert profile["groups"].keys() == stages - here
    assert set(profile["groups"].values()) == {"experiment", "chunk", "report"}
