"""What an author means with a gradient, said in the config, from the draws to acceptance."""

from contextlib import chdir

import pytest

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from tests.conftest import TINY, first_of
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
    """An experiment that was judged and reported: the judgement, and the report's first lines.

    files: the author's others, by name
    """

    def __init__(self, root, forward, backward, tensors=X, dtypes=("float32",), files=(), **more):
        folder = root / FOLDER
        folder.mkdir(parents=True)
        for name, source in dict(files).items():
            (folder / name).write_text(source)
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


@pytest.mark.thorough
def test_autograd_that_is_allowed_is_told_and_accepted(tmp_path):
    trial = Judged(tmp_path, CUBE, DIFFERENTIATED, autograd="allowed")
    assert "**This backward uses autograd; it proves nothing by hand.**" in trial.lead
    assert "The config allows it (`autograd: allowed`)." in trial.lead
    trial.accept()


@pytest.mark.thorough
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


# straight-through rounding, and the k greatest entries with a gradient for all
ROUNDED = "def forward(x):\n    return x.round() * x\n"
STRAIGHT = "def surrogate(x):\n    return (x + (x.round() - x).detach()) * x\n"
BY_HAND = "def backward(x, dout):\n    return {'x': dout * (x + x.round())}\n"
TOP_K = """\
import torch

def forward(x):
    kept = torch.zeros_like(x).scatter(-1, x.topk(2).indices, 1.0)
    return (kept - x.softmax(-1)).detach() + x.softmax(-1)
"""
TOP_K_BY_HAND = """\
def backward(x, dout):
    p = x.softmax(-1)
    return {"x": p * (dout - (p * dout).sum(-1, keepdim=True))}
"""


def declared(root, backward, surrogate=STRAIGHT, forward=ROUNDED, dtypes=("float32",)):
    files = {"straight.py": surrogate}
    return Judged(root, forward, backward, dtypes=dtypes, files=files, surrogate="straight.py")


def test_a_straight_through_gradient_is_judged_against_the_surrogate(tmp_path):
    trial = declared(tmp_path, BY_HAND, dtypes=("float32", "bfloat16"))
    assert trial.outcomes == {"float32": "right", "bfloat16": "right"}
    assert (
        "**Compared with the derivative of `straight.py`, not with that of `forward.py`.**"
        in trial.lead
    )
    assert "its derivative of `straight.py` is" in trial.report
    assert "accepts the gradient by hand" in trial.report
    trial.accept()
    with chdir(trial.pipeline.root):
        (manifest,) = trial.pipeline.jobs(f"{FOLDER}/manifest.json")[-1:]
    assert f"{FOLDER}/straight.py" in list(manifest.input.written)


@pytest.mark.parametrize("wrong", first_of(["dout * x.round()", "dout * (x + x.round()) * 1.001"]))
def test_a_wrong_straight_through_gradient_is_wrong(tmp_path, wrong):
    trial = declared(tmp_path, BY_HAND.replace("dout * (x + x.round())", wrong))
    assert trial.outcomes == {"float32": "wrong"}
    assert "**Compared with the derivative of `straight.py`" in trial.lead


def test_an_undeclared_one_is_told_where_forward_steps_and_what_to_declare(tmp_path):
    trial = Judged(tmp_path, ROUNDED, BY_HAND)
    assert trial.outcomes == {"float32": "wrong"}
    assert "is zero where it calls `round` (line 2 of `forward.py`)" in trial.lead
    assert "`surrogate: FILE.py` in `config.yaml`" in trial.lead


def test_an_undeclared_detach_is_unresolved_and_told_with_its_line(tmp_path):
    trial = Judged(tmp_path, TOP_K, TOP_K_BY_HAND)
    assert trial.outcomes == {"float32": "unresolved"}
    assert "detach (forward.py:5); if backward is meant to differ" in trial.lead


def test_straight_through_top_k_that_is_declared_is_right(tmp_path):
    surrogate = TOP_K.replace("def forward", "def surrogate")
    trial = declared(tmp_path, TOP_K_BY_HAND, surrogate, TOP_K)
    assert trial.outcomes == {"float32": "right"}


@pytest.mark.thorough
def test_a_forward_that_autograd_cannot_differentiate_may_have_a_surrogate(tmp_path):
    spikes = "def forward(x):\n    return (x > 0.5).float()\n"
    soft = "def surrogate(x):\n    return (x - 0.5).sigmoid()\n"
    by_hand = "def backward(x, dout):\n    p = (x - 0.5).sigmoid()\n    return {'x': dout * p * (1 - p)}\n"
    assert declared(tmp_path, by_hand, soft, spikes).outcomes == {"float32": "right"}


