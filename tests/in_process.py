"""Run stages in this process, and begin a project of one experiment to run them on."""

from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml

from autograd_by_hand.pipeline import in_process
from tests.conftest import ROOT, TINY, bring_parsed_code


class Pipeline(in_process.Pipeline):
    """The rules of the Snakefile in `root`, whose code has been parsed."""

    def __init__(self, root: Path) -> None:
        bring_parsed_code(root)
        super().__init__(root)

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
