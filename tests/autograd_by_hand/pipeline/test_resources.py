"""Needs: the estimates hold for what is there, and what cannot be is refused before it starts."""

from pathlib import Path
from typing import Any

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.experiment.settings import Config
from autograd_by_hand.pipeline import resources
from autograd_by_hand.pipeline.resources import disk_needed, memory_needed, refuse_what_cannot_be
from tests.conftest import ROOT, TINY, Project

SCHEMA = ROOT / "experiments/schema.yaml"
CONFIG: Any = {
    "tensors": {"x": {"shape": [10, 10]}, "W": {"shape": [100, 10], "requires_grad": True}},
    "samples": {"trial": {"runs": 10}},
    "dtypes": ["float32"],
}


def with_runs(runs: int) -> Config:
    settings: Config = CONFIG | {"samples": {"trial": {"runs": runs}}}
    return settings


def test_runs_that_are_not_looked_at_closely_need_a_row_and_no_tensor() -> None:
    near, far = (disk_needed(with_runs(runs)) for runs in (100, 1100))
    assert far - near == 1000 * 4 * 2 * resources.ROW
    assert memory_needed(with_runs(100)) == memory_needed(with_runs(100_000))


def test_more_runs_and_more_formats_need_more() -> None:
    assert disk_needed(with_runs(20)) > disk_needed(with_runs(10))
    assert memory_needed(with_runs(20)) > memory_needed(with_runs(10))
    assert disk_needed(CONFIG | {"dtypes": ["float32", "float16"]}) > disk_needed(CONFIG)


@pytest.mark.thorough
def test_the_estimate_covers_what_a_run_leaves(finished: Project) -> None:
    config = load_config(finished.folder / "config.yaml", SCHEMA)
    tensors = sum(path.stat().st_size for path in finished.folder.rglob("work/**/*.safetensors"))
    headers = 1000 * len([*finished.folder.rglob("work/**/*.safetensors")])
    assert tensors < disk_needed(config) + headers


def test_a_layer_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    huge = CONFIG | {"tensors": {"W": {"shape": [10**6, 10**6], "requires_grad": True}}}
    with pytest.raises(UserError, match=r"experiments/a: needs about \d+\.\d GB of memory, but "):
        refuse_what_cannot_be({"a": huge}, tmp_path)


def test_a_disk_too_small_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(UserError, match=r"experiments/a, experiments/b: need about .* of disk"):
        refuse_what_cannot_be({"a": CONFIG, "b": CONFIG}, tmp_path)


def test_what_can_be_is_not_refused(tmp_path: Path) -> None:
    refuse_what_cannot_be({"a": CONFIG}, tmp_path)


def test_where_the_system_does_not_tell_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "MEMINFO", tmp_path / "none")
    refuse_what_cannot_be({"a": CONFIG}, tmp_path)


def test_a_run_that_cannot_be_stops_before_it_starts(project: Project) -> None:
    project.edit(f"experiments/{TINY}/config.yaml", "shape: [4, 3]", "shape: [400000000, 3]")
    (project.folder / "work/accepted.txt").unlink()
    run = project.snakemake()
    assert run.returncode != 0
    assert f"experiments/{TINY}: needs about " in run.stdout
    assert "1 of " not in run.stdout
