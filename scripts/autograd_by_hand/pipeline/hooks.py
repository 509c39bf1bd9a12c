"""Actions of a run before its first job and after its last."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.pipeline.code_fingerprint import Code
from autograd_by_hand.pipeline.inputs import FOLDER, Experiments
from autograd_by_hand.pipeline.progress_line import Screen
from autograd_by_hand.pipeline.receipts import renew_recipes
from autograd_by_hand.pipeline.recipes import jobs
from autograd_by_hand.pipeline.requested import accepted, refused, what_is_wrong
from autograd_by_hand.pipeline.resources import memory_available, refuse_what_cannot_be
from autograd_by_hand.pipeline.run_lock import be_part_of_a_run, be_the_only_run
from autograd_by_hand.pipeline.slurm import why_jobs_failed
from autograd_by_hand.pipeline.snakemake_patches import (
    AT_THE_END,
    PREPARE_DAG,
    add_targets,
    at_the_end,
    before_the_dag,
    is_applied,
    leave_out_targets,
    limit,
    remove_rate_limit,
    run_stages_by,
    targets,
)
from autograd_by_hand.pipeline.warm_python import start_warm_python


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """End the run with the sentence of a `UserError`, which is the last thing on the screen."""
    try:
        yield
    except UserError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None


def let_stages_import(library: str) -> None:
    """Let the warm Python import from `library`, as Python lets a stage import from its folder."""
    already = filter(None, [os.getenv("PYTHONPATH")])
    os.environ["PYTHONPATH"] = os.pathsep.join([library, *already])


def prepare_recipes(workflow: Any, rules: Any, experiments: Experiments, code: Code) -> None:
    """Check every job against its receipt, before Snakemake compares dates.

    Outputs that were damaged since their job wrote them are listed on standard error.
    """
    with in_a_sentence():
        for sentence in renew_recipes(jobs(workflow, rules, experiments, code)):
            print(sentence, file=sys.stderr)
    code.remember()


def set_up(workflow: Any, experiments: Experiments) -> None:
    """Make a run fail if a verdict is not accepted, and limit its parallel jobs to the free memory.

    A request for a report is extended to the experiment's acceptance, which is decided after the
    report is written. A request for an experiment that cannot be run is left out; what is wrong
    with it is said at the end, and the run fails. If nothing else was requested, it ends here.
    """
    asked = set[str]()

    def act() -> None:
        asked.update(targets(workflow))
        no = refused(experiments, asked)
        if asked and asked == no.keys():
            say()
        leave_out_targets(workflow, no)
        if not workflow.touch:
            add_targets(workflow, accepted(experiments, asked))
        memory = memory_available()
        if workflow.local_exec and memory is not None:
            limit(workflow, "mem_mb", int(memory / 1e6))

    def say() -> None:
        if wrong := what_is_wrong(experiments, asked or targets(workflow)):
            with in_a_sentence():
                raise UserError("\n".join(wrong))

    def only_say() -> None:
        with suppress(SystemExit):
            say()

    if not (is_applied(PREPARE_DAG) and is_applied(AT_THE_END)):
        say()  # without these patches, one experiment that cannot be run stops all
    before_the_dag(workflow, act, only_say)
    at_the_end(workflow, say)


def begin(workflow: Any, experiments: Experiments, screen: Screen) -> None:
    """Lock the folder, refuse experiments that need too much, and start the warm Python."""
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
    """Print the results of a failed run, and why jobs on a cluster failed."""
    if not workflow.local_exec:
        print(*why_jobs_failed([Path(each) for each in logs]), sep="\n", file=sys.stderr)
    screen.end()


def take_part(workflow: Any) -> None:
    """On a node of a cluster, run a group's stages in this process, not in a Snakemake each."""
    workflow.localrules(*(rule.name for rule in workflow.rules))
    be_part_of_a_run()
    run_stages_by(start_warm_python)
