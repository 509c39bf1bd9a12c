"""Every reach into Snakemake's insides: what it changes or reads, why, and how to do without it.

They hold for Snakemake `HOLDS_FOR`, to which envs/requirements.txt pins it; a test fails on another
version. Each patch has a name. The environment variable `WITHOUT_PATCHES` lists those that are not
applied, or says `all`; a run without them gives the same files.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from snakemake.logging import logger
from snakemake.settings.enums import Quietness

HOLDS_FOR = "9.27.1"
WITHOUT_PATCHES = "WITHOUT_PATCHES"
WARM_PYTHON, RATE_LIMIT, PREPARE_DAG = "warm_python", "rate_limit", "prepare_dag"
PATCHES = (WARM_PYTHON, RATE_LIMIT, PREPARE_DAG)
OWN_WORDS = "DefaultStreamHandler"


def is_applied(patch: str) -> bool:
    """Whether a patch is to be applied, which the environment can forbid."""
    without = os.getenv(WITHOUT_PATCHES, "").split(",")
    return patch not in without and "all" not in without


def run_stages_by(start: Callable[[], str]) -> None:
    """Have Snakemake start stages with the interpreter that `start` gives, in place of its own.

    `PythonScript.execute_script` starts `sys.executable`, and there is no setting for it. Without
    this patch every stage imports torch anew.
    """
    if is_applied(WARM_PYTHON):
        sys.executable = start()


def remove_rate_limit(workflow: Any) -> None:
    """Remove the limit of jobs a second, once the scheduler is there.

    `JobScheduler.job_rate_limiter` starts a clock at every round, which makes each run end a second
    late. The setting for it, max-jobs-per-timespan, cannot say "no limit": with 0 seconds a core is
    kept busy for the whole run.
    """
    if is_applied(RATE_LIMIT):
        workflow.scheduler.job_rate_limiter = None


def before_the_dag(workflow: Any, act: Callable[[], None]) -> None:
    """Call `act` when Snakemake has read its settings and before it makes the graph of jobs.

    While a Snakefile is read, `workflow.dag_settings` and the executor are not yet known, and
    `onstart` comes after the graph. `Workflow._prepare_dag` is what runs between. Only for a run or
    a dry run: `snakemake --report`, `--summary` and the like have no executor.
    """
    prepare = workflow._prepare_dag  # noqa: SLF001

    def act_and_prepare(*arguments: Any, **named: Any) -> None:
        if workflow.executor_plugin is not None:
            act()
        prepare(*arguments, **named)

    if is_applied(PREPARE_DAG):
        workflow._prepare_dag = act_and_prepare  # noqa: SLF001


def targets(workflow: Any) -> set[str]:
    """The files and rules that were asked for by name; none for the first rule."""
    return set(workflow.dag_settings.targets)


def add_targets(workflow: Any, files: Iterable[str]) -> None:
    """Ask for more files, as if they had been named on the command line."""
    workflow.dag_settings.targets = targets(workflow) | set(files)


def limit(workflow: Any, resource: str, amount: int) -> None:
    """Have jobs wait that would need more of a resource together; the user's own limit stands.

    `Workflow.register_resource` is what a rule with `handover` uses; --resources is the user's. A
    job that needs more than all of it is held to need all.
    """
    if workflow.global_resources.get(resource).value is None:
        workflow.register_resource(resource, amount)


def says_that_jobs_failed(record: logging.LogRecord, rule: str) -> bool:
    """Whether Snakemake says no more than that a job of `rule` failed, or that some job did.

    The words are those of `RuleException`, `job_scheduler.ERROR_MESSAGE` and `Workflow.execute`.
    """
    said = record.getMessage()
    return (
        said.startswith("Exiting because a job execution failed.")
        or said.endswith("At least one job did not complete successfully.")
        or (said.startswith("RuleException:") and f".{rule}.py' returned non-zero exit" in said)
    )


def is_run(workflow: Any) -> bool:
    """Whether jobs are carried out, which a dry run or a list of rules does not do."""
    return workflow.executor_plugin is not None and not workflow.dryrun and not workflow.touch


def is_quiet(workflow: Any, about: Quietness) -> bool:
    """Whether the user asked Snakemake to be quiet about this, or about everything."""
    return not {about, Quietness.ALL}.isdisjoint(workflow.output_settings.quiet or ())


def own_words() -> Any:
    """The handler by which Snakemake writes to the terminal, or None if another logger does.

    It is found by its name; its attribute `nocolor` and its methods are those of 9.27.
    """
    return next((one for one in logger.handlers if one.name == OWN_WORDS), None)


def listen(handler: logging.Handler) -> None:
    """Have `handler` receive what Snakemake logs of its jobs."""
    logger.addHandler(handler)