def test_a_surrogate_of_another_shape_is_refused(tmp_path):
    with pytest.raises(
        UserError,
        match=r"straight.py:1: the surrogate returns result \(\), but forward returns result \(4, 3\);",
    ):
        declared(tmp_path, BY_HAND, "def surrogate(x):\n    return x.sum()\n")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def other(x):\n    return x\n", r"straight.py: has no function surrogate; write"),
        (
            "def surrogate(y):\n    return y\n",
            r"straight.py:1: surrogate takes 'y', which is neither",
        ),
    ],
)
def test_a_file_without_a_surrogate_is_refused_with_a_sentence(tmp_path, source, sentence):
    with pytest.raises(UserError, match=sentence):
        declared(tmp_path, BY_HAND, source)


# code that computes in float32 whatever it is given
TANH = "def forward(x):\n    return (x.tanh() * x).sum(-1)\n"
IN_FLOAT32 = """\
def backward(x, dout):
    y, flow = x.float(), dout.float()[:, None]
    t = y.tanh()
    return {"x": (flow * (t + y * (1 - t * t))).to(x.dtype)}
"""
KEPT_IN_FLOAT32 = IN_FLOAT32.replace(".to(x.dtype)", "")
EVERY = ("float64", "float32", "bfloat16", "float16")


@pytest.mark.parametrize(
    "backward", first_of([IN_FLOAT32, KEPT_IN_FLOAT32]), ids=["widened", "as it is"]
)
def test_what_computes_in_float32_is_right_in_every_dtype_if_that_is_declared(tmp_path, backward):
    trial = Judged(tmp_path, TANH, backward, dtypes=EVERY, computes_in="float32")
    assert set(trial.outcomes.values()) == {"right"}
    reasons = {one["dtype"]: one["reason"] for one in trial.judgement["verdicts"]}
    told = "times the rounding noise of float32, in which backward computes, from the reference"
    assert [dtype for dtype, reason in reasons.items() if told in reason] == ["float64"]
    assert (
        "computes in float32 whatever it is given (`computes_in`). In float64 it is therefore judged "
        "by the rounding noise of float32." in trial.lead
    )
    trial.accept()


@pytest.mark.parametrize("mistake", [("t + y", "t - y"), ("(flow *", "(1.0001 * flow *")])
def test_a_mistake_in_what_computes_in_float32_is_caught(tmp_path, mistake):
    wrong = IN_FLOAT32.replace(*mistake)
    trial = Judged(tmp_path, TANH, wrong, dtypes=("float64", "float32"), computes_in="float32")
    assert set(trial.outcomes.values()) == {"wrong"}
    with pytest.raises(UserError, match="acceptance criteria do not hold"):
        trial.accept()


@pytest.mark.thorough
def test_what_computes_in_float16_is_judged_as_that_in_float32_too(tmp_path):
    in_float16 = IN_FLOAT32.replace(".float()", ".half()")
    dtypes = ("float32", "float16")
    trial = Judged(tmp_path, TANH, in_float16, dtypes=dtypes, computes_in="float16")
    assert trial.outcomes == {"float32": "right", "float16": "right"}


def test_what_is_coarser_than_declared_is_imprecise(tmp_path):
    in_bfloat16 = IN_FLOAT32.replace(".float()", ".bfloat16()")
    trial = Judged(tmp_path, TANH, in_bfloat16, dtypes=("float64",), computes_in="float32")
    assert trial.outcomes == {"float64": "imprecise"}


@pytest.mark.thorough
def test_undeclared_it_is_imprecise_and_told_what_to_declare(tmp_path):
    trial = Judged(tmp_path, TANH, IN_FLOAT32, dtypes=("float64", "float32"))
    assert trial.outcomes == {"float64": "imprecise", "float32": "right"}
    advice = "if backward is meant to compute in float32, write computes_in: float32 in config.yaml"
    assert advice in trial.lead


def test_an_undeclared_gradient_in_float32_is_told_what_to_declare(tmp_path):
    trial = Judged(tmp_path, TANH, KEPT_IN_FLOAT32, dtypes=("float64", "float32"))
    assert trial.outcomes["float64"] == "wrong"
    assert "or write computes_in: float32 in config.yaml" in trial.judgement["refused"][0]


def test_a_pitfall_of_what_computes_in_float32_is_caught_in_every_dtype(tmp_path):
    pitfall = {"mistake": "the sign", "replace": "t + y", "by": "t - y"}
    trial = Judged(
        tmp_path, TANH, IN_FLOAT32, dtypes=("float64",), computes_in="float32", pitfalls=[pitfall]
    )
    (tried,) = read_json(trial.folder / "work/pitfalls.json")
    assert {one["dtype"]: one["outcome"] for one in tried["verdicts"]} == {
        "float64": "wrong",
        "float32": "wrong",
    }
