"""List every job that the rules can have, with the ingredients of its recipe.

Snakemake resolves wildcards and calls input functions only for the jobs that it has decided to run.
Recipes must be up to date before that, so this module does the same for every job of every rule.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograd_by_hand.pipeline.code_fingerprint import Code
from autograd_by_hand.pipeline.cpu import processor, settings
from autograd_by_hand.pipeline.inputs import Experiments
from autograd_by_hand.pipeline.receipts import ORDER_ONLY, Ingredients, Job


def jobs(
    workflow: Any, declared: Any, experiments: Experiments, code: Code
) -> list[tuple[Job, Ingredients]]:
    """Every job that a rule with a script can have, and the ingredients of its recipe.

    workflow: Snakemake's
    declared: `rules` in a Snakefile: each rule's input, output, log and params, by its name
    code: the code of the stages
    """
    return [
        _job(rule, getattr(declared, rule.name), wildcards, code)
        for rule in workflow.rules
        if rule.script
        for wildcards in _wildcards(rule.wildcard_names, experiments)
    ]


@cache
def package_version(name: str) -> str:
    """The installed version of a package; cached, since the lookup is slow."""
    return metadata.version(name)


@cache
def versions(environment: Path) -> dict[str, str]:
    """The installed versions of an environment's packages.

    If torch is one of them, the processor and the settings that choose kernels are included.

    environment: a conda file with pins, `- name==version`
    """
    names = re.findall(r"- ([\w-]+)==", environment.read_text(encoding="utf-8"))
    kernels = {"processor": processor()} | settings() if "torch" in names else {}
    return {name: package_version(name) for name in names} | kernels


def _job(
    rule: Any, declared: Any, wildcards: SimpleNamespace, code: Code
) -> tuple[Job, Ingredients]:
    """A job of a rule, with its files and params as Snakemake will resolve them."""
    (log,) = _paths(declared.log, wildcards)
    inputs = [one for one in declared.input if one is not declared.input.get(ORDER_ONLY)]
    files = Job(rule.name, log, _paths(inputs, wildcards), _paths(declared.output, wildcards))
    params = {name: _resolved(value, wildcards) for name, value in declared.params.items()}
    environment = Path(rule.basedir.get_path_or_uri(secret_free=True), rule.conda_env).resolve()
    made_by = code.hash_of(f"scripts/{rule.name}.py")
    of: Ingredients = {"params": params, "code": made_by}
    return files, of | versions(environment)


def _paths(items: Iterable[Any], wildcards: SimpleNamespace) -> list[str]:
    """Paths, lists of paths and functions that return either, as one list without wildcards."""
    resolved = [_resolved(item, wildcards) for item in items]
    lists = [[one] if isinstance(one, str) else one for one in resolved]
    return [str(path).format(**vars(wildcards)) for paths in lists for path in paths]


def _resolved(item: Any, wildcards: SimpleNamespace) -> Any:
    return item(wildcards) if callable(item) else item


def _wildcards(names: Iterable[str], experiments: Experiments) -> Iterator[SimpleNamespace]:
    """The wildcards of every job that a rule with wildcards of these names can have."""
    if "experiment" not in names:
        yield SimpleNamespace()
        return
    for name in experiments.names:
        here = SimpleNamespace(experiment=name)
        if "dtype" in names:
            for dtype in experiments.judged(here):
                yield SimpleNamespace(experiment=name, dtype=dtype)
        elif "edition" in names:
            for edition in experiments.editions(here):
                yield SimpleNamespace(experiment=name, edition=edition)
        elif "sample" in names:
            for sample, first, last in experiments.chunks(here):
                yield SimpleNamespace(experiment=name, sample=sample, first=first, last=last)
        else:
            yield here
