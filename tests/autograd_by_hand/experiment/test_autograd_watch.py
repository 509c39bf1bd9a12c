"""Whether backward uses autograd is found, whichever way it calls it; hand-written code is not accused."""

import textwrap

import pytest
import torch

from autograd_by_hand.aten import torch_private
from autograd_by_hand.experiment.autograd_watch import AutogradWatch
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.vjp import load_backward

# torch warns of its own parts: its scripts, and what forward mode uses of them
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")

HEAD = """\
import torch
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, vjp
from torch.utils.checkpoint import checkpoint

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * dout

def cube(x):
    return x**3

def backward(x, W, dout):
"""
FIRST = HEAD.count("\n") + 1  # the line on which the body of backward begins
LEAF = "with torch.enable_grad():\n    leaf = x.clone().requires_grad_()\n"
BY_HAND = "3 * x**2 * dout"

WHOLE = {
    "backward": LEAF + "    cube(leaf).backward(dout)  # here\nreturn {'x': leaf.grad, 'W': leaf.grad + 0}",
    "a loss": LEAF + "    (cube(leaf) * dout).sum().backward()  # here\nreturn {'x': leaf.grad}",
    "a scalar": LEAF + "    (leaf * leaf).sum().backward()  # here\nreturn {'x': leaf.grad}",
    "grad": LEAF + "    (dx,) = torch.autograd.grad(cube(leaf), leaf, dout)  # here\nreturn {'x': dx}",
    "two operations": LEAF + "    leaf.sin().exp().backward(dout)  # here\nreturn {'x': leaf.grad}",
    "numpy": LEAF + "    cube(leaf).backward(dout)  # here\nreturn {'x': torch.from_numpy(leaf.grad.numpy())}",
    "functional": "return {'x': torch.autograd.functional.vjp(cube, x, dout)[1]}  # here",
    "func.vjp": "return {'x': vjp(cube, x)[1](dout)[0]}  # here",
    "func.grad": "return {'x': grad(lambda x: (cube(x) * dout).sum())(x)}  # here",
    "func.jacrev": "return {'x': dout @ jacrev(cube)(x)}  # here",
    "func.jacfwd": "return {'x': dout @ jacfwd(cube)(x)}  # here",
    "func.jvp": "return {'x': jvp(cube, (x,), (dout,))[1]}  # here",
    "checkpoint": LEAF + "    checkpoint(cube, leaf, use_reentrant=False).backward(dout)  # here\nreturn {'x': leaf.grad}",
    "a module": (
        "module = torch.nn.Linear(5, 5, dtype=x.dtype)\n"
        + LEAF
        + "    functional_call(module, {}, (leaf,)).tanh().backward(dout)  # here\nreturn {'x': leaf.grad}"
    ),
    "layer_norm": LEAF + "    torch.nn.functional.layer_norm(leaf, (5,)).backward(dout)  # here\nreturn {'x': leaf.grad}",
    "a script": "script = torch.jit.trace(cube, x)\n" + LEAF + "    script(leaf).backward(dout)  # here\nreturn {'x': leaf.grad}",
}  # fmt: skip
PART = {
    "a piece": LEAF + "    (half,) = torch.autograd.grad(leaf.tanh().sum(), leaf)\nreturn {'x': half * x * dout}",
    "the last piece": LEAF + "    (dx,) = torch.autograd.grad(leaf**2, leaf, x * dout)\nreturn {'x': dx}",
    "with a Function": LEAF + "    Cube.apply(leaf.sin()).backward(dout)\nreturn {'x': leaf.grad}",
    "a sum": LEAF + "    leaf.sum().backward()\nreturn {'x': leaf.grad}",
    "a check only": LEAF + f"    cube(leaf).backward(dout)\nreturn {{'x': {BY_HAND}}}",
    "reentrant": LEAF + "    checkpoint(cube, leaf, use_reentrant=True).backward(dout)\nreturn {'x': leaf.grad}",
}  # fmt: skip
NONE = {
    "by hand": f"return {{'x': {BY_HAND}}}",
    "grad mode": "with torch.enable_grad():\n    return {'x': 3 * x.requires_grad_()**2 * dout}",
    "a Function": LEAF + "    Cube.apply(leaf).backward(dout)\nreturn {'x': leaf.grad}",
    "a Function and a loss": LEAF + "    (Cube.apply(leaf) * dout).sum().backward()\nreturn {'x': leaf.grad}",
    "a Function and vjp": "return {'x': vjp(Cube.apply, x)[1](dout)[0]}",
    "a Function and func.grad": "return {'x': grad(lambda x: (Cube.apply(x) * dout).sum())(x)}",
    "vmap": "return {'x': torch.func.vmap(lambda x, dout: 3 * x**2 * dout)(x, dout)}",
}  # fmt: skip


