"""Run stages in this process, with the files and values that the Snakefile's rules give them.

Snakemake reads the Snakefile and resolves its rules; nothing is scheduled, and no job leaves a
receipt, so a stage runs again whenever it is asked for. A verification renders an archive's report
with it; tests and benches run whole experiments.
"""

from contextlib import chdir
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from snakemake.iocontainers import Wildcards

from autograd_by_hand.pipeline.run_stage import arguments
from autograd_by_hand.pipeline.snakemake_patches import read_workflow

if TYPE_CHECKING:
    from autograd_by_hand.pipeline.inputs import Experiments


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
        workflow = read_workflow(root)
        self.experiments = cast("Experiments", workflow.globals["experiments"])
        self.rules = {rule.name: rule for rule in workflow.rules if rule.is_script}

    def output(self, rule: str, **wildcards: str) -> list[Path]:
        """The files that a stage writes, relative to the root; wildcards as for `run`."""
        with chdir(self.root):
            return [Path(str(path)) for path in self.job(self.rules[rule], wildcards).output]

    def run(self, rule: str, **wildcards: str) -> None:
        """Run one stage. Of the wildcards, those are used that its rule has."""
        with chdir(self.root):
            self.job(self.rules[rule], wildcards).run()

    def make(self, *targets: str) -> None:
        """Run all that the targets need, in an order in which each stage finds its inputs."""
        with chdir(self.root):
            for job in self.jobs(*targets):
                job.run()

    def jobs(self, *targets: str) -> list[Job]:
        """Every job that the targets need, each once, after those that make its inputs."""
        found: dict[str, Job] = {}  # by one of its outputs

        def visit(target: str) -> None:
            for rule in self.rules.values():
                if rule.is_producer(target):
                    job = self.job(rule, rule.get_wildcards(target))
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

    def job(self, rule: Any, wildcards: dict[str, str]) -> Job:
        """The job of a rule; of the wildcards, those are used that it has."""
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
