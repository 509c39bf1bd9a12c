import pytest
import torch

from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_torch import write_tensors
from autograd_by_hand.verdict.extended_precision import is_wider_than_float64
from prove_reference import prove_reference
from tests.stages import FORWARD, NEEDED, write_inputs

OWN_BACKWARD = """\
import torch

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, flow):
        (z,) = ctx.saved_tensors
        return FACTOR * z * flow

def forward(x, W):
    return Square.apply(x * W)
"""


def run(folder, forward=FORWARD, **draws):
    """The proof at x = 2, W = 3, or at the draws that are given, (runs, *shape)."""
    given = write_inputs(folder, forward)
    del given["backward"]
    if draws:
        write_tensors(given["draws"], {f"trial/{name}": value for name, value in draws.items()})
    prove_reference(**given, needed=NEEDED, time_limit=10, proof=folder / "proof.json")
    return read_json(folder / "proof.json")


def test_autograd_is_right_where_it_is_exact(tmp_path):
    proof = run(tmp_path)
    assert proof["reason"] is None
    assert proof["gradients"]["x"] == {
        "error": 0.0,
        "index": [],
        "true": 18.0,
        "autograd": 18.0,
        "undetermined": 0,
    }
    assert proof["fault"] is None
    assert proof["longdouble"] == (0.0 if is_wider_than_float64() else None)


@pytest.mark.parametrize(
    ("expression", "operation", "value"),
    [
        ("torch.special.digamma(x) * W", "digamma", 1.5),
        ("torch.nn.functional.hardsigmoid(x) * W", "hardsigmoid", 0.5),
        ("torch.complex(x, x - x).tanh().real * W", "tanh", 8.0),
        ("torch.autograd.grad(torch.lgamma(x), x, create_graph=True)[0] * W", "digamma", 1.5),
    ],
)
def test_the_operation_whose_derivative_torch_has_wrong_is_named(
    tmp_path, expression, operation, value
):
    forward = f"import torch\n\n\ndef forward(x, W):\n    return {expression}\n"
    proof = run(tmp_path, forward, x=torch.tensor([value]), W=torch.tensor([3.0]))
    assert proof["reason"] is None
    assert proof["fault"]["operation"] == operation
    assert proof["gradients"]["x"]["error"] == pytest.approx(proof["fault"]["error"])
    assert 1e-12 < proof["fault"]["error"] < 1e-6


def test_rounding_is_no_fault(tmp_path):
    forward = "def forward(x, W):\n    return ((x + 1e7) ** 2 - 2e7 * x).lgamma() * W\n"
    proof = run(tmp_path, forward, x=torch.tensor([0.3]), W=torch.tensor([3.0]))
    assert proof["reason"] is None
    assert proof["gradients"]["x"]["error"] > 1e-14
    assert proof["fault"] is None


def test_a_kink_is_counted(tmp_path):
    forward = "def forward(x, W):\n    return (x - 2).relu() * W\n"
    proof = run(tmp_path, forward)
    assert proof["kinks"] == {"relu": 1}
    assert proof["gradients"]["x"]["undetermined"] == 1
    assert proof["gradients"]["W"]["undetermined"] == 0


def test_complex_numbers_within_forward_are_proven(tmp_path):
    forward = """\
import torch


def forward(x, W):
    z = torch.fft.rfft(x) * torch.fft.rfft(W).conj() * 1j
    return z.abs().square() + z.angle()
"""
    x, W = torch.tensor([[1.0, 2.5, -1.0]]), torch.tensor([[0.5, 3.0, 2.0]])
    given = write_inputs(tmp_path, forward)
    del given["backward"]
    write_tensors(given["draws"], {"trial/x": x, "trial/W": W})
    write_tensors(given["cotangents"], {"trial/dout": torch.tensor([[0.5, 2.0]])})
    prove_reference(**given, needed=NEEDED, time_limit=10, proof=tmp_path / "proof.json")
    proof = read_json(tmp_path / "proof.json")
    assert proof["reason"] is None
    assert proof["gradients"]["x"]["error"] < 1e-14
    assert proof["fault"] is None


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        ("def forward(x, W):\n    return x.float() * W\n", "converts to float32"),
        ("def forward(x, W):\n    return (x - 2).log() * W\n", "log has none"),
        ("def forward(x, W):\n    return x * float(x) * W\n", "reads a number"),
        ("def forward(x, W):\n    return x * x.detach() * W\n", "replaces a derivative"),
        (
            (
                "import torch\n\n\ndef forward(x, W):\n    with torch.no_grad():\n        y = x * x\n"
                "    return x * y * W\n"
            ),
            "replaces a derivative",
        ),
        (OWN_BACKWARD.replace("FACTOR", "3"), "replaces a derivative"),
    ],
)
def test_why_there_is_no_proof_is_said(tmp_path, forward, words):
    assert words in str(run(tmp_path, forward)["reason"])


def test_a_detach_that_changes_nothing_is_no_obstacle(tmp_path):
    forward = "def forward(x, W):\n    c = x.detach()\n    return (x - c).exp() * c.exp() * W\n"
    assert run(tmp_path, forward)["reason"] is None
    softmax = (
        "def forward(x, W):\n"
        "    z = x * W * W.new_tensor([0.5, 0.25])\n"
        "    raised = (z - z.max().detach()).exp()\n"
        "    return (raised / raised.sum())[0]\n"
    )
    assert run(tmp_path, softmax)["reason"] is None


def test_a_backward_of_its_own_that_is_right_is_no_obstacle(tmp_path):
    assert run(tmp_path, OWN_BACKWARD.replace("FACTOR", "2"))["reason"] is None
