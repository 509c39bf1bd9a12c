"""What an author means with a gradient, said in the config, from the draws to acceptance."""

from contextlib import chdir

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from tests.conftest import TINY
from tests.in_process import begin

FOLDER = f"experiments/{TINY}"
X = {"x": {"shape": [4, 3], "draw": "randn", "requires_grad": True}}
CUBE = "def forward(x):\n    return x**3\n"
DIFFERENTIATED = """\
import torch

def backward(x, dout):
    with torch.enable_grad():
        leaf = x.clone().requires_grad_()
        (leaf**3).backward(dout)
    return {"x": leaf.grad}
"""


class Judged:
    """An experiment that was judged and reported: the judgement, and the report's first lines."""

    def __init__(self, root, forward, backward, tensors=X, dtypes=("float32",), **more):
        self.pipeline = begin(root, forward, backward, tensors, [*dtypes], **more)
        self.pipeline.make(f"{FOLDER}/REPORT.md")
        self.folder = root / FOLDER
        self.judgement = read_json(self.folder / "work/judgement.json")
        self.report = (self.folder / "REPORT.md").read_text()
        self.lead = self.report.split("\n## ")[0]

    @property
    def outcomes(self):
        return {one["dtype"]: one["outcome"] for one in self.judgement["verdicts"]}

    def accept(self):
        with chdir(self.pipeline.root):
            self.pipeline.run("accept", experiment=TINY)


def test_a_gradient_that_autograd_computed_is_told_first_and_not_accepted(tmp_path):
    trial = Judged(
        tmp_path, CUBE, DIFFERENTIATED, acceptance=[{"claim": "right", "verdict": "right"}]
    )
    assert trial.outcomes == {"float32": "right"}
    first = trial.lead.split("\n\n")[2]
    assert first == (
        "**This backward uses autograd; it proves nothing by hand.** Autograd is called at line 6 of "
        "`backward.py` and executes `PowBackward0`. If that is meant, write `autograd: allowed` in "
        "`config.yaml`."
    )
    with pytest.raises(
        UserError,
        match=r"1 of 1 are right, but backward uses autograd \(backward.py:6\); if it may",
    ):
        trial.accept()


def test_autograd_that_is_allowed_is_told_and_accepted(tmp_path):
    trial = Judged(tmp_path, CUBE, DIFFERENTIATED, autograd="allowed")
    assert "**This backward uses autograd; it proves nothing by hand.**" in trial.lead
    assert "The config allows it (`autograd: allowed`)." in trial.lead
    trial.accept()


def test_a_wrong_gradient_of_autograd_is_wrong_and_told_as_autograds(tmp_path):
    trial = Judged(tmp_path, CUBE, DIFFERENTIATED.replace("leaf**3", "leaf**4"))
    assert trial.outcomes == {"float32": "wrong"}
    assert "**This backward uses autograd" in trial.lead
    assert "**Wrong: " in trial.lead


def test_a_piece_of_autograd_is_told_as_one_with_its_line(tmp_path):
    piece = DIFFERENTIATED.replace("(leaf**3).backward(dout)", "leaf.square().sum().backward()")
    piece = piece.replace("leaf.grad}", "leaf.grad * 1.5 * x * dout}")
    trial = Judged(tmp_path, CUBE, piece)
    assert trial.outcomes == {"float32": "right"}
    assert (
        "**A part of this backward uses autograd; that part proves nothing by hand.** Autograd is "
        "called at line 6 of `backward.py` and executes `PowBackward0`." in trial.lead
    )
    with pytest.raises(UserError, match="but backward uses autograd"):
        trial.accept()


def test_a_function_of_the_authors_own_is_accepted(tmp_path):
    own = """\
import torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, dout):
        return 3 * ctx.saved_tensors[0] ** 2 * dout
"""
    adapted = DIFFERENTIATED.replace("import torch\n", own).replace("(leaf**3)", "Cube.apply(leaf)")
    trial = Judged(tmp_path, CUBE, adapted)
    assert trial.outcomes == {"float32": "right"}
    assert "autograd:" not in trial.lead
    assert "autograd" not in trial.judgement
    trial.accept()
