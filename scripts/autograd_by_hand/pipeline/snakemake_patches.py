"""Every use of Snakemake's internals: what it changes or reads, why, and what happens without it.

They are valid for Snakemake `HOLDS_FOR`, to which envs/requirements.txt pins it; a test fails on
any other version. Each patch has a name. The environment variable `WITHOUT_PATCHES` lists those
that must not be applied, or is `all`; a run without them writes the same files.
"""

import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.enums import Quietness

HOLDS_FOR = "9.27.1"
WITHOUT_PATCHES = "WITHOUT_PATCHES"
WARM_PYTHON, RATE_LIMIT, PREPARE_DAG, AT_THE_END = (
    "warm_python",
    "rate_limit",
    "prepare_dag",
    "at_the_end",
)
PATCHES = (WARM_PYTHON, RATE_LIMIT, PREPARE_DAG, AT_THE_END)
OWN_WORDS = "DefaultStreamHandler"
_STAGE_FAILED = re.compile(r"\.(\w+)\.py' (?:returned non-zero exit status|died with)")
JOBS_FAILED = "At least one job did not complete successfully."


def is_applied(patch: str) -> bool:
    """Whether a patch is to be applied; the environment variable WITHOUT_PATCHES can forbid it."""
    without = os.getenv(WITHOUT_PATCHES, "").split(",")
    return patch not in without and "all" not in without


def run_stages_by(start: Callable[[], str]) -> None:
    """Have Snakemake start stages with the interpreter that `start` returns instead of its own.

    `PythonScript.execute_script` starts `sys.executable`, and there is no setting for it. Without
    this patch every stage imports torch itself.
    """
    if is_applied(WARM_PYTHON):
        sys.executable = start()


def remove_rate_limit(workflow: Any) -> None:
    """Remove the limit of jobs per second; call it once the scheduler exists.

    `JobScheduler.job_rate_limiter` starts a clock in every round, which makes each run end a second
    late. Its setting, max-jobs-per-timespan, cannot express "no limit": with 0 seconds, the clock
    keeps a core busy for the whole run.
    """
    if is_applied(RATE_LIMIT):
        workflow.scheduler.job_rate_limiter = None


def before_the_dag(
    workflow: Any, act: Callable[[], None], otherwise: Callable[[], None] = lambda: None
) -> None:
    """Call `act` after Snakemake has read its settings and before it builds the graph of jobs.

    While a Snakefile is read, `workflow.dag_settings` and the executor are not yet known, and
    `onstart` runs after the graph is built. `Workflow._prepare_dag` runs in between. `act` is
    called only in a run or a dry run: `snakemake --report`, `--summary` and others have no
    executor, and `otherwise` is called for them.
    """
    prepare = workflow._prepare_dag  # noqa: SLF001

    def act_and_prepare(*arguments: Any, **named: Any) -> None:
        if workflow.executor_plugin is not None:
            act()
        else:
            otherwise()
        prepare(*arguments, **named)

    if is_applied(PREPARE_DAG):
        workflow._prepare_dag = act_and_prepare  # noqa: SLF001


def at_the_end(workflow: Any, act: Callable[[], None]) -> None:
    """Call `act` after all that Snakemake itself says of a run, of a dry run or of --lint.

    There is no hook for it: `onsuccess` is not called in a dry run, nor if nothing is to be done.
    If jobs failed, `Workflow.execute` raises a `WorkflowError`; `act` is called before that.
    """

    def and_act(method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            result = method(*arguments, **named)
        except WorkflowError as error:
            if str(error) == JOBS_FAILED:
                act()
            raise
        act()
        return result

    if is_applied(AT_THE_END):
        for name in ("execute", "lint"):
            setattr(workflow, name, partial(and_act, getattr(workflow, name)))


def targets(workflow: Any) -> set[str]:
    """The files and rules that were requested by name; none if the first rule is meant."""
    return set(workflow.dag_settings.targets) if workflow.dag_settings else set()


def leave_out_targets(workflow: Any, files: Collection[str]) -> None:
    """Do not make some of the files that were requested by name."""
    workflow.dag_settings.targets = targets(workflow) - set(files)


def add_targets(workflow: Any, files: Iterable[str]) -> None:
    """Request more files, as if they had been named on the command line."""
    workflow.dag_settings.targets = targets(workflow) | set(files)


def limit(workflow: Any, resource: str, amount: int) -> None:
    """Limit how much of a resource the running jobs use together, unless the user has limited it.

    `Workflow.register_resource` is what a rule with `handover` uses; users set a limit with
    --resources. A job that needs more than the limit is treated as if it needed all of it.
    """
    if workflow.global_resources.get(resource).value is None:
        workflow.register_resource(resource, amount)


def says_that_jobs_failed(record: logging.LogRecord, rule: str | None = None) -> bool:
    """Whether a message of Snakemake's only says that a stage failed, or that some job did.

    rule: the rule whose stage it may be; any if it is None

    The texts are those of `RuleException`, `job_scheduler.ERROR_MESSAGE` and `Workflow.execute`.
    """
    text = record.getMessage()
    failed = _STAGE_FAILED.search(text) if text.startswith("RuleException:") else None
    return (
        text.startswith("Exiting because a job execution failed.")
        or text.endswith(JOBS_FAILED)
        or (failed is not None and rule in (None, failed[1]))
    )


def is_run(workflow: Any) -> bool:
    """Whether jobs are executed, unlike in a dry run or for a list of rules."""
    return workflow.executor_plugin is not None and not workflow.dryrun and not workflow.touch


def is_quiet(workflow: Any, about: Quietness) -> bool:
    """Whether the user asked Snakemake to be quiet about `about`, or about everything."""
    return not {about, Quietness.ALL}.isdisjoint(workflow.output_settings.quiet or ())


def own_words() -> Any:
    """Snakemake's log handler for the terminal, or None if the user chose another logger.

    It is found by its name; its attribute `nocolor` and its methods are those of 9.27.
    """
    return next((one for one in logger.handlers if one.name == OWN_WORDS), None)


def listen(handler: logging.Handler) -> None:
    """Add a handler to Snakemake's log."""
    logger.addHandler(handler)


def read_workflow(root: Path) -> Any:
    """The Snakefile in `root` as Snakemake reads it for a process that does not lead the run."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        OutputSettings,
        ResourceSettings,
        WorkflowSettings,
    )
    from snakemake_interface_executor_plugins.settings import ExecMode

    path, environment = [*sys.path], dict(os.environ)
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                workflow_settings=WorkflowSettings(exec_mode=ExecMode.SUBPROCESS),
                snakefile=root / "Snakefile",
                workdir=root,
            )
            return workflow._workflow  # noqa: SLF001 - there is no other door
    finally:
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)
