"""What a run sets up before its graph: more targets, and a limit of memory."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from snakemake.resources import Resources

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.pipeline import hooks
from autograd_by_hand.pipeline.inputs import Experiments
from autograd_by_hand.pipeline.snakemake_patches import AT_THE_END, PREPARE_DAG, WITHOUT_PATCHES
from tests.conftest import ROOT

CONFIG: Any = {}
EXPERIMENTS = Experiments({"one": CONFIG})


def set_up(
    experiments: Experiments = EXPERIMENTS,
    targets: Collection[str] = ("experiments/one/REPORT.md",),
    **settings: Any,
) -> SimpleNamespace:
    """Snakemake's workflow, as far as a run alters it before the graph."""
    values = {"local_exec": True, "touch": False, "given": None} | settings
    limits = Resources.from_mapping({"mem_mb": values["given"]} if values["given"] else {})
    workflow = SimpleNamespace(
        executor_plugin="",
        dag_settings=SimpleNamespace(targets=set(targets)),
        global_resources=limits,
        register_resource=limits.__setitem__,
        _prepare_dag=lambda: None,
        execute=lambda: None,
        lint=lambda: None,
        **values,
    )
    hooks.set_up(workflow, experiments)
    workflow._prepare_dag()
    return workflow


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "memory_available", lambda: 5_000_000_000)


def test_who_asks_for_a_report_asks_for_its_acceptance() -> None:
    both = {"experiments/one/REPORT.md", "experiments/one/work/accepted.txt"}
    assert set_up().dag_settings.targets == both
    assert set_up(touch=True).dag_settings.targets == {"experiments/one/REPORT.md"}


@pytest.mark.parametrize(
    ("settings", "limit"),
    [({}, 5000), ({"given": 200}, 200), ({"local_exec": False}, None)],
    ids=["local", "the user's own", "on a cluster"],
)
def test_a_local_run_is_limited_to_the_memory_that_is_there(
    settings: dict[str, Any], limit: int | None
) -> None:
    assert set_up(**settings).global_resources.get("mem_mb").value == limit


def test_without_a_figure_from_the_system_there_is_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hooks, "memory_available", lambda: None)
    assert set_up().global_resources.get("mem_mb").value is None


def test_no_profile_stands_above_the_estimate() -> None:
    for path in (ROOT / "profiles").glob("*/config.yaml"):
        profile = yaml.safe_load(path.read_text())
        told = [*profile.get("default-resources", []), *profile.get("set-resources", [])]
        assert not [one for one in told if "mem" in one]


def test_an_error_of_ours_ends_the_run_with_its_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end, hooks.in_a_sentence():
        raise UserError("It cannot be.")
    assert end.value.code == 1
    assert capsys.readouterr().err == "\nIt cannot be.\n"


def test_a_broken_experiment_is_left_out_and_fails_the_run_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = Experiments({"one": CONFIG}, None, {"two": "two: is broken."})
    workflow = set_up(broken, targets={"experiments/one/REPORT.md", "experiments/two/REPORT.md"})
    assert workflow.dag_settings.targets == {
        "experiments/one/REPORT.md",
        "experiments/one/work/accepted.txt",
    }
    assert capsys.readouterr().err == ""
    for end in (workflow.execute, workflow.lint):
        with pytest.raises(SystemExit):
            end()
        assert capsys.readouterr().err == "\ntwo: is broken.\n"
    with pytest.raises(SystemExit):  # before any job, since nothing else is asked for
        set_up(broken, targets={"experiments/two/REPORT.md"})
    set_up(broken).execute()  # who asks only for another experiment is not bothered


def test_without_the_patches_a_broken_experiment_stops_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Experiments({"one": CONFIG}, None, {"two": "two: is broken."})
    for patch in (AT_THE_END, PREPARE_DAG):
        monkeypatch.setenv(WITHOUT_PATCHES, patch)
        with pytest.raises(SystemExit):
            set_up(broken, targets=set())
        assert capsys.readouterr().err == "\ntwo: is broken.\n"
    set_up(EXPERIMENTS)
