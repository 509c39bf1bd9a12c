"""Every function that a stage calls in a run is part of its fingerprint."""

import ast
from pathlib import Path

import pytest

from autograd_by_hand.pipeline.code_fingerprint import Code
from autograd_by_hand.pipeline.statements import PROGRESS
from tests.conftest import ROOT, TINY, copy_project

# Python reads it as it starts. A stage is a fork of a Python that has.
NOTE = """\
import os
import re
import sys

seen = set()


def note(frame, event, _):
    code, script = frame.f_code, getattr(sys, "argv", [""])[0]
    if event == "call" and (code, script) not in seen and "/autograd_by_hand/" in code.co_filename:
        stage = re.search(r"\\.(\\w+)\\.py$", script)
        while stage and frame and (frame.f_code.co_name, frame.f_code.co_filename) != (stage[1], script):
            frame = frame.f_back
        if stage and frame:
            seen.add((code, script))
            with open(os.environ["NOTED"], "a") as file:
                print(stage[1], code.co_filename, code.co_firstlineno, file=file)


sys.setprofile(note)
"""
PITFALLS = "pitfalls:\n  - {mistake: A sign, replace: dy.T @ x, by: -dy.T @ x}\n"


@pytest.mark.thorough
def test_every_function_that_a_stage_calls_is_part_of_its_fingerprint(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    project.edit(f"experiments/{TINY}/config.yaml", "acceptance:\n", f"{PITFALLS}acceptance:\n")
    project.edit(f"experiments/{TINY}/backward.py", '"x": dy @ W', '"x": 2 * dy @ W')
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook/sitecustomize.py").write_text(NOTE)
    run = project.snakemake(PYTHONPATH=str(tmp_path / "hook"), NOTED=str(tmp_path / "noted"))
    assert "of 2 acceptance criteria do not hold" in run.stdout

    code = Code(ROOT)
    stages = set()
    for line in (tmp_path / "noted").read_text().splitlines():
        stage, file, number = line.split()
        path = str(Path(file).relative_to(project.root))
        if path != PROGRESS[0]:
            name = defined_at(path, int(number))
            assert (path, name) in code.used_by(f"scripts/{stage}.py"), (stage, path, name)
            stages.add(stage)
    assert {"compute_manual", "name_mistakes", "reveal_orders", "try_pitfalls"} <= stages


def defined_at(path: str, number: int) -> str:
    """The function, class or constant of a file's top level that has a line."""
    for node in ast.parse((ROOT / path).read_bytes()).body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        if first <= number <= (node.end_lineno or 0):
            named = getattr(node, "target", None) or getattr(node, "targets", [node])[0]
            return str(getattr(named, "id", getattr(named, "name", "")))
    raise AssertionError(f"{path}:{number}")
