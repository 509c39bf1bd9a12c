from pathlib import Path

import pytest
import torch

from scripts.lib.author import load_function
from scripts.lib.refusal import Refusal
from scripts.lib.vjp import autograd_vjp, manual_vjp, same_bits

LAB = Path(__file__).parents[2] / "experiments/25-autograd-by-hand"
LIMIT = 30.0
ONE = torch.tensor(1.0)
X = torch.tensor([1.0, 2.0, 4.0])


def forward(tmp_path: Path, body: str, names=("x",)):
    path = tmp_path / "forward.py"
    path.write_text(f"import torch\n\ndef forward({', '.join(names)}):\n    {body}\n")
    return load_function(path, "forward", list(names), LIMIT), path


def backward(tmp_path: Path, body: str, names=("x", "dout")):
    path = tmp_path / "backward.py"
    path.write_text(f"import torch\n\ndef backward({', '.join(names)}):\n    {body}\n")
    return load_function(path, "backward", list(names), LIMIT), path


def lab_tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    shapes = {"x": (2, 64), "W": (600, 64), "b": (600,), "target": (2, 600)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def lab():
    """The lab's loss and gradients by autograd in float64, on draws of its own shapes."""
    path = LAB / "forward.py"
    function = load_function(path, "forward", ["x", "W", "b", "target"], LIMIT)
    return autograd_vjp(function, path, lab_tensors(), ["x", "W", "b"], torch.float64, ONE, LIMIT)


def test_autograd_of_the_labs_forward_is_the_closed_form(lab):
    x, W, b, target = (tensor.double().numpy() for tensor in lab_tensors().values())
    dy = x @ W.T + b - target
    closed = {"x": dy @ W, "W": dy.T @ x, "b": dy.sum(axis=0)}
    _, gradients = lab
    for name, expected in closed.items():
        torch.testing.assert_close(
            gradients[name], torch.from_numpy(expected), rtol=1e-12, atol=1e-12
        )


def test_the_labs_loss_is_half_the_squared_residual(lab):
    x, W, b, target = (tensor.double().numpy() for tensor in lab_tensors().values())
    loss, _ = lab
    assert loss.item() == pytest.approx(((x @ W.T + b - target) ** 2).sum() / 2, rel=1e-13)
    assert not loss.requires_grad


def test_the_labs_backward_agrees_with_autograd(lab):
    path = LAB / "backward.py"
    names = ["x", "W", "b"]
    function = load_function(path, "backward", [*names, "target", "dout"], LIMIT)
    by_hand, changed = manual_vjp(function, path, lab_tensors(), names, torch.float64, ONE, LIMIT)
    _, by_autograd = lab
    for name in names:
        torch.testing.assert_close(by_hand[name], by_autograd[name], rtol=1e-12, atol=1e-12)
    assert changed == []


def test_a_vector_valued_result_is_pulled_back_from_dout(tmp_path):
    function, path = forward(tmp_path, "return x * x")
    dout = torch.tensor([1.0, 10.0, 100.0])
    result, gradients = autograd_vjp(function, path, {"x": X}, ["x"], torch.float32, dout, LIMIT)
    assert result.tolist() == [1, 4, 16]
    assert gradients["x"].tolist() == [2, 40, 800]


def test_inputs_and_dout_are_rounded_to_the_format_first(tmp_path):
    function, path = forward(tmp_path, "return x * 1")
    x, dout = torch.tensor([2049.0]), torch.tensor([2051.0])
    result, gradients = autograd_vjp(function, path, {"x": x}, ["x"], torch.float16, dout, LIMIT)
    assert (result.dtype, gradients["x"].dtype) == (torch.float16, torch.float16)
    assert (result.tolist(), gradients["x"].tolist()) == ([2048], [2052])


def test_only_the_needed_tensors_get_a_gradient(tmp_path):
    function, path = forward(tmp_path, "return (x * t).sum()", ["x", "t"])
    tensors = {"x": X, "t": torch.tensor([3.0, 5.0, 7.0])}
    _, gradients = autograd_vjp(function, path, tensors, ["x"], torch.float32, ONE, LIMIT)
    assert {name: value.tolist() for name, value in gradients.items()} == {"x": [3, 5, 7]}


def test_whole_numbers_reach_forward_as_whole_numbers(tmp_path):
    function, path = forward(tmp_path, "return x[n].sum()", ["x", "n"])
    tensors = {"x": X, "n": torch.tensor([2, 0, 2])}
    _, gradients = autograd_vjp(function, path, tensors, ["x"], torch.float32, ONE, LIMIT)
    assert gradients["x"].tolist() == [1, 0, 2]


def test_two_calls_of_autograd_do_not_add_up(tmp_path):
    function, path = forward(tmp_path, "return x.sum()")
    for _ in range(2):
        _, gradients = autograd_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)
        assert gradients["x"].tolist() == [1, 1, 1]
    assert X.grad is None


