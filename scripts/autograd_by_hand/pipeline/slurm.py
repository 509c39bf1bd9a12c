"""Explain why jobs on a cluster failed: their states in Slurm, and the messages of their stages."""

import re
import subprocess
from pathlib import Path

from autograd_by_hand.pipeline.run_lock import RUN

SUBMITTED = re.compile(r"has been submitted with SLURM jobid (\d+) \(log: (.*)\)\.")
EXPERIMENTS = Path("experiments")


def why_jobs_failed(logs: list[Path]) -> list[str]:
    """Sentences on the jobs of this run that failed.

    logs: Snakemake's own logs of the run, which contain the numbers of its jobs in Slurm
    """
    written = "".join(log.read_text(encoding="utf-8") for log in logs)
    jobs = dict(SUBMITTED.findall(written))
    failed = [
        f"Slurm job {number}: {state}; see {jobs[number]}"
        for number, state in _states(list(jobs)).items()
        if state not in ("COMPLETED", "RUNNING")
    ]
    return failed + _messages_of_stages()


def _states(numbers: list[str]) -> dict[str, str]:
    """The states of jobs by their numbers, as far as Slurm still has them."""
    if not numbers:
        return {}
    which = ["--states=all", f"--jobs={','.join(numbers)}"]
    command = ["squeue", *which, "--noheader", "--sort=i", "--format=%i %T"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())


def _messages_of_stages() -> list[str]:
    """The contents of the stages' logs that were written since this run began.

    The log of accept is left out: it does not run on the cluster, and its message is shown anyway.
    """
    began = RUN.stat().st_mtime
    logs = sorted(EXPERIMENTS.glob("*/work/logs/*.log"))
    return [
        log.read_text(encoding="utf-8").rstrip()
        for log in logs
        if log.stem != "accept" and log.stat().st_size and log.stat().st_mtime >= began
    ]
