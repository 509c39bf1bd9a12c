"""A forward with several outputs, right and wrong, through all stages."""

import subprocess
import sys
from typing import Any

import pytest

from autograd_by_hand.core.files import read_json
from tests.conftest import ROOT, TINY, Project, copy_pipeline
from tests.in_process import Pipeline, begin

TENSORS: dict[str, dict[str, Any]] = {
    "x": {"shape": [5, 3], "draw": "randn", "requires_grad": True},
    "W": {"shape": [4, 3], "draw": "randn", "requires_grad": True},
}
# y and h = 2 e^y have a derivative, the index of the largest has none.
FORWARD = """\
def forward(x, W):
    y = (x @ W.T).tanh()
    h = y.exp() * 2
    return y, y.argmax(1), h
"""
BACKWARD = """\
def backward(x, W, dout_0, dout_2):
    y = (x @ W.T).tanh()
    dy = dout_0 + dout_2 * y.exp() * 2
    ds = dy * (1 - y * y)
    return {"x": ds @ W, "W": ds.T @ x}
"""
TAKEN = "x, W, dout_0, dout_2):"
TOGETHER = BACKWARD.replace(TAKEN, "x, W, dout):\n    dout_0, dout_2 = dout")
NAMED = FORWARD.replace("y, y.argmax(1), h", "{'y': y, 'at': y.argmax(1), 'h': h}")
BY_NAME = BACKWARD.replace("dout_0", "dout_y").replace("dout_2", "dout_h")
BY_KEY = BY_NAME.replace(
    "x, W, dout_y, dout_h):", "x, W, dout):\n    dout_y, dout_h = dout['y'], dout['h']"
)


def judged(root, forward: str, backward: str) -> dict[str, Any]:
    """The verdicts and the mistakes of an experiment, by the names of its gradients."""
    pipeline: Pipeline = begin(root, forward, backward, TENSORS, ["float64", "float32"])
    pipeline.make(f"experiments/{TINY}/work/judgement.json")
    work = root / "experiments" / TINY / "work"
    assert read_json(work / "oracle.json")["reason"] is None
    verdicts = read_json(work / "judgement.json")["verdicts"]
    return {f"{one['gradient']} {one['dtype']}": one for one in verdicts}


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(FORWARD, TOGETHER), (FORWARD, BACKWARD), (NAMED, BY_KEY), (NAMED, BY_NAME)],
    ids=["a tuple", "numbers", "a dict", "names"],
)
def test_each_cotangent_reaches_the_gradient(tmp_path, forward, backward):
    found = judged(tmp_path, forward, backward)
    assert len(found) == 4
    assert {one["outcome"] for one in found.values()} == {"right"}


@pytest.mark.parametrize(
    ("forward", "old", "new", "mistake"),
    [
        (FORWARD, "dout_0 + dout_2 * y.exp() * 2", "dout_0", "the cotangent `dout_2` is not used"),
        (
            FORWARD,
            "dout_0 + dout_2",
            "dout_2 + dout_0",
            "line 3: `dout_0` and `dout_2` are swapped",
        ),
        (
            FORWARD,
            "+ dout_2",
            "+ dout_0",
            "line 3, `(dout_0 * exp(y))`: `dout_0` is used instead of `dout_2`",
        ),
    ],
    ids=["one forgotten", "exchanged", "one used twice"],
)
def test_a_mistake_in_a_cotangent_is_wrong_and_named(tmp_path, forward, old, new, mistake):
    assert old in BACKWARD
    found = judged(tmp_path, forward, BACKWARD.replace(old, new))
    assert {one["outcome"] for one in found.values()} == {"wrong"}
    assert {one["diagnosis"]["name"] for one in found.values()} == {mistake}


@pytest.mark.thorough
def test_snakemake_reports_several_outputs_and_verifies_their_archive(tmp_path):
    copy_pipeline(tmp_path / "project")
    project = Project(tmp_path / "project")
    begin(tmp_path / "other", NAMED, BY_KEY, TENSORS, ["float64", "float32"])
    (tmp_path / "other/experiments" / TINY).rename(project.folder)
    run = project.snakemake("archive")
    assert run.returncode == 0, run.stdout
    report = (project.folder / "REPORT.md").read_text()
    assert (
        "Forward returns 3 tensors, each with a cotangent of its own if it has a derivative: "
        "`y` (5 x 4), at node 0; `at` (5), int64, without a derivative; `h` (5 x 4), at node 1."
    ) in report
    verified = subprocess.run(
        [sys.executable, "scripts/verify.py", project.archive],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout
