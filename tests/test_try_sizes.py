"""Other sizes of the axes find what is right at one size alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from autograd_by_hand.core.files import read_json
from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.experiment.sizes import sizes_of
from tests.conftest import ROOT, TINY
from tests.in_process import Pipeline, begin

WORK = f"experiments/{TINY}/work"
FORWARD = """\
def forward(x, W, b):
    return 0.5 * ((x @ W.T + b) ** 2).sum()
"""
BACKWARD = """\
def backward(x, W, b):
    dy = x @ W.T + b
    return {"x": dy @ W, "W": dy.T @ x, "b": dy.sum(0)}
"""
AXES = {"batch": 2, "out": 4}
TENSORS: dict[str, Any] = {
    "x": {"shape": ["batch", 3], "draw": "randn", "requires_grad": True},
    "W": {"shape": ["out", 3], "draw": "randn", "requires_grad": True},
    "b": {"shape": ["out"], "draw": "randn", "requires_grad": True},
}


def experiment(root: Path, backward: str = BACKWARD, **more: Any) -> Pipeline:
    return begin(root, FORWARD, backward, TENSORS, ["float32"], axes=AXES, **more)


def judged(root: Path) -> dict[str, bool]:
    """Of each size, whether all is right there."""
    return {
        ", ".join(map(str, row["size"].values())): not row["refused"]
        and all(one["outcome"] == "right" for one in row["verdicts"])
        for row in read_json(root / WORK / "sizes.json")
    }


@pytest.mark.thorough
def test_right_everywhere_is_right_at_small_odd_and_large_sizes(tmp_path: Path) -> None:
    experiment(tmp_path).make(f"experiments/{TINY}/REPORT.md")
    assert judged(tmp_path) == {"1, 4": True, "2, 1": True, "3, 5": True, "9, 17": True}
    [criterion] = read_json(tmp_path / WORK / "judgement.json")["acceptance"]
    assert criterion["holds"]
    report = (tmp_path / f"experiments/{TINY}/REPORT.md").read_text()
    assert "| batch: 9, out: 17 | right |" in report


def test_a_size_in_the_code_is_right_at_one_size_alone_and_fails(tmp_path: Path) -> None:
    wrong = BACKWARD.replace("dy.sum(0)", "dy.mean(0) * 2")
    experiment(tmp_path, wrong).make(f"experiments/{TINY}/REPORT.md")
    verdicts = read_json(tmp_path / WORK / "judgement.json")["verdicts"]
    assert {one["outcome"] for one in verdicts} == {"right"}
    assert judged(tmp_path) == {"1, 4": False, "2, 1": True, "3, 5": False, "9, 17": False}
    [criterion] = read_json(tmp_path / WORK / "judgement.json")["acceptance"]
    assert not criterion["holds"]
    assert criterion["measured"] == (
        "3 of 3 are right, but not at (batch: 1, out: 4), (batch: 3, out: 5) and "
        "(batch: 9, out: 17)"
    )
    report = (tmp_path / f"experiments/{TINY}/REPORT.md").read_text()
    assert "| batch: 3, out: 5 | wrong: db in float64 and float32 (off by " in report


def test_the_sizes_of_the_config_are_those_that_are_tried(tmp_path: Path) -> None:
    experiment(tmp_path, sizes=[{"batch": 5}]).make(f"{WORK}/sizes.json")
    assert judged(tmp_path) == {"5, 4": True}


@pytest.mark.parametrize(("sizes", "holds"), [(None, True), ([{"batch": 3}], False)])
def test_a_size_that_forward_refuses_fails_only_if_it_is_listed(
    tmp_path: Path, sizes: Any, holds: bool
) -> None:
    forward = FORWARD.replace("    return", "    assert len(x) == 2, 'two rows only'\n    return")
    more = {} if sizes is None else {"sizes": sizes}
    pipeline = begin(tmp_path, forward, BACKWARD, TENSORS, ["float32"], axes=AXES, **more)
    pipeline.make(f"{WORK}/judgement.json")
    [criterion] = read_json(tmp_path / WORK / "judgement.json")["acceptance"]
    assert criterion["holds"] == holds
    refused = [row["refused"] for row in read_json(tmp_path / WORK / "sizes.json")]
    assert any("two rows only" in sentence for sentence in refused if sentence)


def config(folder: Path, **changed: Any) -> Any:
    own = {
        "title": "A trial",
        "question": "Is it right?",
        "axes": AXES,
        "tensors": TENSORS,
        "samples": {"trial": {"seed": 7, "runs": 3}},
        "dtypes": ["float32"],
        "acceptance": [],
        **changed,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(own, sort_keys=False))
    return load_config(folder / "config.yaml", ROOT / "experiments/schema.yaml")


def test_numbers_stand_for_the_names_of_axes(tmp_path: Path) -> None:
    read = config(tmp_path)
    assert [one["shape"] for one in read["tensors"].values()] == [[2, 3], [4, 3], [4]]
    classes = {"t": {"shape": ["batch"], "draw": "randint", "high": "out"}}
    assert config(tmp_path, tensors=TENSORS | classes)["tensors"]["t"]["high"] == 4


@pytest.mark.parametrize(
    "changed",
    [{"sizes": []}, {"tensors": {"x": {"shape": [2], "draw": "randn", "requires_grad": True}}}],
)
def test_no_size_is_tried_if_none_is_wanted_or_no_shape_names_an_axis(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    assert sizes_of(config(tmp_path, **changed)) is None


def test_of_many_axes_no_two_are_equal(tmp_path: Path) -> None:
    axes = {f"a{number}": 2 for number in range(6)}
    tensors = {"x": {"shape": [*axes], "draw": "randn", "requires_grad": True}}
    found = sizes_of(config(tmp_path, axes=axes, tensors=tensors))
    assert found is not None
    *ones, odd, above = found["tried"]
    assert [sorted(one.values()) for one in ones] == [[1, 2, 2, 2, 2, 2]] * 6
    assert all(length % 2 for length in odd.values())
    assert len({*odd.values()}) == len({*above.values()}) == 6
