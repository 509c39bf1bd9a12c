"""The pipeline as a whole: what it writes, what it runs again, and what it refuses."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import TINY, Project, copy_project, first_of

BACKWARD = f"experiments/{TINY}/backward.py"
CONFIG = f"experiments/{TINY}/config.yaml"
EACH_SUM = Counter(observe_operations=2, reveal_orders=2, verify_replay=2, attribute_difference=2)
COMPUTE = (
    "compute_manual",
    "run_autograd",
    "compute_reference",
    "measure_noise",
    "reorder_sums",
    "score_errors",
)
TELL = Counter(render_report=1, render_page=1, write_manifest=1, write_index=1, accept=1)
MEASURE = Counter(collect_errors=1, collect_tails=1, judge_gradients=1, draw_figures=1) + TELL


def test_a_run_leaves_the_report_the_table_the_manifest_and_the_figures(finished: Project) -> None:
    names = set(finished.outputs())
    assert names == {
        "REPORT.md",
        "REPORT.html",
        "errors.csv",
        "manifest.json",
        "figures/error_by_dtype.svg",
        "figures/error_by_run.svg",
        "figures/error_in_ulps.svg",
        "figures/error_places.svg",
        "figures/graph.svg",
        "figures/orders.svg",
        "figures/shares.svg",
    }


def test_a_second_run_has_nothing_to_do(project: Project) -> None:
    run = project.snakemake()
    assert run.returncode == 0
    assert "Nothing to be done" in run.stdout


@pytest.mark.thorough
def test_two_folders_give_the_same_bytes(finished: Project, tmp_path: Path) -> None:
    other = copy_project(tmp_path / "elsewhere")
    run = other.snakemake(
        PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C", OMP_NUM_THREADS="2", WARM_PYTHON="none"
    )
    assert run.returncode == 0, run.stdout
    assert other.outputs() == finished.outputs()


def test_an_edited_backward_leaves_tensors_autograd_and_graph_alone(project: Project) -> None:
    project.edit(BACKWARD, "dy = x @ W.T", "dy = 1 * (x @ W.T)")
    expected = Counter(check_backward=1, compute_manual=2, reorder_sums=2, score_errors=2)
    expected += Counter(ask_gradcheck=1, name_mistakes=1)
    assert project.planned() == expected + EACH_SUM + MEASURE
    assert project.jobs() == expected + EACH_SUM + MEASURE  # what is planned is what is done


@pytest.mark.thorough
def test_an_edited_section_of_the_report_only_tells_again(project: Project) -> None:
    project.edit("templates/report/derivation.md.j2", "The mathematics{%", "Mathematics{%")
    assert project.planned() == TELL


def test_an_edited_pipeline_is_listed_again(project: Project) -> None:
    project.edit("scripts/rules/draw.smk", "Make the inputs", "Make all inputs")
    assert project.planned() == Counter(write_manifest=1, write_index=1)


@pytest.mark.thorough
def test_an_edited_look_of_the_page_only_makes_pages_again(project: Project) -> None:
    project.edit("templates/page.css.j2", "max-width:72ch", "max-width:70ch")
    assert project.planned() == TELL - Counter(render_report=1, accept=1)


@pytest.mark.thorough
def test_the_index_is_of_all_experiments_and_one_run_alone_leaves_it(project: Project) -> None:
    index = project.root / "experiments/README.md"
    before = index.read_text()
    assert f"[A tiny linear layer]({TINY}/REPORT.md) | Is it right? | right | 2 of 2 hold" in before
    second = project.root / "experiments/second"
    second.mkdir()
    for name in ("config.yaml", "forward.py", "derivation.md", "backward.py"):
        (second / name).write_bytes((project.folder / name).read_bytes())
    alone = project.snakemake("experiments/second/REPORT.html")
    assert alone.returncode == 0, alone.stdout
    assert (second / "REPORT.md").exists()
    assert index.read_text() == before
    assert project.jobs()["write_index"] == 1
    assert "**2 of 2 are right" in index.read_text()
    assert (project.root / "experiments/index.html").exists()


@pytest.mark.thorough
def test_a_macro_that_is_unknown_is_one_sentence_and_the_old_page_stays(project: Project) -> None:
    before = project.outputs()
    derivation = project.folder / "derivation.md"
    derivation.write_text("By the chain rule,\n$\\foo x$.\n")
    run = project.snakemake()
    assert run.returncode != 0
    assert run.stdout.splitlines()[-1].startswith(
        f"experiments/{TINY}/derivation.md:2: \\foo in $\\foo x$ cannot be"
    )
    assert "Traceback" not in run.stdout
    after = project.outputs()
    assert after["REPORT.html"] == before["REPORT.html"]
    assert b"\\foo" in after["REPORT.md"]


@pytest.mark.thorough
def test_snakemakes_own_report_has_the_pictures_and_the_tables(project: Project) -> None:
    run = project.snakemake("--report", "report.html")
    assert run.returncode == 0, run.stdout
    report = (project.root / "report.html").read_text()
    for shown in (
        "Error by format",
        "Where the errors sit",
        "Every error of every run",
        "The whole report",
    ):
        assert shown in report
    assert "A mark in the grey band is an exact zero" in report
    for file in project.outputs():
        if file.endswith((".svg", ".csv", ".html")):
            assert file in report


@pytest.mark.thorough
def test_an_edited_question_only_tells_again(project: Project) -> None:
    project.edit(CONFIG, "Is it right?", "Is it really right?")
    assert project.planned() == TELL


@pytest.mark.thorough
def test_an_added_dtype_computes_that_dtype_only(project: Project) -> None:
    project.edit(CONFIG, "[float64, float32]", "[float64, float32, float16]")
    assert project.jobs() == Counter((*COMPUTE, *EACH_SUM)) + MEASURE


@pytest.mark.thorough
def test_float64_judges_the_formula_though_it_is_not_tried(project: Project) -> None:
    shutil.rmtree(project.folder / "work/float64")
    project.edit(CONFIG, "[float64, float32]", "[float32]")
    assert project.jobs() == Counter(COMPUTE) + Counter(name_mistakes=1) + MEASURE
    assert not (project.folder / "work/float64/operations.json").exists()
    judgement = json.loads((project.folder / "work/judgement.json").read_text())
    assert {verdict["dtype"] for verdict in judgement["verdicts"]} == {"float32"}
    assert "/work/float64/facts.json" in (project.folder / "manifest.json").read_text()


@pytest.mark.thorough
def test_an_added_pitfall_tries_it_and_judges_again(project: Project) -> None:
    pitfall = "  - {mistake: A sign, replace: dy.T @ x, by: -dy.T @ x}\n"
    project.edit(CONFIG, "acceptance:\n", f"pitfalls:\n{pitfall}acceptance:\n")
    assert project.jobs() == Counter(try_pitfalls=1, judge_gradients=1) + TELL
    row = "| A sign | `dy.T @ x` becomes `-dy.T @ x` | wrong: dW in every dtype | "
    assert row in (project.folder / "REPORT.md").read_text()


@pytest.mark.thorough
def test_an_edited_module_reruns_its_importers_and_what_follows(project: Project) -> None:
    project.edit(
        "scripts/autograd_by_hand/floats/ulp.py",
        "return np.where(np.isfinite(magnitude)",
        "return np.where(True & np.isfinite(magnitude)",
    )
    expected = Counter(score_errors=2, attribute_difference=2, name_mistakes=1)
    assert project.planned() == expected + MEASURE


@pytest.mark.thorough
def test_an_edited_acceptance_criterion_judges_again_and_computes_nothing(project: Project) -> None:
    project.edit(CONFIG, "below: 1.0e-5", "below: 1.0e-4")
    assert project.planned() == Counter(judge_gradients=1) + TELL


@pytest.mark.thorough
def test_reordered_tensors_are_drawn_again(project: Project) -> None:
    x = "  x: {shape: [2, 3], draw: randn, requires_grad: true}\n"
    w = "  W: {shape: [4, 3], draw: randn, requires_grad: true}\n"
    project.edit(CONFIG, x + w, w + x)
    assert project.planned()["generate_tensors"] == 1


@pytest.mark.parametrize(
    "file",
    first_of(
        [
            BACKWARD,
            CONFIG,
            "scripts/compute_manual.py",
            "scripts/autograd_by_hand/storage/safetensors_torch.py",
            "templates/report/verdict.md.j2",
        ]
    ),
)
def test_a_file_only_touched_reruns_nothing(project: Project, file: str) -> None:
    later = time.time() + 5
    os.utime(project.root / file, (later, later))
    assert project.planned() == Counter()


LIBRARY = "scripts/autograd_by_hand"


def test_comments_docstrings_and_what_is_only_shown_rerun_nothing(project: Project) -> None:
    path = project.root / f"{LIBRARY}/experiment/vjp.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    project.edit("scripts/score_errors.py", '"""Measure', '"""Take')  # a module's docstring
    project.edit(f"{LIBRARY}/floats/ulp.py", '"""Spacing', '"""Distance')  # a function's
    project.edit("scripts/run_autograd.py", "{dtype}, runs", "{dtype}, all runs")  # progress
    project.edit(f"{LIBRARY}/core/progress.py", "{duration(left)} left", "{duration(left)} to go")
    project.edit("scripts/accept.py", "do not hold", "are missed")  # what ends a run
    project.edit(f"{LIBRARY}/pipeline/run_stage.py", "continue from here", "continue")
    assert project.planned() == Counter()


@pytest.mark.thorough
def test_a_text_that_reaches_an_output_reruns_what_says_it(project: Project) -> None:
    project.edit(f"{LIBRARY}/verdict/reasons.py", "the limit is {most}", "its limit is {most}")
    planned = project.planned()
    assert planned["judge_gradients"] == 1
    assert planned["compute_manual"] == 0


@pytest.mark.thorough
def test_how_orders_are_revealed_is_nothing_to_other_sums_and_mistakes(project: Project) -> None:
    project.edit(
        f"{LIBRARY}/summation/adder.py",
        "return Scale(1.0, 2.0**120",
        "return Scale(1.0, 2.0**119",
    )
    again = Counter(reveal_orders=2, verify_replay=2, attribute_difference=2)
    told = Counter(judge_gradients=1, draw_figures=1) + TELL
    assert project.planned() == again + told


def test_a_function_that_no_stage_calls_reruns_nothing(project: Project) -> None:
    path = project.root / f"{LIBRARY}/floats/formats.py"
    path.write_text(
        path.read_text() + "\n\ndef more(value: float) -> float:\n    return value + 1\n"
    )
    assert project.planned() == Counter()


COUNT = """\
import sys
from snakemake.cli import main
from autograd_by_hand.pipeline import source_files

