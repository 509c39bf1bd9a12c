"""Run stages in this process, with the files and values that the Snakefile's rules give them.

Snakemake reads the Snakefile and resolves its rules; nothing is scheduled, and no job leaves a
receipt, so a stage runs again whenever it is asked for. This is the tests' and the benches' only
reach into Snakemake's insides: `_workflow`, and the `expand_*` of a rule (Snakemake 9).
"""

import os
import sys
from contextlib import chdir
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from snakemake.api import SnakemakeApi
from snakemake.iocontainers import Wildcards
from snakemake.settings.types import OutputSettings, Quietness, ResourceSettings, WorkflowSettings
from snakemake_interface_executor_plugins.settings import ExecMode

from autograd_by_hand.pipeline.run_stage import arguments
from tests.conftest import ROOT, TINY, bring_parsed_code


@dataclass(frozen=True)
class Job:
    """A rule with its wildcards filled in; what a script sees as `snakemake`."""

    stage: str
    wildcards: Any
    input: Any
    output: Any
    params: Any
    resources: Any

    def run(self) -> None:
        """Call the stage's function; the working directory is the project's root."""
        stage = getattr(import_module(self.stage), self.stage)
        stage(**arguments(stage, self))


class Pipeline:
    """The rules of the Snakefile in `root`, over the experiments that are there.

    The experiments' configs are read once, here.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rules = {rule.name: rule for rule in _rules(root) if rule.is_script}

    def run(self, rule: str, **wildcards: str) -> None:
        """Run one stage. Of the wildcards, those are used that its rule has."""
        with chdir(self.root):
            self._job(self._rules[rule], wildcards).run()

    def make(self, *targets: str) -> None:
        """Run all that the targets need, in an order in which each stage finds its inputs."""
        with chdir(self.root):
            for job in self.jobs(*targets):
                job.run()

    def update(self, edited: str, *targets: str) -> None:
        """Run again what the targets need of all that an edited file changes."""
        stale = {Path(edited)}
        with chdir(self.root):
            for job in self.jobs(*targets):
                if stale & {Path(file) for file in job.input}:
                    made = [Path(file) for file in job.output]
                    before = [file.read_bytes() for file in made]
                    job.run()
                    stale |= {
                        file
                        for file, content in zip(made, before, strict=True)
                        if file.read_bytes() != content
                    }

    def jobs(self, *targets: str) -> list[Job]:
        """Every job that the targets need, each once, after those that make its inputs."""
        found: dict[str, Job] = {}  # by one of its outputs

        def visit(target: str) -> None:
            for rule in self._rules.values():
                if rule.is_producer(target):
                    job = self._job(rule, rule.get_wildcards(target))
                    first = str(job.output[0])
                    if first not in found:
                        for file in job.input:
                            visit(str(file))
                        found[first] = job
                    return

        with chdir(self.root):
            for target in targets:
                visit(target)
        return [*found.values()]

    def _job(self, rule: Any, wildcards: dict[str, str]) -> Job:
        own = Wildcards(
            fromdict={
                name: value for name, value in wildcards.items() if name in rule.wildcard_names
            }
        )
        inputs, *_ = rule.expand_input(own)
        outputs, _ = rule.expand_output(own)
        params, _ = rule.expand_params(own, inputs, outputs, None)
        resources = rule.expand_resources(own, inputs, 1)
        return Job(Path(rule.script).stem, own, inputs, outputs, params, resources)


def _rules(root: Path) -> list[Any]:
    """The rules as Snakemake reads them for a process that does not lead the run."""
    bring_parsed_code(root)
    with (
        patch.object(sys, "path", [*sys.path]),
        patch.dict(os.environ),
        SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api,
    ):
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            workflow_settings=WorkflowSettings(exec_mode=ExecMode.SUBPROCESS),
            snakefile=root / "Snakefile",
            workdir=root,
        )
        return [*workflow._workflow.rules]


def begin(
    root: Path,
    forward: str,
    backward: str,
    tensors: dict[str, Any],
    dtypes: list[str],
    **more: Any,
) -> Pipeline:
    """Begin a project that has one experiment, of three runs, and the pipeline by links.

    forward, backward: the author's files, as source
    tensors, dtypes, more: what stands in its config
    """
    folder = root / "experiments" / TINY
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Snakefile", "scripts", "envs", "templates"):
        (root / name).symlink_to(ROOT / name)
    (folder.parent / "schema.yaml").symlink_to(ROOT / "experiments/schema.yaml")
    (folder / "forward.py").write_text(forward)
    (folder / "backward.py").write_text(backward)
    (folder / "derivation.md").write_text("By the chain rule.\n")
    settings = {
        "title": "A trial",
        "question": "Is it right?",
        "tensors": tensors,
        "samples": {"trial": {"seed": 7, "runs": 3}},
        "dtypes": dtypes,
        "acceptance": [{"claim": "right everywhere", "verdict": "right"}],
        **more,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return Pipeline(root)
