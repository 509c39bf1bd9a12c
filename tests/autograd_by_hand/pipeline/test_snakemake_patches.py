"""Reaches into Snakemake: they hold for the pinned version, and each can be left out."""

import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import snakemake
from snakemake.exceptions import WorkflowError
from snakemake.settings.enums import Quietness

from autograd_by_hand.pipeline import snakemake_patches as patches
from tests.conftest import ROOT, TINY, Project

NAMES = (*patches.PATCHES, "all")


def test_they_hold_for_the_pinned_version() -> None:
    assert snakemake.__version__ == patches.HOLDS_FOR
    assert f"snakemake=={patches.HOLDS_FOR}" in (ROOT / "envs/requirements.txt").read_text()


def test_no_other_module_reaches_into_snakemake() -> None:
    inside = re.compile(
        r"workflow\._|scheduler\b|dag_settings|output_settings|global_resources"
        r"|snakemake\.logging import|sys\.executable =|sys\.modules\["
    )
    library = ROOT / "scripts/autograd_by_hand/pipeline"
    paths = [ROOT / "Snakefile", *(ROOT / "scripts/rules").glob("*.smk"), *library.glob("*.py")]
    reaching = [path.name for path in paths if inside.search(path.read_text())]
    assert reaching == ["snakemake_patches.py"]


@pytest.fixture(params=["", *NAMES])
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The patch that is left out, of a list; none, each, or all."""
    monkeypatch.setenv(patches.WITHOUT_PATCHES, f"another,{request.param}")
    return str(request.param)


def test_a_patch_that_is_left_out_changes_nothing(
    without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "python")
    patches.run_stages_by(lambda: "warm")
    assert sys.executable == ("python" if without in ("warm_python", "all") else "warm")

    workflow = SimpleNamespace(scheduler=SimpleNamespace(job_rate_limiter=1))
    patches.remove_rate_limit(workflow)
    kept = without in ("rate_limit", "all")
    assert workflow.scheduler.job_rate_limiter == (1 if kept else None)

    called: list[str] = []
    workflow = SimpleNamespace(
        executor_plugin="local", _prepare_dag=lambda **_: called.append("prepared")
    )
    patches.before_the_dag(workflow, lambda: called.append("acted"))
    workflow._prepare_dag(forceall=True)
    acted = without not in ("prepare_dag", "all")
    assert called == (["acted", "prepared"] if acted else ["prepared"])


def test_something_is_said_after_all_that_snakemake_says_of_a_run(
    without: str,
) -> None:
    called: list[str] = []

    def fails(message: str) -> None:
        called.append("executed")
        raise WorkflowError(message)

    workflow = SimpleNamespace(execute=fails, lint=lambda: called.append("linted"))
    patches.at_the_end(workflow, lambda: called.append("said"))
    workflow.lint()
    with pytest.raises(WorkflowError):
        workflow.execute(patches.JOBS_FAILED)
    with pytest.raises(WorkflowError):
        workflow.execute("There is no rule.")  # which is the last thing that is said
    said = [] if without in ("at_the_end", "all") else ["said"]
    assert called == ["linted", *said, "executed", *said, "executed"]


def test_what_runs_no_jobs_is_not_acted_on() -> None:
    called: list[str] = []
    workflow = SimpleNamespace(executor_plugin=None, _prepare_dag=lambda: called.append("prepared"))
    patches.before_the_dag(
        workflow, lambda: called.append("acted"), lambda: called.append("looked")
    )
    workflow._prepare_dag()
    assert called == ["looked", "prepared"]


def test_targets_are_added_to_those_that_were_asked_for() -> None:
    workflow = SimpleNamespace(dag_settings=SimpleNamespace(targets=frozenset({"a"})))
    patches.add_targets(workflow, ["b", "a"])
    assert patches.targets(workflow) == {"a", "b"}


RULE_EXCEPTION = "RuleException:\nCalledProcessError: Command"


@pytest.mark.parametrize(
    ("said", "of"),
    [
        ("WorkflowError:\nAt least one job did not complete successfully.", "any"),
        ("Exiting because a job execution failed. Look above for error messages", "any"),
        (f"{RULE_EXCEPTION} 'python x.accept.py' returned non-zero exit status 1.", "accept"),
        (f"{RULE_EXCEPTION} 'python x.judge.py' returned non-zero exit status 1.", "judge"),
        (f"{RULE_EXCEPTION} 'python x.judge.py' died with <Signals.SIGSEGV: 11>.", "judge"),
        ("RuleException:\nNameError in rule judge", None),
        ("WorkflowError:\nanother run is at work", None),
    ],
)
def test_which_words_say_no_more_than_that_a_job_failed(said: str, of: str | None) -> None:
    record = logging.LogRecord("", logging.ERROR, "", 0, said, None, None)
    assert patches.says_that_jobs_failed(record) is (of is not None)
    for rule in ("accept", "judge"):
        assert patches.says_that_jobs_failed(record, rule) is (of in ("any", rule))


def test_who_is_quiet_about_all_is_quiet_about_anything() -> None:
    def workflow(*quiet: Quietness) -> SimpleNamespace:
        return SimpleNamespace(output_settings=SimpleNamespace(quiet=set(quiet)))

    assert patches.is_quiet(workflow(Quietness.PROGRESS), Quietness.PROGRESS)
    assert patches.is_quiet(workflow(Quietness.ALL), Quietness.PROGRESS)
    assert not patches.is_quiet(workflow(Quietness.RULES), Quietness.PROGRESS)
    assert not patches.is_quiet(workflow(), Quietness.ALL)


SLOW = """\
import os, time
with open({log!r}, "a") as log:
    log.write(f"{{time.monotonic()}} {{os.getpid()}} begins\\n")
time.sleep(0.5)
with open({log!r}, "a") as log:
    log.write(f"{{time.monotonic()}} {{os.getpid()}} ends\\n")

"""


@pytest.mark.thorough
@pytest.mark.parametrize("case", [("400", False), ("100000", True)], ids=str)
def test_jobs_that_do_not_fit_into_memory_together_wait_for_each_other(
    project: Project, tmp_path: Path, case: tuple[str, bool]
) -> None:
    limit, together = case
    log = tmp_path / "log"
    forward = project.folder / "forward.py"
    forward.write_text(SLOW.format(log=str(log)) + forward.read_text())
    targets = [f"experiments/{TINY}/work/{d}/autograd.safetensors" for d in ("float64", "float32")]
    run = project.snakemake(*targets, "-c2", "--resources", f"mem_mb={limit}")
    assert run.returncode == 0, run.stdout
    at_work: set[str] = set()
    most = 0
    for line in sorted(log.read_text().splitlines(), key=lambda line: float(line.split()[0])):
        _, pid, what = line.split()
        at_work.symmetric_difference_update({pid})
        assert (what == "begins") == (pid in at_work)
        most = max(most, len(at_work))
    assert (most > 1) == together