def test_a_forward_that_ignores_a_needed_tensor_is_refused(tmp_path):
    function, path = forward(tmp_path, "return x.sum()", ["x", "W"])
    with pytest.raises(Refusal) as refusal:
        autograd_vjp(function, path, {"x": X, "W": X}, ["x", "W"], torch.float32, ONE, LIMIT)
    assert str(refusal.value) == (
        f"{path}: forward's result does not depend on 'W'; use it, or take its requires_grad away."
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return x.sum().item()", "forward returns a float"),
        ("return x.detach().sum()", "autograd cannot differentiate"),
        ("return x.add_(1).sum()", "4: RuntimeError: a leaf Variable that requires grad"),
    ],
)
def test_a_forward_that_cannot_be_differentiated_is_refused(tmp_path, body, sentence):
    function, path = forward(tmp_path, body)
    with pytest.raises(Refusal) as refusal:
        autograd_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)
    assert sentence in str(refusal.value)


def test_an_error_in_autograds_own_backward_is_told_as_the_authors(tmp_path):
    function, path = forward(tmp_path, "y = x.exp(); z = (y * y).sum(); y.add_(1); return z")
    with pytest.raises(Refusal) as refusal:
        autograd_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)
    assert str(refusal.value).startswith(f"{path}: RuntimeError: ")


def test_what_lifts_a_tensor_is_applied_after_rounding(tmp_path):
    function, path = forward(tmp_path, "return (x * x).sum()")
    result, _ = autograd_vjp(
        function, path, {"x": torch.tensor([2049.0])}, ["x"], torch.float16, ONE, LIMIT,
        lambda tensor: tensor.double(),
    )  # fmt: skip
    assert (result.dtype, result.item()) == (torch.float64, 2048**2)


def test_the_hands_gradient_is_what_backward_returns(tmp_path):
    function, path = backward(tmp_path, "return {'x': 2 * x * dout}")
    dout = torch.tensor([1.0, 10.0, 100.0])
    gradients, changed = manual_vjp(function, path, {"x": X}, ["x"], torch.float32, dout, LIMIT)
    assert gradients["x"].tolist() == [2, 40, 800]
    assert changed == []


def test_the_hands_inputs_are_rounded_to_the_format_first(tmp_path):
    function, path = backward(tmp_path, "return {'x': x + 0 * dout}")
    x = torch.tensor([2049.0])
    gradients, _ = manual_vjp(function, path, {"x": x}, ["x"], torch.float16, ONE, LIMIT)
    assert (gradients["x"].dtype, gradients["x"].tolist()) == (torch.float16, [2048])


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("x.mul_(2); return {'x': x + 0}", ["x"]),
        ("dout += 1; return {'x': x + 0}", ["dout"]),
        ("x[1] = 7; dout.zero_(); return {'x': x + 0}", ["x", "dout"]),
        ("x.neg_().neg_(); return {'x': x + 0}", []),
    ],
    ids=["one", "the cotangent", "two", "there and back"],
)
def test_an_input_changed_in_place_is_reported(tmp_path, body, changed):
    function, path = backward(tmp_path, body)
    _, found = manual_vjp(function, path, {"x": X.clone()}, ["x"], torch.float32, ONE, LIMIT)
    assert found == changed


def test_a_change_in_place_does_not_reach_the_next_run(tmp_path):
    function, path = backward(tmp_path, "x.mul_(2); return {'x': x + 0}")
    x, dout = X.clone(), ONE.clone()
    manual_vjp(function, path, {"x": x}, ["x"], torch.float32, dout, LIMIT)
    assert torch.equal(x, X)


def test_a_gradient_that_backward_keeps_hold_of_does_not_change_later(tmp_path):
    text = "total = torch.zeros(3)\n\ndef backward(x):\n    return {'x': total.add_(x)}\n"
    path = tmp_path / "backward.py"
    path.write_text(f"import torch\n{text}")
    function = load_function(path, "backward", ["x"], LIMIT)
    once, twice = (
        manual_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)[0]["x"]
        for _ in range(2)
    )
    assert (once.tolist(), twice.tolist()) == ([1, 2, 4], [2, 4, 8])


def test_backward_runs_without_autograd(tmp_path):
    function, path = backward(tmp_path, "assert not torch.is_grad_enabled(); return {'x': x}")
    assert manual_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)[1] == []


def test_a_backward_that_returns_no_gradients_is_refused(tmp_path):
    function, path = backward(tmp_path, "return x")
    with pytest.raises(Refusal, match="backward returns a Tensor"):
        manual_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (1.0, 1.0, True),
        (1.0, 2.0, False),
        (float("nan"), float("nan"), True),
        (0.0, -0.0, False),
        (float("inf"), float("inf"), True),
        (float("inf"), -float("inf"), False),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_bits_are_compared_not_numbers(first, second, same, dtype):
    tensors = [torch.tensor([[5.0, value]], dtype=dtype) for value in (first, second)]
    assert same_bits(*tensors) is same


def test_a_transposed_tensor_has_the_bits_of_what_it_shows():
    value = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert same_bits(value.T, torch.tensor([[1.0, 3.0], [2.0, 4.0]]))
    assert not same_bits(value.T, value)


def test_a_single_number_has_bits_too():
    assert same_bits(torch.tensor(1.0), torch.tensor(1.0))
    assert not same_bits(torch.tensor(1.0), torch.tensor(1.5))
