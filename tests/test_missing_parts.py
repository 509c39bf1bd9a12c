"""A part that cannot be computed costs neither the verdict nor any other part.

Each explaining stage is broken in real runs: once it raises an exception of ours, once its process
aborts. Only that stage and what depends on it run again, since all began from a finished project.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograd_by_hand.pipeline.purposes import EXPLAINING, FOR_THE_VERDICT
from tests.conftest import TINY, Project, copy_project, shared
from tests.test_project import STAGES

FOLDER = f"experiments/{TINY}"
PARTS = {  # what the report says is missing, in English and in Spanish
    "check_forward": ("The check of autograd by finite", "La comprobación de autograd"),
    "prove_reference": ("The proof of the reference", "La demostración de la referencia"),
    "reorder_sums": ("The gradient with numpy's sums", "El gradiente con las sumas de numpy"),
    "dump_graph": ("The graph", "El grafo"),
    "ask_gradcheck": ("The second opinion", "La segunda opinión"),
    "observe_operations": ("The record of all operations", "El registro de todas"),
    "reveal_orders": ("The summation orders", "Los órdenes de las sumas"),
    "verify_replay": ("The replay", "La reproducción"),
    "attribute_difference": ("The causes of the difference", "Las causas de la diferencia"),
    "name_mistakes": ("The likeliest mistakes", "Los fallos más probables"),
    "try_pitfalls": ("The trial of the mistakes", "La prueba de los fallos"),
    "try_sizes": ("The trial at other sizes", "La prueba con otros tamaños"),
    "draw_figures": ("The pictures", "Las figuras"),
}
CALLED_BY = {  # explaining stages whose function another one calls
    "name_mistakes": ["try_pitfalls"],
    "check_forward": ["try_sizes"],
    "prove_reference": ["try_sizes"],
}
PITFALLS = """\
pitfalls:
  - mistake: It is twice as large
    replace: "dy = x @ W.T"
    by: "dy = 2 * x @ W.T"
languages: [en, es]
axes: {batch: 2}
sizes: [{batch: 3}]
time_limit"""
NEED_A_PART = """
  - claim: the difference is traced
    attribution: float32
  - claim: the graph has leaves
    graph: [AccumulateGrad]
  - claim: the pitfalls are named
    pitfalls: named
  - claim: numpy gives nearly the same
    errors: {dtype: float32, comparison: reordered_vs_autograd, measure: rel_norm, every: {below: 1.0e-5}}
"""
RAISE = 'raise KeyError("{x} | `a` *defect* of ours")'
ABORT = "__import__('os').abort()"
DIES_WHEN_OBSERVED = """\
import os

from torch.utils._python_dispatch import _get_current_dispatch_mode


def backward(x, W):
    mode = _get_current_dispatch_mode()
    if mode is not None and not type(mode).__module__.endswith("autograd_watch"):
        os.abort()
"""


def test_every_stage_is_for_the_verdict_or_explains_it() -> None:
    assert set(EXPLAINING) | FOR_THE_VERDICT == set(STAGES)
    assert not set(EXPLAINING) & FOR_THE_VERDICT
    assert set(PARTS) == set(EXPLAINING)


@pytest.fixture(scope="session")
def all_parts(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished project in which every explaining stage has run. Look, but do not touch."""

    def make(root: Path) -> None:
        project = copy_project(root)
        project.edit(f"{FOLDER}/config.yaml", "time_limit", PITFALLS)
        project.edit(f"{FOLDER}/config.yaml", "x: {shape: [2, 3]", "x: {shape: [batch, 3]")
        project.jobs()

    return Project(shared(tmp_path_factory, "all_parts", make))


