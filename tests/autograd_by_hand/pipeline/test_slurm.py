"""Why jobs on a cluster failed, from what Snakemake, Slurm and the stages wrote."""

import os
from pathlib import Path

import pytest

from autograd_by_hand.pipeline.slurm import why_jobs_failed

SNAKEMAKE = """\
Job a has been submitted with SLURM jobid 7 (log: slurm_logs/7.log).
Job b has been submitted with SLURM jobid 8 (log: slurm_logs/8.log).
"""
SQUEUE = """\
#!/bin/sh
echo "7 COMPLETED"
echo "8 OUT_OF_MEMORY"
"""
OLD, BEGAN = 1_000, 2_000


@pytest.fixture
def snakemake_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Snakemake's log, in a folder where a run began at BEGAN and Slurm answers as SQUEUE."""
    monkeypatch.chdir(tmp_path)
    write(Path(".snakemake/run.lock"), "1\n", BEGAN)
    write(Path("squeue"), SQUEUE, OLD)
    Path("squeue").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    return write(Path("snakemake.log"), SNAKEMAKE, BEGAN)


def write(path: Path, text: str, date: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (date, date))
    return path


def test_a_job_that_did_not_complete_is_named_with_its_log(snakemake_log: Path) -> None:
    assert why_jobs_failed([snakemake_log]) == [
        "Slurm job 8: OUT_OF_MEMORY; see slurm_logs/8.log",
    ]


def test_what_a_stage_of_this_run_said_is_told_and_nothing_older(snakemake_log: Path) -> None:
    logs = Path("experiments/one/work/logs")
    write(logs / "draw_cotangents.log", "forward.py: no such name.\n", BEGAN + 1)
    write(logs / "check_backward.log", "Said in an earlier run.\n", OLD)
    write(logs / "dump_graph.log", "", BEGAN + 1)
    assert why_jobs_failed([snakemake_log])[1:] == ["forward.py: no such name."]


def test_a_run_that_submitted_nothing_asks_nothing(snakemake_log: Path) -> None:
    snakemake_log.write_text("Nothing yet.\n")
    Path("squeue").unlink()
    assert why_jobs_failed([snakemake_log]) == []
