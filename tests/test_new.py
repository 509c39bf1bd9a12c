"""`make new` and the adapters of docs/your-own-gradient.md: what someone who brings a gradient begins with."""

import re
import shutil
import subprocess

import pytest
import torch

from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.storage.safetensors_torch import read_tensors
from tests.conftest import ROOT, Project
from tests.layer import Layer


def make_new(root, *arguments):
    command = ["make", "new", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def root(tmp_path):
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "experiments").mkdir()
    return tmp_path


def test_the_copy_is_the_starter(root):
    run = make_new(root, "NAME=my-gradient")
    assert run.returncode == 0
    assert "snakemake -c1 experiments/my-gradient/REPORT.html" in run.stdout
    for name in ("config.yaml", "forward.py", "backward.py", "derivation.md"):
        copied = root / "experiments/my-gradient" / name
        assert copied.read_text() == (ROOT / "templates/experiment" / name).read_text()


@pytest.mark.parametrize(
    "arguments",
    [[], ["NAME="], ["NAME=../up"], ["NAME=a b"], ["NAME=-x"], ["NAME=Mine"], ["NAME=a/b"], ["NAME=$(rm x)"], ['NAME="; touch experiments/x; "']],
    ids=str,
)  # fmt: skip
def test_a_name_that_is_none_is_refused_with_a_sentence(root, arguments):
    run = make_new(root, *arguments)
    assert run.returncode != 0
    assert "make new: write NAME=my-gradient" in run.stderr
    assert list((root / "experiments").iterdir()) == []


def test_an_experiment_that_is_there_is_left_alone(root):
    (root / "experiments/mine").mkdir()
    run = make_new(root, "NAME=mine")
    assert run.returncode != 0
    assert "experiments/mine is there already; choose another name" in run.stderr
    assert list((root / "experiments/mine").iterdir()) == []


@pytest.mark.thorough
def test_the_starter_runs_green_at_once(project: Project):
    shutil.copytree(ROOT / "templates/experiment", project.root / "experiments/my-gradient")
    run = project.snakemake("experiments/my-gradient/work/accepted.txt")
    assert run.returncode == 0, run.stdout
    report = (project.root / "experiments/my-gradient/REPORT.md").read_text()
    assert "**Right.**" in report


SNIPPETS = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs/your-own-gradient.md").read_text(), re.DOTALL
)
CUBE = "def forward(x):\n    return x ** 3\n"


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("snippet", [one for one in SNIPPETS if "def backward(x, dout)" in one])
def test_an_adapted_backward_is_tried_in_every_format(tmp_path, snippet, dtype):
    layer = Layer(tmp_path, dtype, forward=CUBE, backward=snippet, shapes={"x": (4, 3)})
    layer.compute()
    assert read_json(layer.own / "calls.json")["refused"] == {}
    by_hand, autograd = (
        read_tensors(layer.file(name))["trial/dx"] for name in ("manual", "autograd")
    )
    # either rounds a product of four factors, each time by half an eps at most
    torch.testing.assert_close(by_hand, autograd, rtol=4 * eps(dtype), atol=0)


def test_an_adapted_module_is_tried_by_its_forward(tmp_path):
    (snippet,) = (one for one in SNIPPETS if "functional_call" in one)
    layer = Layer(
        tmp_path,
        forward=snippet,
        backward="def backward(x, weight, dout):\n    return {'x': dout @ weight, 'weight': dout.T @ x}\n",
        shapes={"x": (4, 3), "weight": (1, 3)},
    )
    assert layer.all().replay()["proved"]


def test_the_readme_has_an_adapter_for_each_kind():
    for words in ("autograd.Function", "torch.from_numpy", "functional_call"):
        assert any(words in one for one in SNIPPETS)
