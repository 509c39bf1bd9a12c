"""Code as people write it, each with a right and with wrong gradients, through all of the pipeline.

Every stage runs, in all four dtypes, to the report; `tests/operators/real/` has the code.
"""

import shutil
from pathlib import Path

import pytest

from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.rounding import FORMATS
from tests.conftest import TINY, copy_project, thoroughly
from tests.in_process import begin
from tests.operators import real
from tests.operators.case import Edit, Operator

QUICK = {  # for `make test`: the wrong gradient alone, which every stage has to do with
    ("gaussian_process", "log-determinant forgotten"),
    ("ragged_rows", "the tanh is forgotten"),
}
RIGHT = Edit("right", ())
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # code as people write it warns
REPORT = f"experiments/{TINY}/REPORT.md"
# Each operator with the gradients that are tried, one after the other.
Case = tuple[Operator, list[Edit]]
EVERY: list[Case] = [(one, [RIGHT, *one.mistakes]) for one in real()]
FEW: list[Case] = [
    (operator, [edit for edit in edits if (operator.name, edit.name) in QUICK])
    for operator, edits in EVERY
]


def in_words(case: Case) -> str:
    operator, edits = case
    return f"{operator.name}: {', '.join(edit.name for edit in edits)}"


def written(root: Path, operator: Operator) -> Path:
    """Write an experiment's further files into a project, and return its folder."""
    folder = root / "experiments" / TINY
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in operator.files.items():
        (folder / name).write_text(source)
    return folder


def outcomes_of(folder: Path) -> dict[str, set[str]]:
    """By dtype, the verdicts on the gradients."""
    found: dict[str, set[str]] = {}
    for verdict in read_json(folder / "work/judgement.json")["verdicts"]:
        found.setdefault(verdict["dtype"], set()).add(verdict["outcome"])
    return found


@pytest.mark.parametrize(
    "case", [*(one for one in FEW if one[1]), *thoroughly(EVERY)], ids=in_words
)
def test_every_stage_gets_through_and_the_verdict_is_true(case: Case, tmp_path: Path) -> None:
    operator, edits = case
    folder = written(tmp_path, operator)
    source = edits[0].apply(operator.backward)
    pipeline = begin(
        tmp_path, operator.forward, source, operator.tensors, [*FORMATS], **operator.config
    )
    pipeline.make(REPORT)
    for edit in edits:
        if edit is not edits[0]:
            (folder / "backward.py").write_text(edit.apply(operator.backward))
            pipeline.update(f"experiments/{TINY}/backward.py", REPORT)
        for dtype, found in outcomes_of(folder).items():
            right = ("wrong" in found) if edit.slip else (found == {"right"})
            assert right, (edit.name, dtype, found)
        report = (folder / "REPORT.md").read_text()
        assert "## The verdict" in report, edit.name
        assert "please report" not in report, edit.name


@pytest.mark.thorough
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize("name", ["gaussian_process", "online_softmax"])
def test_snakemake_itself_gets_through(name: str, wrong: bool, tmp_path: Path) -> None:
    own_project = copy_project(tmp_path / "project")
    operator = next(one for one in real() if one.name == name)
    edit = operator.mistakes[0] if wrong else RIGHT
    begun = tmp_path / "begun"
    source = edit.apply(operator.backward)
    written(begun, operator)
    begin(begun, operator.forward, source, operator.tensors, [*FORMATS], **operator.config)
    shutil.copytree(begun / "experiments" / TINY, own_project.folder, dirs_exist_ok=True)
    done = own_project.snakemake(f"experiments/{TINY}/REPORT.md")
    assert (own_project.folder / "REPORT.md").exists(), done.stdout
    assert "Traceback" not in done.stdout
    for found in outcomes_of(own_project.folder).values():
        assert ("wrong" in found) if wrong else (found == {"right"})