parse = source_files.parse
source_files.parse = lambda source, path, ours: (
    print("parsed", path, file=sys.stderr) or parse(source, path, ours)
)
main(["-c1", "-n", "--quiet"])
"""


@pytest.mark.thorough
def test_a_start_parses_only_the_source_files_that_changed(project: Project) -> None:
    def parsed() -> list[str]:
        run = subprocess.run(
            [sys.executable, "-c", COUNT],
            cwd=project.root,
            env=os.environ | {"PYTHONPATH": str(project.root / "scripts")},
            capture_output=True,
            text=True,
            check=True,
        )
        return re.findall(r"^parsed (.*)$", run.stderr, re.MULTILINE)

    assert parsed() == []  # all of it was parsed for the first run
    edited = f"{LIBRARY}/experiment/vjp.py"
    (project.root / edited).touch()
    assert parsed() == []
    project.edit(edited, "grad", "gradient")
    assert parsed() == [edited]
    (project.root / ".snakemake/source_files.json").unlink()
    scripts = {str(path.relative_to(project.root)) for path in project.root.glob("scripts/*.py")}
    assert scripts <= {*parsed()}


@pytest.mark.thorough
def test_a_missed_criterion_fails_the_run_after_the_report_is_written(project: Project) -> None:
    project.edit(BACKWARD, "dy = x @ W.T", "dy = 2 * (x @ W.T)")
    run = project.snakemake()
    assert run.returncode != 0
    assert "2 of 2 acceptance criteria do not hold. float32 agrees with autograd:" in run.stdout
    report = (project.folder / "REPORT.md").read_text()
    assert (
        "**Wrong: dx and dW in float64 and float32.** The likeliest mistake: a factor of 1/2"
        in report
    )
    assert "Every element is 2 times the true one." in report


@pytest.mark.thorough
def test_one_failing_experiment_does_not_keep_another_from_its_report(project: Project) -> None:
    second = project.root / "experiments/second"
    second.mkdir()
    for name in ("config.yaml", "forward.py", "derivation.md", "backward.py"):
        (second / name).write_bytes((project.folder / name).read_bytes())
    project.edit(BACKWARD, "dy = x @ W.T", "dy = nothing")
    run = project.snakemake()
    assert run.returncode != 0
    assert (second / "work/accepted.txt").exists()


NOTHING = {  # mistakes that leave no gradient to judge
    "raises": ("dy = x @ W.T", "dy = x @ nothing", ":2: NameError: name 'nothing' is not defined"),
    "wrong transpose": ("dy = x @ W.T", "dy = x @ W", ":2: RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x3). They fit with the second transposed"),
    "no dict": ('{"x": dy @ W, "W": dy.T @ x}', "dy", ":1: backward returns a Tensor"),
    "endless": ("dy = x @ W.T", "while True: pass", ":2: still running after 1 s"),
}  # fmt: skip
SPOILED = {  # mistakes that leave dx, and in which formats they spoil dW
    "layout of W.T": ('"W": dy.T @ x', '"W": x.T @ dy', ":1: dW has shape (3, 4) but W has (4, 3)", "float64 and float32"),
    "missing": ('"W": dy.T @ x', "", ":1: the gradient of 'W' is missing", "float64 and float32"),
    "wrong dtype": ('"W": dy.T @ x', '"W": (dy.T @ x).double()', ":1: dW is float64 but W is float32", "float32"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", first_of(NOTHING))
@pytest.mark.thorough
def test_a_backward_that_gives_no_gradient_is_one_sentence_and_loses_nothing(
    project: Project, mistake: str
) -> None:
    old, new, sentence = NOTHING[mistake]
    before = project.outputs()
    project.edit(CONFIG, "time_limit: 20", "time_limit: 1")
    project.edit(BACKWARD, old, new)
    run = project.snakemake()
    assert run.returncode != 0
    assert run.stdout.count(BACKWARD + sentence) == 1, run.stdout
    assert "Traceback" not in run.stdout
    assert project.outputs() == before
    assert not list(project.folder.glob("**/.*"))  # no temporary file is left


@pytest.mark.parametrize("mistake", first_of(SPOILED))
@pytest.mark.thorough
def test_a_spoiled_gradient_is_one_sentence_and_the_other_is_judged(
    project: Project, mistake: str
) -> None:
    old, new, sentence, formats = SPOILED[mistake]
    before = project.outputs()
    project.edit(BACKWARD, old, new)
    run = project.snakemake()
    assert run.returncode != 0
    assert BACKWARD + sentence not in run.stdout.partition("\n# ")[0]
    assert run.stdout.splitlines()[-1].startswith(BACKWARD + sentence), run.stdout
    assert "Traceback" not in run.stdout
    assert not (project.folder / "work/accepted.txt").exists()
    after = project.outputs()
    changed = {name for name in before if after[name] != before[name]}
    assert {"REPORT.md", "errors.csv", "manifest.json"} <= changed
    report = after["REPORT.md"].decode()
    assert (
        f"**Wrong: dW in {formats}.** The likeliest mistake: backward returns no usable" in report
    )
    assert BACKWARD + sentence in report.split("## Acceptance criteria")[0]
    for dtype in ("float64", "float32"):
        outcome = "**wrong**" if dtype in formats else "right"
        assert f"| `dx` | {dtype} | right |" in report
        assert f"| `dW` | {dtype} | {outcome} |" in report


@pytest.mark.thorough
def test_a_broken_template_of_the_author_keeps_the_old_report(project: Project) -> None:
    before = project.outputs()
    (project.folder / "discussion.md").write_text("{{ nothing_of_that_name }}\n")
    run = project.snakemake()
    assert run.returncode != 0
    assert f"experiments/{TINY}/discussion.md" in run.stdout
    assert "nothing_of_that_name" in run.stdout
    assert project.outputs() == before


@pytest.mark.thorough
def test_a_vector_result_is_pulled_back_from_a_drawn_cotangent(project: Project) -> None:
    project.edit(
        f"experiments/{TINY}/forward.py", "0.5 * ((x @ W.T) ** 2).sum()", "(x @ W.T).tanh()"
    )
    project.edit(
        BACKWARD,
        "def backward(x, W):\n    dy = x @ W.T",
        "def backward(x, W, dout):\n    dy = dout * (1 - (x @ W.T).tanh() ** 2)",
    )
    run = project.snakemake()
    assert run.returncode == 0, run.stdout


@pytest.mark.thorough
def test_the_stages_run_without_any_patch_and_without_the_profile(tmp_path: Path) -> None:
    other = copy_project(tmp_path / "cold")
    other.edit(CONFIG, "dtypes: [float64, float32]", "dtypes: [float32]")
    run = other.snakemake("--workflow-profile", "none", "--cores", "2", WITHOUT_PATCHES="all")
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    "name", first_of(["two words", "-dash", "a;b", "é", "n" * 65, "{experiment}"])
)
def test_a_folder_name_that_will_not_do_is_a_sentence(project: Project, name: str) -> None:
    project.folder.rename(project.root / "experiments" / name)
    run = project.snakemake()
    assert run.returncode != 0
    assert f"experiments/{name}: this folder's name is not valid" in run.stdout


@pytest.mark.thorough
def test_a_run_needs_no_network(tmp_path: Path) -> None:
    other = copy_project(tmp_path / "offline")
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    snakemake = str(Path(sys.executable).with_name("snakemake"))
    command = ["unshare", "--net", *user, snakemake, "-c1", "all", "archive"]
    run = subprocess.run(command, cwd=other.root, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def wrong(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose gradient is wrong, asked once for its page. Look, but do not touch."""
    project = Project(tmp_path_factory.mktemp("wrong") / "project")
    shutil.copytree(finished.root, project.root, symlinks=True)
    project.edit(BACKWARD, "dy = x @ W.T", "dy = 2 * (x @ W.T)")
    run = project.snakemake(f"experiments/{TINY}/REPORT.html")
    assert run.returncode == 1, run.stdout
    assert run.stdout.splitlines()[-1] == UNMET
    assert run.stdout.count("acceptance criteria do not hold") == 1
    assert "# A tiny linear layer\n\n**Wrong: dx and dW in float64 and float32.**" in run.stdout
    return project


