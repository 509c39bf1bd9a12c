"""What a run does before its first job and after its last."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.pipeline.code_fingerprint import Code
from autograd_by_hand.pipeline.inputs import FOLDER, Experiments
from autograd_by_hand.pipeline.progress_line import Screen
from autograd_by_hand.pipeline.receipts import renew_recipes
from autograd_by_hand.pipeline.recipes import jobs
from autograd_by_hand.pipeline.resources import memory_available, refuse_what_cannot_be
from autograd_by_hand.pipeline.run_lock import be_part_of_a_run, be_the_only_run
from autograd_by_hand.pipeline.slurm import why_jobs_failed
from autograd_by_hand.pipeline.snakemake_patches import (
    add_targets,
    before_the_dag,
    limit,
    remove_rate_limit,
    run_stages_by,
    targets,
)
from autograd_by_hand.pipeline.warm_python import start_warm_python


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Have Snakemake end with what an error says, and without a traceback."""
    try:
        yield
    except UserError as error:
        raise WorkflowError(str(error)) from None


def let_stages_import(library: str) -> None:
    """Have the warm Python import from `library`, as each stage does from beside its script."""
    already = filter(None, [os.getenv("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join([library, *already])


def prepare_recipes(workflow: Any, rules: Any, experiments: Experiments, code: Code) -> None:
    """Hold every job against its receipt, before Snakemake looks at dates.

    What was spoilt since its job wrote it is told on standard error.
    """
    with in_a_sentence():
        for sentence in renew_recipes(jobs(workflow, rules, experiments, code)):
            print(sentence, file=sys.stderr)
    code.remember()


def set_up(workflow: Any, experiments: Experiments) -> None:
    """Have a run fail on a verdict that is not accepted, and do no more at once than memory allows.

    Who asks for a report alone asks for its acceptance too, which is decided once it is written.
    """

    def act() -> None:
        if not workflow.touch:
            add_targets(workflow, experiments.accepted(targets(workflow)))
        memory = memory_available()
        if workflow.local_exec and memory is not None:
            limit(workflow, "mem_mb", int(memory / 1e6))

    before_the_dag(workflow, act)


def begin(workflow: Any, experiments: Experiments, screen: Screen) -> None:
    """Take the folder, refuse what the machine cannot do, and start what the jobs need."""
    with in_a_sentence():
        be_the_only_run()
        if workflow.local_exec:
            unfinished = {
                name: config
                for name, config in experiments.configs.items()
                if not (FOLDER / name / "work/accepted.txt").exists()
            }
            refuse_what_cannot_be(unfinished, Path())
    if workflow.local_exec:
        run_stages_by(start_warm_python)
    remove_rate_limit(workflow)
    screen.begin()


def end_failed(workflow: Any, logs: list[str], screen: Screen) -> None:
    """Show what came of the run, and why jobs on a cluster failed."""
    if not workflow.local_exec:
        print(*why_jobs_failed([Path(each) for each in logs]), sep="\n", file=sys.stderr)
    screen.end()


def take_part(workflow: Any) -> None:
    """On a node of a cluster, carry out a group's stages here, without a Snakemake for each."""
    workflow.localrules(*(rule.name for rule in workflow.rules))
    be_part_of_a_run()
    run_stages_by(start_warm_python)
