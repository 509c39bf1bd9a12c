"""The stages in one process are the pipeline: the same jobs, the same bytes."""

from collections import Counter
from pathlib import Path

from tests.conftest import TINY, Project, copy_project
from tests.in_process import Pipeline

TARGETS = [f"experiments/{TINY}/{file}" for file in ("manifest.json", "work/accepted.txt")]


def test_they_are_the_jobs_of_snakemake_and_leave_the_same_outputs(
    finished: Project, tmp_path: Path
) -> None:
    project = copy_project(tmp_path / "project")
    pipeline = Pipeline(project.root)
    jobs = Counter(job.stage for job in pipeline.jobs(*TARGETS))
    assert jobs == project.planned("--forceall", *TARGETS)
    pipeline.make(*TARGETS)
    assert project.outputs() == finished.outputs()


def test_a_stage_runs_again_whenever_it_is_asked_for(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    pipeline = Pipeline(project.root)
    draws = project.folder / "work/draws.safetensors"
    for _ in range(2):
        pipeline.run("generate_tensors", experiment=TINY, dtype="float32")
        assert draws.exists()
        draws.unlink()
