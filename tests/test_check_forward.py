import pytest

from scripts.check_forward import check_forward
from scripts.lib.files import read_json
from tests.stages import FORWARD, NEEDED, write_inputs


def run(folder, forward=FORWARD):
    given = write_inputs(folder, forward=forward)
    oracle = folder / "oracle.json"
    check_forward(given["forward"], given["draws"], given["cotangents"], NEEDED, 10, oracle)
    return read_json(oracle)


def test_autograd_and_finite_differences_agree_on_a_right_forward(tmp_path):
    told = run(tmp_path)
    assert told["reason"] is None
    assert told["difference"] == pytest.approx(told["autograd"], rel=1e-9)
    assert 0 < told["uncertain"] < 1e-6 * abs(told["autograd"])


CUBE = """
import torch


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return {factor} * x**2 * dout


def forward(x, W):
    return Cube.apply(x * W)
"""


@pytest.mark.parametrize(("factor", "in_doubt"), [(3, False), (2, True), (3.0001, True)])
def test_a_backward_of_forwards_own_is_held_against_its_values(tmp_path, factor, in_doubt):
    reason = run(tmp_path, CUBE.format(factor=factor))["reason"]
    assert (reason is not None) == in_doubt
    if in_doubt:
        assert "one of forward's operations has another derivative than its value" in reason


def test_a_detached_term_is_seen(tmp_path):
    reason = run(tmp_path, "def forward(x, W):\n    return x * (x * W).detach() + W\n")["reason"]
    assert reason.startswith(f"{tmp_path}/forward.py: autograd's derivative along a random direction")


def test_a_forward_that_draws_at_random_is_no_function(tmp_path):
    forward = "import torch\n\ndef forward(x, W):\n    return x * W + torch.randn(())\n"
    assert "two calls give other values" in run(tmp_path, forward)["reason"]


def test_a_kink_near_the_inputs_is_no_doubt(tmp_path):
    assert run(tmp_path, "def forward(x, W):\n    return (x - 2.001).abs() * W\n")["reason"] is None
