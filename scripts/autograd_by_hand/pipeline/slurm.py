"""Say why jobs on a cluster failed: what Slurm says of them, and what their stages said."""

import re
import subprocess
from pathlib import Path

from autograd_by_hand.pipeline.run_lock import RUN

SUBMITTED = re.compile(r"has been submitted with SLURM jobid (\d+) \(log: (.*)\)\.")
EXPERIMENTS = Path("experiments")


def why_jobs_failed(logs: list[Path]) -> list[str]:
    """Sentences on the jobs of this run that did not end well.

    logs: what Snakemake wrote of the run so far, with the numbers that Slurm gave to its jobs
    """
    written = "".join(log.read_text(encoding="utf-8") for log in logs)
    jobs = dict(SUBMITTED.findall(written))
    told = [
        f"Slurm job {number}: {state}; see {jobs[number]}"
        for number, state in _states(list(jobs)).items()
        if state not in ("COMPLETED", "RUNNING")
    ]
    return told + _said_by_stages()


def _states(numbers: list[str]) -> dict[str, str]:
    """What became of jobs, as far as Slurm remembers them, by their numbers."""
    if not numbers:
        return {}
    which = ["--states=all", f"--jobs={','.join(numbers)}"]
    command = ["squeue", *which, "--noheader", "--sort=i", "--format=%i %T"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())


def _said_by_stages() -> list[str]:
    """What is in the logs of stages that were written since this run began.

    But for accept, which is no job of the cluster and has said it.
    """
    began = RUN.stat().st_mtime
    logs = sorted(EXPERIMENTS.glob("*/work/logs/*.log"))
    return [
        log.read_text(encoding="utf-8").rstrip()
        for log in logs
        if log.stem != "accept" and log.stat().st_size and log.stat().st_mtime >= began
    ]
