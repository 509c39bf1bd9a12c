"""Inputs as real code needs them, through every stage: masks, matrices, offsets and files."""

from pathlib import Path
from typing import Any

import pytest
import torch

from autograd_by_hand.core.files import read_json
from autograd_by_hand.experiment.input_sources import read_sources
from autograd_by_hand.experiment.sampling import draw_runs, resumed_generator
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors
from tests.conftest import TINY, first_of
from tests.in_process import Pipeline, begin

WORK = f"experiments/{TINY}/work"

# Causal attention over packed sequences: which key a query may see depends on the offsets.
ATTENTION: dict[str, Any] = {
    "forward": """\
def forward(q, k, v, mask, offsets, temperature):
    s = q @ k.mT / temperature
    segment = (offsets[:, None] <= offsets.new_tensor(range(len(q)))).sum(0)
    own = segment[:, None] == segment
    return s.masked_fill(~(mask & own), float("-inf")).softmax(-1) @ v
""",
    "backward": """\
def backward(q, k, v, mask, offsets, temperature, dout):
    segment = (offsets[:, None] <= offsets.new_tensor(range(len(q)))).sum(0)
    own = segment[:, None] == segment
    s = (q @ k.mT / temperature).masked_fill(~(mask & own), float("-inf"))
    p = s.softmax(-1)
    dp = dout @ v.mT
    ds = p * (dp - (p * dp).sum(-1, keepdim=True)) / temperature
    return {"q": ds @ k, "k": ds.mT @ q, "v": p.mT @ dout}
""",
    "inputs": """\
import torch


def inputs(generator):
    mask = torch.ones(6, 6, dtype=torch.bool).tril()
    inner = torch.randperm(5, generator=generator)[:2] + 1
    offsets = torch.cat([torch.zeros(1, dtype=torch.int32), inner.sort().values.int()])
    return {"mask": mask, "offsets": offsets}
""",
    "tensors": {
        "q": {"shape": [6, 4], "draw": "randn", "requires_grad": True},
        "k": {"shape": [6, 4], "draw": "randn", "requires_grad": True},
        "v": {"shape": [6, 4], "file": "data.safetensors", "requires_grad": True},
        "mask": {"from": "inputs.py"},
        "offsets": {"from": "inputs.py"},
        "temperature": {"value": 2.0},
    },
}
# A positive-definite matrix with a gradient: log det A, whose gradient is the inverse of A.
LOG_DET: dict[str, Any] = {
    "forward": """\
import torch


def forward(A):
    return 2 * torch.linalg.cholesky((A + A.mT) / 2).diagonal().log().sum()
""",
    "backward": """\
import torch


def backward(A):
    return {"A": torch.cholesky_inverse(torch.linalg.cholesky((A + A.mT) / 2))}
""",
    "inputs": """\
import torch


def inputs(generator):
    B = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    return {"A": B @ B.mT + 4 * torch.eye(4, dtype=torch.float64)}
""",
    "tensors": {"A": {"from": "inputs.py", "requires_grad": True}},
}


def project(root: Path, one: dict[str, Any], **more: object) -> Pipeline:
    folder = root / "experiments" / TINY
    folder.mkdir(parents=True)
    (folder / "inputs.py").write_text(one["inputs"])
    values = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    write_tensors(folder / "data.safetensors", {"v": values})
    dtypes = ["float64", "float32"]
    return begin(root, one["forward"], one["backward"], one["tensors"], dtypes, **more)


def outcomes(root: Path) -> set[str]:
    return {one["outcome"] for one in read_json(root / WORK / "judgement.json")["verdicts"]}


@pytest.mark.parametrize("one", first_of([ATTENTION, LOG_DET]), ids=["attention", "log det"])
def test_right_is_right_and_its_files_are_in_the_manifest(
    tmp_path: Path, one: dict[str, Any]
) -> None:
    project(tmp_path, one).make(f"experiments/{TINY}/manifest.json")
    assert outcomes(tmp_path) == {"right"}
    manifest = read_json(tmp_path / f"experiments/{TINY}/manifest.json")
    listed = {Path(file["path"]).name for file in manifest["files"]["written"]}
    assert "inputs.py" in listed
    assert ("data.safetensors" in listed) == (one is ATTENTION)
    report = (tmp_path / f"experiments/{TINY}/REPORT.md").read_text()
    assert "| `inputs.py` |" in report
    assert ("| `v` | 6 x 4 | float64 | `data.safetensors` |" in report) == (one is ATTENTION)


def test_a_wrong_one_is_wrong_and_named(tmp_path: Path) -> None:
    wrong = ATTENTION["backward"].replace("/ temperature\n    return", "* temperature\n    return")
    project(tmp_path, ATTENTION | {"backward": wrong}).make(f"{WORK}/judgement.json")
    rows = read_json(tmp_path / WORK / "judgement.json")["verdicts"]
    by_gradient = {one["gradient"]: one["outcome"] for one in rows}
    assert by_gradient == {"dq": "wrong", "dk": "wrong", "dv": "right"}


@pytest.mark.thorough
def test_chunks_go_on_with_the_draws_of_one_long_series(tmp_path: Path) -> None:
    """The runs of a chunk are those that one call after another gives, whatever came before."""
    samples: dict[str, Any] = {"trial": {"seed": 7, "runs": 103}}
    pipeline = project(tmp_path, ATTENTION, samples=samples)
    pipeline.make(f"{WORK}/starts.safetensors")
    folder, specs = tmp_path / "experiments" / TINY, ATTENTION["tensors"]
    sources = read_sources(folder, specs, samples, {}, 10)
    whole = torch.Generator().manual_seed(7)
    *_, last = draw_runs(specs, samples["trial"], whole, 101, sources)
    start = resumed_generator(read_tensors(tmp_path / WORK / "starts.safetensors")["trial/100"])
    [again] = draw_runs(specs, samples["trial"], start, 1, sources)
    assert [*last] == [*again]
    assert all(torch.equal(last[name], again[name]) for name in last)
    pipeline.make(f"{WORK}/chunks/trial.100-103.json")
    counts = read_json(tmp_path / WORK / "chunks/trial.100-103.json")
    assert counts["float32"]["lost"] == 0