UNMET = (
    "2 of 2 acceptance criteria do not hold. float32 agrees with autograd: greatest difference "
    "relative to the norm 1.00 (dx, run 0); 0 of 6 are below 1.0e-5. right everywhere: "
    f"0 of 4 are right. The report is experiments/{TINY}/REPORT.md."
)


@pytest.mark.parametrize(
    "target",
    first_of(
        [
            f"./experiments/{TINY}/REPORT.html",
            f"experiments/{TINY}/REPORT.md",
            f"experiments/{TINY}/manifest.json",
            "experiments/index.html",
            f"archives/{TINY}.tar.gz",
            "archive",
            "all",
        ]
    ),
)
def test_whatever_tells_a_verdict_fails_on_wrong_and_is_written(
    wrong: Project, target: str
) -> None:
    for _ in range(2):  # to write it, and when it is up to date
        run = wrong.snakemake(target)
        assert run.returncode == 1, run.stdout
        assert run.stdout.splitlines()[-1] == UNMET
    if "/" in target:
        assert (wrong.root / target).is_file()


@pytest.mark.thorough
def test_what_tells_no_verdict_is_not_judged(wrong: Project) -> None:
    for target in (f"experiments/{TINY}/errors.csv", f"experiments/{TINY}/figures/graph.svg"):
        assert wrong.snakemake(target).returncode == 0
    assert (
        wrong.snakemake("--report", "wrong.html", f"experiments/{TINY}/REPORT.md").returncode == 0
    )
    dry = wrong.snakemake("-n", f"experiments/{TINY}/REPORT.md")
    assert dry.returncode == 0
    assert re.search(r"^accept +1$", dry.stdout, re.MULTILINE)


