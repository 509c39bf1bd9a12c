import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json
from autograd_by_hand.storage.safetensors_torch import write_tensors
from check_forward import check_forward
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


def run(folder, forward=FORWARD, needed=NEEDED, file="forward.py", **draws):
    """The oracle on x = 2, W = 3, or on the draws that are given, (runs, *shape)."""
    given = write_inputs(folder, forward)
    given["forward"] = given["forward"].rename(folder / file)
    del given["backward"]
    if draws:
        write_tensors(given["draws"], {f"trial/{name}": value for name, value in draws.items()})
    given["proof"] = folder / "proof.json"
    prove_reference(**given, needed=needed, time_limit=10)
    check_forward(**given, needed=needed, time_limit=10, oracle=folder / "oracle.json")
    return read_json(folder / "oracle.json")


def test_autograd_and_differences_agree_on_a_right_forward(tmp_path):
    oracle = run(tmp_path)
    assert oracle["reason"] is None
    assert oracle["difference"] == pytest.approx(oracle["autograd"], rel=1e-10)
    assert oracle["uncertain"] < 1e-10 * abs(oracle["autograd"])


def test_the_derivative_is_that_along_a_direction_as_long_as_the_tensors(tmp_path):
    generator = torch.Generator().manual_seed(0)
    along_x, along_W = (torch.randn((), generator=generator, dtype=torch.float64) for _ in "xW")
    expected = 18 * 2 * along_x + 12 * 3 * along_W  # dx = 18 at x = 2, dW = 12 at W = 3
    assert run(tmp_path)["autograd"] == pytest.approx(float(expected), rel=1e-14)


def test_only_what_needs_a_gradient_is_moved(tmp_path):
    forward = "def forward(x, W):\n    return x * W.detach()\n"
    assert run(tmp_path, forward, needed=["x"])["reason"] is None


def test_a_proof_overrules_finite_differences(tmp_path):
    # At the kink of relu, autograd takes one of the slopes that it has there.
    oracle = run(tmp_path, "import torch\n\ndef forward(x, W):\n    return torch.relu(x - 2) * W\n")
    assert abs(oracle["difference"] - oracle["autograd"]) > 1
    assert (oracle["proven"], oracle["reason"]) == (0.0, None)


def test_what_is_off_without_a_known_cause_overrules_nothing(tmp_path):
    # At -9 torch's ndtr is 0 and its derivative is not.
    forward = "import torch\n\ndef forward(x, W):\n    return torch.special.ndtr(x) * W\n"
    oracle = run(tmp_path, forward, x=torch.tensor([[-9.0]]), W=torch.tensor([[3.0]]))
    assert oracle["proven"] is None
    assert "another derivative than its value" in oracle["reason"]


@pytest.mark.parametrize(("factor", "right"), [("2", True), ("3", False), ("-2", False)])
def test_an_operation_with_a_backward_of_its_own_is_checked(tmp_path, factor, right):
    oracle = run(tmp_path, OWN_BACKWARD.replace("FACTOR", factor))
    assert (oracle["reason"] is None) == right
    assert oracle["autograd"] == pytest.approx(float(factor) / 2 * oracle["difference"], rel=1e-7)


def test_the_reason_names_the_file_and_what_may_be_the_cause(tmp_path):
    reason = run(tmp_path, OWN_BACKWARD.replace("FACTOR", "3"))["reason"]
    assert reason.startswith(
        f"{tmp_path}/forward.py: autograd's derivative along a random direction"
    )
    assert reason.endswith(
        "derivatives do not pass, or pass otherwise, at Square (forward.py:4); if backward is meant to "
        "differ from forward's derivative, name the function whose derivative it gives: surrogate: "
        "FILE.py in config.yaml"
    )


def test_a_detached_factor_is_told_with_its_line(tmp_path):
    oracle = run(tmp_path, "def forward(x, W):\n    return x * W * x.detach()\n")
    assert "pass otherwise, at detach (forward.py:2); if backward" in oracle["reason"]
    assert oracle["stops"] == [{"kind": "detach", "operation": "detach", "line": 2}]