@pytest.fixture
def broken(all_parts: Project, tmp_path: Path) -> Project:
    """A finished project of one's own, to break."""
    shutil.copytree(all_parts.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


def break_stage(project: Project, stage: str, how: str) -> None:
    """Have a stage fail as soon as it is called."""
    path = project.root / f"scripts/{stage}.py"
    text = path.read_text()
    path.write_text(
        re.sub(rf"(?s)(def {stage}\(.*?\) -> None:\n)", rf"\1    {how}\n", text, count=1)
    )
    assert path.read_text() != text


def report(project: Project, edition: str = "") -> str:
    return (project.folder / f"REPORT{edition}.md").read_text()


def manifest(project: Project) -> Any:
    return json.loads((project.folder / "manifest.json").read_bytes())


def rows(text: str) -> list[str]:
    """The rows of the tables of verdicts and errors, which need no explaining stage."""
    wanted = r"^\| (?:`d\w` \| float\d+ \| right|by hand / \w+|autograd / \w+) \|.*$"
    return re.findall(wanted, text, re.MULTILINE)


def kept(project: Project) -> dict[str, bytes]:
    """What a run leaves for a reader, without the hashes of the scripts."""
    return {name: one for name, one in project.outputs().items() if name != "manifest.json"}


@pytest.mark.thorough
@pytest.mark.parametrize("how", [RAISE, ABORT], ids=["raises", "aborts"])
@pytest.mark.parametrize("stage", EXPLAINING)
def test_a_stage_that_fails_leaves_the_verdict_and_all_else(
    all_parts: Project, broken: Project, stage: str, how: str
) -> None:
    break_stage(broken, stage, how)
    run = broken.snakemake()
    assert run.returncode == 0, run.stdout

    why = "KeyError: '{x} | `a` *defect* of ours'" if how == RAISE else "was ended by SIGABRT"
    place = f"scripts/{stage}.py"
    for edition, part, words, report_it in (
        ("", PARTS[stage][0], "could not be computed", "please report"),
        (".es", PARTS[stage][1], "no se pudo calcular", "conviene informar"),
    ):
        text = report(broken, edition)
        said = next(line for line in text.splitlines() if line.startswith(f"> - {part}"))
        assert words in said
        assert report_it in said
        assert place in said
        assert text.lower().count(words) > 1, "its own section says so as well"
        page = (broken.folder / f"REPORT{edition}.html").read_text()
        assert words in page
    text = report(broken)
    assert why in text
    assert "**Right.**" in text
    assert len(rows(text)) == 4 + 3 * 2 * 2
    assert rows(text) == rows(report(all_parts))
    assert re.search(r"parts? of this report (is|are) missing", run.stdout)
    missing = {one["stage"] for one in manifest(broken)["missing"]}
    assert missing == {stage, *CALLED_BY.get(stage, ())}
    assert "missing)" in (broken.root / "experiments/README.md").read_text()
    log = (broken.root / manifest(broken)["missing"][0]["log"]).read_text()
    assert ("Traceback" if how == RAISE else "Fatal Python error: Aborted") in log

    assert not broken.jobs()  # a second run has nothing to do

    shutil.copy(all_parts.root / f"scripts/{stage}.py", broken.root / "scripts")
    assert stage in broken.jobs()
    assert kept(broken) == kept(all_parts)
    assert manifest(broken)["missing"] == []


@pytest.mark.thorough
def test_a_wrong_gradient_without_a_name_stays_wrong(broken: Project) -> None:
    broken.edit(f"{FOLDER}/backward.py", '"W": dy.T @ x', '"W": 3 * dy.T @ x')
    break_stage(broken, "name_mistakes", ABORT)
    run = broken.snakemake()
    assert run.returncode == 1
    assert "dW are wrong" in run.stdout or "dW is wrong" in run.stdout or "criteria" in run.stdout
    assert "**Wrong: dW in float32.**" in report(broken)
    assert "- The likeliest mistakes: Could not be computed" in report(broken)


@pytest.mark.thorough
def test_criteria_that_need_a_missing_part_do_not_hold(broken: Project) -> None:
    path = broken.folder / "config.yaml"
    path.write_text(path.read_text() + NEED_A_PART)
    assert broken.snakemake().returncode == 0
    for stage in ("attribute_difference", "dump_graph", "try_pitfalls", "reorder_sums"):
        break_stage(broken, stage, RAISE)
    run = broken.snakemake()
    assert run.returncode == 1
    assert "4 of 6 acceptance criteria do not hold" in run.stdout
    failed = {
        one["criterion"]: one["measured"]
        for one in manifest(broken)["acceptance"]
        if not one["holds"]
    }
    assert len(failed) == 4
    assert all("could not be computed: KeyError" in measured for measured in failed.values())


@pytest.mark.thorough
def test_an_archive_with_a_missing_part_says_so(broken: Project) -> None:
    break_stage(broken, "observe_operations", ABORT)
    run = broken.snakemake("archive")
    assert run.returncode == 0, run.stdout
    for path in (broken.archive, broken.folder):
        verified = subprocess.run(
            [sys.executable, "scripts/verify.py", str(path)],
            cwd=broken.root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 1
        assert (
            "replay  float32: cannot be tried, since operations.json could not be"
            in verified.stdout
        )
        assert "changed" not in verified.stdout
        assert verified.stderr == ""


@pytest.mark.thorough
def test_code_of_the_authors_that_only_dies_when_observed_costs_the_explanation(
    broken: Project,
) -> None:
    broken.edit(f"{FOLDER}/backward.py", "def backward(x, W):\n", DIES_WHEN_OBSERVED)
    run = broken.snakemake()
    assert run.returncode == 0, run.stdout
    stages = {one["stage"] for one in manifest(broken)["missing"]}
    assert {"observe_operations", "reorder_sums"} <= stages
    line = "its process was ended by SIGABRT at experiments/tiny/backward.py:9"
    assert f"could not be computed: {line}" in report(broken)
    assert "please report" not in report(broken)
    assert "**Right.**" in report(broken)


@pytest.mark.thorough
def test_a_failure_whose_cause_is_elsewhere_is_tried_again_when_any_code_changes(
    broken: Project,
) -> None:
    break_stage(broken, "dump_graph", RAISE)
    broken.jobs()
    path = broken.root / "scripts/write_index.py"  # a stage that has nothing to do with it
    path.write_text(f"{path.read_text()}\n# a comment\n")
    assert "dump_graph" in broken.jobs()
    assert not broken.jobs()