def use_in(folder, body, needed=("x",)):
    """How a backward with this body uses autograd."""
    path = folder / "backward.py"
    path.write_text(HEAD + textwrap.indent(body, "    ") + "\n")
    by_hand = load_backward(path, Given(("x", "W"), {}), ["dout"], [*needed], torch.float64, 60)
    generator = torch.Generator().manual_seed(1)
    x, dout = (torch.randn(5, generator=generator) for _ in range(2))
    with AutogradWatch(path, [dout.double()]) as watch:
        answer = by_hand({"x": x, "W": x}, {"dout": dout})
    assert not by_hand.failed
    return watch.found(answer.gradients)


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
def test_a_gradient_that_autograd_computes_is_found_with_the_line(tmp_path, body):
    use = use_in(tmp_path, body)
    assert use is not None
    assert use["whole"]
    assert use["gradients"] == ["x"]
    calling = [
        FIRST + number for number, line in enumerate(body.splitlines()) if line.endswith("# here")
    ]
    assert use["lines"] == calling


@pytest.mark.parametrize("body", PART.values(), ids=PART)
def test_a_piece_that_autograd_computes_is_told_as_one(tmp_path, body):
    use = use_in(tmp_path, body)
    assert use is not None
    assert not use["whole"]
    assert len(use["lines"]) == 1


@pytest.mark.parametrize("body", NONE.values(), ids=NONE)
def test_what_is_derived_by_hand_is_not_accused(tmp_path, body):
    assert use_in(tmp_path, body) is None


def test_the_nodes_are_those_of_torchs_own_operations(tmp_path):
    use = use_in(tmp_path, WHOLE["two operations"])
    assert use["nodes"] == ["ExpBackward0", "SinBackward0"]
    assert use_in(tmp_path, PART["with a Function"])["nodes"] == ["SinBackward0"]
    assert use_in(tmp_path, WHOLE["func.jvp"])["nodes"] == ["forward mode"]


def test_only_the_gradients_that_autograd_gives_are_listed(tmp_path):
    partly = LEAF + f"    cube(leaf).backward(dout)\nreturn {{'x': leaf.grad, 'W': {BY_HAND}}}"
    use = use_in(tmp_path, partly, ("x", "W"))
    assert (use["whole"], use["gradients"]) == (False, ["x"])


def test_the_line_is_that_of_backward_also_where_a_package_calls_autograd(tmp_path, monkeypatch):
    package = "import torch\n\ndef of(f, x, dout):\n    return torch.func.vjp(f, x)[1](dout)[0]\n"
    (tmp_path / "differentiates.py").write_text(package)
    monkeypatch.syspath_prepend(tmp_path)
    body = "import differentiates\nreturn {'x': differentiates.of(cube, x, dout)}"
    assert use_in(tmp_path, body)["lines"] == [FIRST + 1]


def test_an_operation_of_a_library_with_its_own_gradient_is_not_accused(tmp_path):
    body = """\
@torch.library.custom_op("byhand::cube", mutates_args=())
def op(x: torch.Tensor) -> torch.Tensor:
    return x**3
op.register_autograd(
    lambda ctx, dout: 3 * ctx.saved_tensors[0]**2 * dout,
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
)
"""
    body += LEAF + "    torch.ops.byhand.cube(leaf).backward(dout)\nreturn {'x': leaf.grad}"
    assert use_in(tmp_path, body) is None


def test_without_torchs_private_names_nothing_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv(torch_private.WITHOUT, "autograd_nodes")
    assert use_in(tmp_path, WHOLE["backward"]) is None


def test_zeros_that_autograd_keeps_without_memory_are_survived(tmp_path):
    body = (
        LEAF
        + "    y = torch.view_as_real(torch.sgn(leaf * 1j)).sum()\n    y.backward()\nreturn {'x': leaf.grad + 0}"
    )
    assert use_in(tmp_path, body)["nodes"]
