"""What is no tensor reaches forward and backward in every stage that calls them."""

from pathlib import Path

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from tests.conftest import TINY
from tests.in_process import Pipeline, begin

# Neither function has a default, so that a stage which forgot an argument would fail.
FORWARD = """\
from torch.nn.functional import avg_pool2d, gelu


def forward(x, mode, kernel, scale):
    return scale * avg_pool2d(gelu(x, approximate=mode), kernel)
"""
BACKWARD = """\
import torch


def backward(x, dout, mode, kernel, scale):
    dy = torch.ops.aten.avg_pool2d_backward(scale * dout, x, kernel, [], [0, 0], False, True, None)
    return {"x": torch.ops.aten.gelu_backward(dy, x, approximate=mode)}
"""
TENSORS = {"x": {"shape": [1, 2, 4, 4], "draw": "randn", "requires_grad": True}}
ARGUMENTS = {"mode": "tanh", "kernel": [2, 2], "scale": 0.1}
WORK = f"experiments/{TINY}/work"
MANY = {"trial": {"seed": 7, "runs": 102}}


def experiment(root: Path, backward: str = BACKWARD, **more: object) -> Pipeline:
    given = {"arguments": ARGUMENTS} | more
    return begin(root, FORWARD, backward, TENSORS, ["float64", "float32"], **given)


def outcomes(root: Path) -> set[str]:
    return {one["outcome"] for one in read_json(root / WORK / "judgement.json")["verdicts"]}


def test_every_stage_calls_both_functions_with_the_arguments(tmp_path: Path) -> None:
    pitfall = {"mistake": "no scale", "replace": "scale * dout", "by": "dout"}
    experiment(tmp_path, pitfalls=[pitfall]).make(f"experiments/{TINY}/manifest.json")
    assert outcomes(tmp_path) == {"right"}
    [tried] = read_json(tmp_path / WORK / "pitfalls.json")
    assert {one["outcome"] for one in tried["verdicts"]} == {"wrong"}


@pytest.mark.thorough
def test_every_search_for_a_mistake_calls_them_with_the_arguments_too(tmp_path: Path) -> None:
    wrong = BACKWARD.replace("scale * dout", "scale * dout.flip(-1)")
    experiment(tmp_path, wrong).make(f"{WORK}/judgement.json")
    assert outcomes(tmp_path) == {"wrong"}
    assert read_json(tmp_path / WORK / "mistakes.json")["dx"]["kind"] != "unknown"


def test_the_runs_that_are_measured_in_chunks_get_them_too(tmp_path: Path) -> None:
    pipeline = experiment(tmp_path, samples=MANY)
    pipeline.make(f"{WORK}/chunks/trial.100-102.json")
    assert read_json(tmp_path / WORK / "chunks/trial.100-102.json")["float32"]["lost"] == 0


def test_what_a_function_does_to_a_list_does_not_last(tmp_path: Path) -> None:
    changing = BACKWARD.replace("    dy =", "    kernel = [kernel.pop(), kernel.pop()]\n    dy =")
    experiment(tmp_path, changing).make(f"{WORK}/float64/calls.json")
    calls = read_json(tmp_path / WORK / "float64/calls.json")
    assert calls["second_call"] == {"x": "same bits"}
    assert calls["refused"] == {}


def test_a_parameter_that_is_in_no_config_is_told_with_all_there_are(tmp_path: Path) -> None:
    pipeline = experiment(tmp_path, BACKWARD.replace("mode", "mood"))
    with pytest.raises(UserError) as error:
        pipeline.make(f"{WORK}/checked.txt")
    assert "backward takes 'mood', which is neither a tensor nor an argument of the config" in str(
        error.value
    )
    assert "there are x, dout, mode, kernel, scale." in str(error.value)