def test_a_detach_that_changes_no_derivative_is_no_reason(tmp_path):
    forward = "def forward(x, W):\n    return (x * W - x.detach()) + x.detach()\n"
    oracle = run(tmp_path, forward)
    assert oracle["reason"] is None
    assert [stop["line"] for stop in oracle["stops"]] == [2]


def test_a_step_is_listed_with_its_line(tmp_path):
    oracle = run(tmp_path, "def forward(x, W):\n    y = x * W\n    return y.round() * W * x\n")
    assert oracle["stops"] == [{"kind": "step", "operation": "round", "line": 3}]


@pytest.mark.parametrize("name", ["surrogate", "forward"])
def test_what_a_surrogate_detaches_is_held_fixed(tmp_path, name):
    source = f"def {name}(x, W):\n    return x * W * x.detach()\n"
    oracle = run(tmp_path, source, file="straight.py")
    assert oracle["reason"] is None
    assert oracle["difference"] == pytest.approx(oracle["autograd"], rel=1e-10)


def test_a_surrogate_whose_derivative_is_not_its_own_is_told_without_advice(tmp_path):
    wrong = OWN_BACKWARD.replace("FACTOR", "3").replace("def forward(x, W)", "def surrogate(x, W)")
    reason = run(tmp_path, wrong, file="straight.py")["reason"]
    assert reason.startswith(f"{tmp_path}/straight.py: autograd's derivative")
    assert reason.endswith("pass otherwise, at Square (straight.py:4)")


def test_a_slightly_wrong_derivative_is_told(tmp_path):
    assert run(tmp_path, OWN_BACKWARD.replace("FACTOR", "(2 + 1e-6)"))["reason"] is not None


def test_a_random_forward_is_told_as_no_function(tmp_path):
    forward = "import torch\n\ndef forward(x, W):\n    return x * W + 1e-9 * torch.rand(())\n"
    reason = run(tmp_path, forward)["reason"]
    assert reason.endswith("forward is no function of its tensors: two calls give other values")


def test_a_forward_that_keeps_count_is_told_as_no_function(tmp_path):
    forward = (
        "calls = []\n\ndef forward(x, W):\n    calls.append(1)\n    return x * W * len(calls)\n"
    )
    assert "no function of its tensors" in run(tmp_path, forward)["reason"]


@pytest.mark.parametrize("distance", [1e-3, 1e-5, -1e-5])
def test_a_kink_that_is_near_is_no_reason(tmp_path, distance):
    forward = f"def forward(x, W):\n    return x * (W - 3 + {distance}).relu() + x * x\n"
    assert run(tmp_path, forward)["reason"] is None


def test_a_step_function_has_the_derivative_that_autograd_gives_it(tmp_path):
    assert (
        run(tmp_path, "def forward(x, W):\n    return x * W * (x - 1.999).floor()\n")["reason"]
        is None
    )


def test_a_gradient_of_zeros_is_right_where_forward_does_not_change(tmp_path):
    oracle = run(tmp_path, "def forward(x, W):\n    return (x * W - 100).relu()\n")
    assert (oracle["autograd"], oracle["difference"], oracle["reason"]) == (0, 0, None)


def test_a_tensor_of_zeros_is_moved_too(tmp_path):
    zero = torch.zeros(1)
    wrong = OWN_BACKWARD.replace("FACTOR", "3").replace("x * W", "x + W + 1")
    assert run(tmp_path, wrong, x=zero, W=zero)["reason"] is not None


def test_whole_numbers_are_left_as_they_are(tmp_path):
    forward = "def forward(x, W):\n    return W[x]\n"
    oracle = run(tmp_path, forward, needed=["W"], x=torch.tensor([1]), W=torch.tensor([[5.0, 7.0]]))
    assert oracle["reason"] is None
    assert oracle["autograd"] != 0


def test_a_forward_that_fails_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"forward.py:2: ZeroDivisionError"):
        run(tmp_path, "def forward(x, W):\n    return x * W / 0 * (1 // 0)\n")
    assert not (tmp_path / "oracle.json").exists()
