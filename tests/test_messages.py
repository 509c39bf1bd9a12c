"""What a user sees last: the mistake in a sentence, and nothing of Snakemake's after it."""

import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import TINY, Project, copy_project, first_of, write_tiny

BACKWARD = f"experiments/{TINY}/backward.py"
CONFIG = f"experiments/{TINY}/config.yaml"
OTHER = "experiments/other"
COLON = """the text of 'title' has a colon; write title: "A: a tiny linear layer" with quotes."""
BROKEN = {
    "a wrong key": (
        "config.yaml",
        "runs: 3",
        "rnus: 3",
        f"{CONFIG}:8: samples.trial: 'rnus' is not a known key; did you mean 'runs'?",
    ),
    "no YAML": (
        "config.yaml",
        "title: A",
        "title: A: a",
        f"{CONFIG}:2: {COLON}",
    ),
    "no Python": (
        "backward.py",
        "return {",
        "return {{",
        f"{BACKWARD}:3: does not parse as Python: '{{' was never closed.",
    ),
}


@pytest.fixture
def two(project: Project) -> Project:
    """A project with the tiny experiment, which has run, and one that has not."""
    write_tiny(project.root / OTHER)
    return project


MODES = ("-n", "--lint", f"experiments/{TINY}/work/judgement.json")


@pytest.mark.parametrize("case", first_of(product(MODES, BROKEN)), ids=" ".join)
def test_a_broken_experiment_is_the_last_thing_that_is_said(
    two: Project, case: tuple[str, str]
) -> None:
    mode, mistake = case
    file, old, new, sentence = BROKEN[mistake]
    two.edit(f"experiments/{TINY}/{file}", old, new)
    run = two.snakemake(mode)
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1 if mistake != "a wrong key" else -2] == sentence
    assert "WorkflowError" not in run.stdout
    assert "  File " not in run.stdout


def test_a_broken_experiment_costs_no_other(two: Project) -> None:
    two.edit(CONFIG, "title: A", "title: A: a")
    index = (two.root / "experiments/index.html").read_bytes()
    both = two.snakemake(f"{OTHER}/work/graph.json", f"experiments/{TINY}/REPORT.html")
    assert both.returncode == 1
    assert both.stdout.splitlines()[-1] == f"{CONFIG}:2: {COLON}"
    assert (two.root / OTHER / "work/graph.json").is_file()
    planned = two.snakemake("-n").stdout
    assert re.search(r"^accept +1$", planned, re.MULTILINE)
    assert "write_index" not in planned  # since the index would have lost the broken one
    assert (two.root / "experiments/index.html").read_bytes() == index


@pytest.mark.thorough
def test_the_others_run_and_what_is_broken_is_said_at_the_end(two: Project) -> None:
    two.edit(CONFIG, "title: A", "title: A: a")
    for _ in range(2):  # to run, and with nothing to be done
        run = two.snakemake()
        assert run.returncode == 1
        assert run.stdout.splitlines()[-1] == f"{CONFIG}:2: {COLON}"
        assert "**Right.**" in run.stdout or f"{OTHER}/REPORT.md: Right." in run.stdout
        assert (two.root / OTHER / "work/accepted.txt").exists()


def test_a_mistyped_name_of_an_experiment_is_a_sentence(project: Project) -> None:
    run = project.snakemake("experiments/tyni/REPORT.html")
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == (
        "experiments/tyni/REPORT.html: there is no experiment tyni; did you mean tiny?"
    )


def last_words(run: subprocess.CompletedProcess[str]) -> str:
    """The last paragraph on the screen of a run that failed, in which nothing is Snakemake's."""
    assert run.returncode == 1, run.stdout
    for foreign in ("RuleException", "set -euo", "WorkflowError", "Exiting", "Traceback"):
        assert foreign not in run.stdout
    return run.stdout.rstrip().rpartition("\n\n")[2]


@pytest.mark.thorough
def test_backward_is_called_before_anything_else_is_computed(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    project.edit(BACKWARD, "dy = x @ W.T", "dy = x @ V")
    run = project.snakemake()
    assert last_words(run) == f"{BACKWARD}:2: NameError: name 'V' is not defined."
    assert run.stdout.count("NameError") == 1  # as nothing came between
    done = set(re.findall(r"^\d+ of \d+: (\w+)", run.stdout, re.MULTILINE))
    assert done <= {"generate_tensors", "draw_cotangents", "record_environment"}


@pytest.mark.thorough
def test_a_mistake_that_is_mended_costs_what_an_edit_costs(project: Project) -> None:
    project.edit(BACKWARD, "dy = x @ W.T", "dy = x @ V")
    assert not re.search(r"^\d+ of \d+:", project.snakemake().stdout, re.MULTILINE), "jobs done"
    project.edit(BACKWARD, "dy = x @ V", "dy = 1 * (x @ W.T)")
    done = project.jobs()
    assert done["compute_manual"] == 2
    for forward in ("run_autograd", "compute_reference", "measure_noise", "check_forward"):
        assert not done[forward]


@pytest.mark.thorough
def test_a_mistake_is_said_when_it_is_found_and_again_at_the_end(two: Project) -> None:
    two.edit(BACKWARD, "dy = x @ W.T", "dy = x @ V")
    run = two.snakemake()
    sentence = f"{BACKWARD}:2: NameError: name 'V' is not defined."
    assert last_words(run) == sentence
    assert run.stdout.count(sentence) == 2
    first, _, _ = run.stdout.partition(sentence)
    assert "render_report, other" not in first


SEGFAULT = "import ctypes\n\n\ndef backward(x, W):\n    ctypes.string_at(0)\n"


@pytest.mark.thorough
def test_a_crash_of_the_interpreter_is_a_sentence(project: Project) -> None:
    (project.root / BACKWARD).write_text(SEGFAULT)
    assert last_words(project.snakemake()) == (
        f"{BACKWARD}:5: the process was ended by SIGSEGV in check_backward: an access to memory that "
        "is not the process's own; look for native code that reads or writes outside of its arrays."
    )


@pytest.mark.thorough
def test_what_an_import_prints_is_shown_once(project: Project) -> None:
    warning = "import warnings\nwarnings.warn('an old thing')\n"
    for file in (BACKWARD, f"experiments/{TINY}/forward.py"):
        path = project.root / file
        path.write_text(f"{warning}print('hello')\n{path.read_text()}")
    run = project.snakemake()
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("hello\n") == 1
    assert run.stdout.count("an old thing") == 3  # a line of each file, and the code of the first
    kept = project.folder / "work/logs/compute_manual.float64.out"
    assert "hello" in kept.read_text()


@pytest.mark.parametrize("formula", first_of(["$x^{2$", "$$\\left( x$$", "$\\frac{a}$"]))
@pytest.mark.parametrize("file", first_of(["derivation.md", "discussion.md"]))
@pytest.mark.thorough
def test_a_formula_that_does_not_parse_is_a_sentence(
    project: Project, formula: str, file: str
) -> None:
    (project.folder / file).write_text(f"By the chain rule,\n\n{formula}\n")
    said = last_words(project.snakemake())
    assert said == (
        f"experiments/{TINY}/{file}:3: ${formula.strip('$')}$ is not valid LaTeX; look for an "
        "unmatched brace or \\left, or for a macro without its argument."
    )


@pytest.mark.thorough
def test_a_gradient_that_is_not_asked_for_is_said(project: Project) -> None:
    project.edit(BACKWARD, "return {", 'return {"bias": dy.sum(0), ')
    assert last_words(project.snakemake()).startswith(
        f"{BACKWARD}:1: backward gives 'bias', which has no requires_grad: true in the config; "
    )
