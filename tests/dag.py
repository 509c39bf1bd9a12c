"""Make Snakemake's graph of all jobs, run nothing, and print as JSON what tests ask of it.

It is run as a script in a project's folder, since a Snakefile alters the process that reads it.
"""

import json
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

calls: Counter[str] = Counter()
read = metadata.version


def counted(name: str) -> str:
    """The version of a package, as importlib finds it; noted."""
    calls[name] += 1
    return read(name)


def row(rule: str, log: str, inputs: Any, outputs: Any) -> list[Any]:
    """A job as both sides tell it."""
    return [rule, log, list(map(str, inputs)), list(map(str, outputs))]


def made_of(job: Any) -> list[str]:
    """The inputs of a job without the one that it only waits for."""
    return [path for path in job.input if path != job.input.get("after")]


def main() -> None:
    """Print the jobs of Snakemake and of the recipes, their memory, and what was read."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import DAGSettings, OutputSettings, Quietness, ResourceSettings

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        project = api.workflow(ResourceSettings(cores=1), snakefile=Path("Snakefile"))
        project.dag(DAGSettings(targets={"all", "archive"}, forceall=True))
        workflow = project._workflow
        workflow._prepare_dag(forceall=True, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        from autograd_by_hand.pipeline.recipes import jobs

        names = workflow.globals
        ours = jobs(workflow, names["rules"], names["experiments"], names["code"])
        theirs = [job for job in workflow.dag.jobs if job.rule.script]
        told = {
            "dag": [row(job.rule.name, job.log[0], made_of(job), job.output) for job in theirs],
            "recipes": [row(job.rule, job.log, job.inputs, job.outputs) for job, _ in ours],
            "params": {job.log[0]: dict(job.params.items()) for job in theirs},
            "ingredients": {job.log: ingredients["params"] for job, ingredients in ours},
            "memory": {job.rule.name: job.resources.mem_mb for job in theirs},
            "calls": calls,
        }
    print(json.dumps(told))


if __name__ == "__main__":
    metadata.version = counted  # type: ignore[assignment]
    main()
