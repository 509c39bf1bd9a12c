"""Many runs: however they are cut, and whether they are looked at closely, they give the same."""

import re
import shutil
from pathlib import Path

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.config import load_config
from tests.conftest import ROOT, TINY, Project, copy_project, first_of, shared

CONFIG = f"experiments/{TINY}/config.yaml"
CLOSELY, RUNS = 4, 16  # few, where the pipeline looks closely at 100 runs


def with_many_runs(project: Project, closely: int = CLOSELY) -> Project:
    settings = "scripts/autograd_by_hand/experiment/settings.py"
    project.edit(settings, "FULLY_ANALYSED = 100", f"FULLY_ANALYSED = {closely}")
    project.edit(CONFIG, "runs: 3}", f"runs: {RUNS}}}")
    project.edit(CONFIG, "[float64, float32]", "[float32, bfloat16]")
    return project


def vector(project: Project) -> Project:
    """Another forward, whose result needs a cotangent."""
    project.edit(
        f"experiments/{TINY}/forward.py", "0.5 * ((x @ W.T) ** 2).sum()", "(x @ W.T).tanh()"
    )
    project.edit(
        f"experiments/{TINY}/backward.py",
        "def backward(x, W):\n    dy = x @ W.T",
        "def backward(x, W, dout):\n    dy = dout * (1 - (x @ W.T).tanh() ** 2)",
    )
    return project


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has run in chunks of 5. Look, but do not touch."""

    def make(root: Path) -> None:
        with_many_runs(copy_project(root)).jobs("--config", "chunk=5")

    return Project(shared(tmp_path_factory, "many", make))


@pytest.fixture
def mine(many: Project, tmp_path: Path) -> Project:
    """A copy of it, to run again."""
    shutil.copytree(many.root, tmp_path / "mine", symlinks=True)
    return Project(tmp_path / "mine")


@pytest.mark.thorough
def test_the_size_of_chunks_and_the_cores_change_no_byte(many: Project, tmp_path: Path) -> None:
    other = with_many_runs(copy_project(tmp_path / "other"))
    run = other.snakemake("-c2")
    assert run.returncode == 0, run.stdout
    assert other.outputs() == many.outputs()


@pytest.mark.thorough
def test_another_size_measures_again_and_leaves_the_rest(mine: Project) -> None:
    jobs = mine.jobs("--config", "chunk=6")
    assert jobs["measure_chunk"] == 2
    assert jobs["mark_chunks"] == 1
    assert jobs["run_autograd"] == jobs["generate_tensors"] == jobs["measure_noise"] == 0


MEASURED = (f"experiments/{TINY}/errors.csv", f"experiments/{TINY}/work/tails.json")


def measured(project: Project, *arguments: str) -> list[str]:
    run = project.snakemake(*MEASURED, *arguments)
    assert run.returncode == 0, run.stdout
    return [(project.root / file).read_text() for file in MEASURED]


@pytest.mark.thorough
def test_a_chunk_measures_what_looking_closely_does(tmp_path: Path) -> None:
    cut = with_many_runs(copy_project(tmp_path / "cut"))
    whole = with_many_runs(copy_project(tmp_path / "whole"), closely=RUNS)
    assert measured(cut) == measured(whole)


@pytest.mark.thorough
def test_cotangents_go_on_from_chunk_to_chunk(tmp_path: Path) -> None:
    project = vector(with_many_runs(copy_project(tmp_path / "vector")))
    large, small = (measured(project, "--config", f"chunk={size}") for size in (12, 5))
    assert large == small


@pytest.mark.thorough
def test_a_stopped_run_goes_on_with_the_chunks_that_are_left(mine: Project) -> None:
    for file in (mine.folder / "work/chunks").glob(f"trial.{CLOSELY}-*"):
        file.unlink()
    assert mine.jobs("--config", "chunk=5")["measure_chunk"] == 1


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("runs: 3}", "runs: 0}", "samples.trial.runs: 0 is out of range; it must be at least 1."),
        ("runs: 3}", "runs: 1000000000}", "is out of range; it must be at most 1000000."),
        (
            "time_limit: 20",
            "chunk: 4\ntime_limit: 20",
            "chunk: is larger than the runs of any sample (3); leave it out.",
        ),
        (
            "time_limit: 20",
            "chunk: 0\ntime_limit: 20",
            "chunk: 0 is out of range; it must be at least 1.",
        ),
    ],
)
def test_a_number_of_runs_that_will_not_do_is_a_sentence(
    tiny: Path, old: str, new: str, sentence: str
) -> None:
    config = tiny / "config.yaml"
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(UserError, match=re.escape(sentence)):
        load_config(config, ROOT / "experiments/schema.yaml")


@pytest.mark.parametrize("chunk", first_of(["0", "-3", "x", "1.5"]))
def test_a_chunk_on_the_command_line_that_will_not_do_is_a_sentence(
    project: Project, chunk: str
) -> None:
    run = project.snakemake("-n", "--config", f"chunk={chunk}")
    assert run.returncode != 0
    assert "must be a whole number of runs" in run.stdout


def test_few_runs_need_no_chunk(project: Project) -> None:
    assert not (project.folder / "work/chunks").exists()
    planned = project.planned("--forceall")
    assert planned["collect_errors"] == 1
    assert planned["measure_chunk"] == planned["mark_chunks"] == 0
