"""Bugs of public projects: a forward, the wrong backward, its fixed twin, and where it came from.

Each is a folder. All is written anew from the public description. `origin.yaml` names the project,
the thread, the versions and the nature of the bug, the `kinds` of mistake that name it (none where
it is no formula's), the tensors, and what hid it: in words, `hidden_by`, and, where it can be
tried, `hides`, the project's own setting in which the wrong backward agrees with the fixed one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Bug:
    """A bug of a public project; the fields are those of its origin.yaml, the files are source."""

    name: str
    forward: str
    wrong: str
    fixed: str
    tensors: dict[str, dict[str, object]]
    dtypes: list[str]
    kinds: list[str]
    hides: dict[str, Any]


def bugs() -> list[Bug]:
    """All bugs, by name."""
    return [
        _read(folder) for folder in sorted(FOLDER.iterdir()) if (folder / "origin.yaml").is_file()
    ]


def _read(folder: Path) -> Bug:
    origin = yaml.safe_load((folder / "origin.yaml").read_text())
    sources = {name: (folder / f"{name}.py").read_text() for name in ("forward", "wrong", "fixed")}
    return Bug(
        name=folder.name,
        **sources,
        tensors=origin["tensors"],
        dtypes=origin.get("dtypes", ["float64", "float32", "bfloat16", "float16"]),
        kinds=origin["kinds"],
        hides=origin.get("hides", {}),
    )
