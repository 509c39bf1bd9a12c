"""What a user asked for: whose verdicts it contains, and why it may not be made."""

import os
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from pathlib import Path

from autograd_by_hand.core.messages import listed
from autograd_by_hand.pipeline.inputs import ARCHIVES, FOLDER, Experiments

OF_ALL = ("archive", "write_index")  # rules that depend on every experiment
INDEXES = (FOLDER / "README.md", FOLDER / "index.html")
# The beginnings of the names of an experiment's files that contain a verdict.
SHOW_A_VERDICT = ("REPORT.", "manifest.", "judgement.", "mistakes.", "pitfalls.")


def accepted(experiments: Experiments, targets: Iterable[str]) -> list[str]:
    """The files that exist only if the experiments judged for `targets` are accepted."""
    names = {name for target in targets for name in judged_with(experiments, target)}
    return [str(FOLDER / name / "work/accepted.txt") for name in sorted(names)]


def judged_with(experiments: Experiments, target: str) -> list[str]:
    """The experiments whose verdicts a requested file or rule contains."""
    path = Path(os.path.normpath(target))
    if target in OF_ALL or _is_index(target):
        return experiments.names
    name = experiment_of(target)
    shows = path.parent == ARCHIVES or path.name.startswith(SHOW_A_VERDICT)
    return [name] if shows and name in experiments.configs else []


def refused(experiments: Experiments, targets: Iterable[str]) -> dict[str, str]:
    """Why some of the requested files cannot be made, by target; one sentence a line."""
    found = {}
    for target in targets:
        name = experiment_of(target)
        if name in experiments.broken:
            found[target] = experiments.broken[name]
        elif experiments.broken and (target == "write_index" or _is_index(target)):
            found[target] = "\n".join(experiments.broken.values())
        elif name and name not in experiments.configs:
            near = get_close_matches(name, experiments.names, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else _known(experiments)
            found[target] = f"{target}: there is no experiment {name}; {hint}"
    return found


def what_is_wrong(experiments: Experiments, targets: Collection[str]) -> list[str]:
    """What is wrong with the targets, and with the experiments that they belong to.

    Rules and files of no single experiment concern all experiments, and so does asking for nothing.
    """
    names = {experiment_of(target) for target in targets} or {None}
    broken = [said for name, said in experiments.broken.items() if {None, name} & names]
    return [*dict.fromkeys([*broken, *refused(experiments, targets).values()])]


def experiment_of(target: str) -> str | None:
    """The name of the experiment that a requested file belongs to; None if it belongs to none."""
    path = Path(os.path.normpath(target))
    if path.parent == ARCHIVES:
        return path.name.removesuffix(".tar.gz")
    if path.is_relative_to(FOLDER) and len(path.parts) > 2 and path.parts[1] != "work":
        return path.parts[1]
    return None


def _is_index(target: str) -> bool:
    return Path(os.path.normpath(target)) in INDEXES


def _known(experiments: Experiments) -> str:
    return f"there is {listed(experiments.names)}." if experiments.names else "there is none yet."