@pytest.mark.thorough
def test_without_the_patch_a_report_alone_is_not_judged(wrong: Project) -> None:
    target = f"experiments/{TINY}/REPORT.md"
    assert wrong.snakemake(target, WITHOUT_PATCHES="prepare_dag").returncode == 0


@pytest.mark.thorough
def test_a_wrong_gradient_that_no_criterion_expects_fails_the_run(project: Project) -> None:
    criteria = (project.root / CONFIG).read_text().partition("acceptance:\n")[2]
    project.edit(CONFIG, f"acceptance:\n{criteria}", "acceptance: []\n")
    project.edit(BACKWARD, "dy.T @ x", "2 * dy.T @ x")
    run = project.snakemake(f"experiments/{TINY}/REPORT.md")
    assert run.returncode == 1
    assert run.stdout.splitlines()[-1] == (
        "dW is wrong in float64 and float32, and no acceptance criterion expects it. "
        f"The report is experiments/{TINY}/REPORT.md."
    )
    project.edit(BACKWARD, "dy @ W", "2 * dy @ W")
    project.edit(
        CONFIG, "acceptance: []\n", "acceptance:\n- {claim: It is wrong, verdict: wrong}\n"
    )
    assert project.snakemake(f"experiments/{TINY}/REPORT.md").returncode == 0
