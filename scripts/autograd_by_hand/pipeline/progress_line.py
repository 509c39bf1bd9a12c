"""Show the progress of a run, and its results at the end.

On a terminal, one line shows how many jobs are done, which are running, and for how long. Anywhere
else, each finished job gets a line of plain text, which suits a log.
"""

import atexit
import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from autograd_by_hand.core.progress import duration, on_terminal
from autograd_by_hand.pipeline.final_summary import brief, show
from autograd_by_hand.pipeline.run_stage import REPORTED_BY_RUN
from autograd_by_hand.pipeline.snakemake_patches import (
    is_quiet,
    is_run,
    listen,
    own_words,
    says_that_jobs_failed,
    targets,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

NO_JOBS = ("all", "archive", "total")  # rules that only request files, and Snakemake's total
CHUNK = "measure_chunk"  # a rule whose jobs take alike long, so the time left can be estimated
ACCEPT = "accept"  # the rule whose failures are reported last
REPORTED_BY = (ACCEPT, "render_page", "render_report")  # after one of these a report is this run's


@dataclass(frozen=True)
class Begun:
    """A running job: rule, experiment, other wildcards, and start (s, monotonic clock)."""

    rule: str
    experiment: str
    which: str
    since: float

    def __str__(self) -> str:
        what = f"{self.rule} {self.which}".rstrip()
        return f"{what}, {self.experiment}" if self.experiment else what


class Screen(logging.Handler):
    """A handler of Snakemake's log that shows the progress in place of Snakemake's own messages.

    workflow: Snakemake's, which knows whether jobs are executed, and where
    reports: by experiment, the path of its report in its first language
    """

    def __init__(self, workflow: Any, reports: dict[str, str]) -> None:
        super().__init__()
        self.workflow, self.reports = workflow, reports
        self.total, self.chunks = 0, 0
        self.begun: dict[int, Begun] = {}
        self.ended: list[Begun] = []
        self.reported: set[str] = set()
        self.failures: list[str] = []
        self.untold: list[str] = []
        self.failed_elsewhere = False
        self.start = time.monotonic()
        self.live: Live | None = None
        self.own = own_words()
        if self.own:
            self.own.addFilter(self._is_left_to_snakemake)
            self.own.nocolor |= bool(os.getenv("NO_COLOR"))
            listen(self)

    def begin(self) -> None:
        """Start to show the progress of the run."""
        self.start, self.began = time.monotonic(), time.time()
        if self.own:
            os.environ[REPORTED_BY_RUN] = "all" if self.workflow.local_exec else ACCEPT
        if self.own and self._shows_progress() and on_terminal():
            from rich.console import Console  # imported here, since it takes 0.1 s
            from rich.live import Live

            console = Console(stderr=True)
            self.live = Live(console=console, get_renderable=self._line, transient=True)
            self.live.start()
            console.show_cursor(True)  # since a run that is killed could not restore it
            self.own.setStream(sys.stderr)  # so that messages appear above the line
            atexit.register(self.live.stop)

    def end(self) -> None:
        """Print the summaries of the experiments in this run, and last why jobs failed."""
        if self.live:
            self.live.stop()
            self.own.setStream(sys.stderr)
        if not is_quiet(self.workflow, Quietness.ALL):
            self._print_results()
        for reason in dict.fromkeys(self.failures):
            print(f"\n{reason}", file=sys.stderr, flush=True)

    def _print_results(self) -> None:
        show(
            {
                self.reports[name]: _page_or_report(self.reports[name])
                for name in sorted(self.reported)
            }
        )
        if self.ended:
            took = duration(time.monotonic() - self.start)
            jobs = "1 job" if len(self.ended) == 1 else f"{len(self.ended)} jobs"
            print(f"{jobs} done in {took}.", file=sys.stderr, flush=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Handle an event in Snakemake's log: count the jobs, and note their starts and ends."""
        if not is_run(self.workflow):
            return
        event, fields = getattr(record, "event", None), record.__dict__
        if record.msg == NOTHING_TO_BE_DONE_MSG and not targets(self.workflow):
            print(*map(brief, self.reports.values()), sep="\n")
        elif event == LogEvent.RUN_INFO:
            self.total = sum(n for rule, n in fields["stats"].items() if rule not in NO_JOBS)
            self.chunks = fields["stats"].get(CHUNK, 0)
        elif event == LogEvent.JOB_INFO and fields["rule_name"] not in NO_JOBS:
            self._tell_failures()
            self.begun[fields["jobid"]] = _begun(fields["rule_name"], dict(fields["wildcards"]))
        elif event == LogEvent.JOB_FINISHED and fields["job_id"] in self.begun:
            self._note_end(self.begun.pop(fields["job_id"]))
        elif event == LogEvent.JOB_ERROR and fields["jobid"] in self.begun:
            self._note_failure(self.begun.pop(fields["jobid"]), Path(fields["log"][0]))

    def _note_failure(self, job: Begun, log: Path) -> None:
        """Keep why a job failed for the end of the run; tell it at once if other jobs go on.

        On a cluster, Snakemake and `pipeline.slurm` report what fails there.
        """
        if job.rule == ACCEPT:  # the report exists, so its summary is printed before
            self.reported.add(job.experiment)
        elif not self.workflow.local_exec:
            self.failed_elsewhere = True
            return
        reason = self._why_failed(job, log)
        self.failures.append(reason)
        if job.rule != ACCEPT:
            self.untold.append(reason)
        if self.begun:
            self._tell_failures()

    def _tell_failures(self) -> None:
        for reason in self.untold:
            print(f"\n{reason}\n", file=sys.stderr, flush=True)
        self.untold.clear()

    def _note_end(self, job: Begun) -> None:
        self.ended.append(job)
        if job.rule in REPORTED_BY:
            self.reported.add(job.experiment)
        if not self.live and self._shows_progress():
            took = duration(time.monotonic() - job.since)
            print(f"{len(self.ended)} of {self.total}: {job}, {took}", file=sys.stderr, flush=True)

    def _line(self) -> "RenderableType":
        """The line: the jobs done and the time, the running jobs, an estimate of the time left."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        now = time.monotonic()
        parts = [f"{len(self.ended)} of {self.total} jobs, {duration(now - self.start)}"]
        parts += [f"{job}, {duration(now - job.since)}" for job in list(self.begun.values())]
        chunks = [job for job in self.ended if job.rule == CHUNK]
        if chunks and len(chunks) < self.chunks:
            rate = (now - chunks[0].since) / len(chunks)
            left = duration(rate * (self.chunks - len(chunks)))
            parts.insert(1, f"{len(chunks)} of {self.chunks} chunks, about {left} left")
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(self.total, len(self.ended), width=16),
            Text(" | ".join(parts), no_wrap=True, overflow="ellipsis"),
        )
        return line

    def _why_failed(self, job: Begun, log: Path) -> str:
        is_of_this_run = log.is_file() and log.stat().st_mtime >= self.began - 1
        reason = log.read_text(encoding="utf-8").rstrip() if is_of_this_run else ""
        return reason or f"{job} was killed; run snakemake again."

    def _is_left_to_snakemake(self, record: logging.LogRecord) -> bool:
        if is_run(self.workflow) and not self.failed_elsewhere:
            rule = None if self.workflow.local_exec else ACCEPT
            if says_that_jobs_failed(record, rule):
                return False
        return (
            not is_run(self.workflow)
            or not self.workflow.local_exec
            or record.levelno > logging.INFO
            or record.msg == NOTHING_TO_BE_DONE_MSG
        )

    def _shows_progress(self) -> bool:
        return not is_quiet(self.workflow, Quietness.PROGRESS)


def _page_or_report(report: str) -> str:
    """The page that was made from a report, or the report if its page is missing or older."""
    page = Path(report).with_suffix(".html")
    made = page.is_file() and page.stat().st_mtime >= Path(report).stat().st_mtime
    return str(page) if made else report


def _begun(rule: str, wildcards: dict[str, str]) -> Begun:
    experiment = wildcards.pop("experiment", "")
    if "first" in wildcards:
        wildcards["first"] = f"{wildcards['first']} to {wildcards.pop('last')}"
    which = " ".join(one.removeprefix(".") for one in wildcards.values())
    return Begun(rule, experiment, which, time.monotonic())
