from pathlib import Path

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.experiment.vjp import Backward, autograd_vjp

LAB = Path(__file__).parents[3] / "experiments/25-autograd-by-hand"
LIMIT = 30.0
ONE = {"dout": torch.tensor(1.0)}
X = torch.tensor([1.0, 2.0, 4.0])


def forward(tmp_path: Path, body: str, names=("x",)):
    path = tmp_path / "forward.py"
    path.write_text(f"import torch\n\ndef forward({', '.join(names)}):\n    {body}\n")
    return load_function(path, "forward", Given(tuple(names), {}), LIMIT), path


def by_hand(
    tmp_path: Path, body: str, names=("x", "dout"), needed=("x",), dtype=torch.float32, limit=LIMIT
) -> Backward:
    """A backward of this body, which may keep what it likes in `calls`."""
    path = tmp_path / "backward.py"
    path.write_text(
        f"import torch\n\ncalls = []\n\ndef backward({', '.join(names)}):\n    {body}\n"
    )
    function = load_function(path, "backward", Given(tuple(names), {}), LIMIT)
    return Backward(function, path, list(needed), dtype, limit)


def times_called(backward: Backward) -> int:
    """How often a backward that keeps something in `calls` in each call was called."""
    return len(backward.function.__globals__["calls"])


def lab_tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    shapes = {"x": (2, 64), "W": (600, 64), "b": (600,), "target": (2, 600)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def lab():
    """The lab's loss and gradients by autograd in float64, on draws of its own shapes."""
    path = LAB / "forward.py"
    function = load_function(path, "forward", Given(("x", "W", "b", "target"), {}), LIMIT)
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
    loss = lab[0]["result"]
    assert loss.item() == pytest.approx(((x @ W.T + b - target) ** 2).sum() / 2, rel=1e-13)
    assert not loss.requires_grad


def test_the_labs_backward_agrees_with_autograd(lab):
    path = LAB / "backward.py"
    names = ["x", "W", "b"]
    function = load_function(path, "backward", Given((*names, "target", "dout"), {}), LIMIT)
    backward = Backward(function, path, names, torch.float64, LIMIT)
    answer = backward(lab_tensors(), ONE)
    _, by_autograd = lab
    for name in names:
        torch.testing.assert_close(
            answer.gradients[name], by_autograd[name], rtol=1e-12, atol=1e-12
        )
    assert (answer.refused, answer.changed) == ({}, [])


def test_a_vector_valued_result_is_pulled_back_from_dout(tmp_path):
    function, path = forward(tmp_path, "return x * x")
    dout = torch.tensor([1.0, 10.0, 100.0])
    outputs, gradients = autograd_vjp(
        function, path, {"x": X}, ["x"], torch.float32, {"dout": dout}, LIMIT
    )
    assert outputs["result"].tolist() == [1, 4, 16]
    assert gradients["x"].tolist() == [2, 40, 800]


def test_inputs_and_dout_are_rounded_to_the_format_first(tmp_path):
    function, path = forward(tmp_path, "return x * 1")
    x, douts = torch.tensor([2049.0]), {"dout": torch.tensor([2051.0])}
    outputs, gradients = autograd_vjp(function, path, {"x": x}, ["x"], torch.float16, douts, LIMIT)
    result = outputs["result"]
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
    with pytest.raises(UserError) as error:
        autograd_vjp(function, path, {"x": X, "W": X}, ["x", "W"], torch.float32, ONE, LIMIT)
    assert str(error.value) == (
        f"{path}: forward's result does not depend on 'W'; use it, or remove its requires_grad."
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
    with pytest.raises(UserError) as error:
        autograd_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)
    assert sentence in str(error.value)


def test_an_error_in_autograds_own_backward_is_told_as_the_authors(tmp_path):
    function, path = forward(tmp_path, "y = x.exp(); z = (y * y).sum(); y.add_(1); return z")
    with pytest.raises(UserError) as error:
        autograd_vjp(function, path, {"x": X}, ["x"], torch.float32, ONE, LIMIT)
    assert str(error.value).startswith(f"{path}: RuntimeError: ")


def test_what_lifts_a_tensor_is_applied_after_rounding(tmp_path):
    function, path = forward(tmp_path, "return (x * x).sum()")
    outputs, _ = autograd_vjp(
        function, path, {"x": torch.tensor([2049.0])}, ["x"], torch.float16, ONE, LIMIT,
        lambda tensor: tensor.double(),
    )  # fmt: skip
    result = outputs["result"]
    assert (result.dtype, result.item()) == (torch.float64, 2048**2)


def test_the_hands_gradient_is_what_backward_returns(tmp_path):
    dout = torch.tensor([1.0, 10.0, 100.0])
    answer = by_hand(tmp_path, "return {'x': 2 * x * dout}")({"x": X}, {"dout": dout})
    assert answer.gradients["x"].tolist() == [2, 40, 800]
    assert (answer.refused, answer.changed) == ({}, [])


def test_the_hands_inputs_are_rounded_to_the_format_first(tmp_path):
    backward = by_hand(tmp_path, "return {'x': x + 0 * dout}", dtype=torch.float16)
    gradient = backward({"x": torch.tensor([2049.0])}, ONE).gradients["x"]
    assert (gradient.dtype, gradient.tolist()) == (torch.float16, [2048])


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ("x.mul_(2); return {'x': x + 0}", ["x"]),
        ("dout += 1; return {'x': x + 0}", ["dout"]),
        ("x[1] = 7; dout.zero_(); return {'x': x + 0}", ["x", "dout"]),
        ("x.neg_().neg_(); return {'x': x + 0}", []),
        ("x.mul_(2); return {'x': x.double()}", ["x"]),
        ("x.mul_(2); raise ValueError", ["x"]),
    ],
    ids=["one", "the cotangent", "two", "there and back", "refused", "failed"],
)
def test_an_input_changed_in_place_is_reported(tmp_path, body, changed):
    assert by_hand(tmp_path, body)({"x": X.clone()}, ONE).changed == changed


def test_a_change_in_place_does_not_reach_the_next_run(tmp_path):
    x, dout = X.clone(), torch.tensor(1.0)
    by_hand(tmp_path, "x.mul_(2); dout.mul_(2); return {'x': x + 0}")({"x": x}, {"dout": dout})
    assert torch.equal(x, X)
    assert dout == 1


def test_a_gradient_is_checked_against_the_tensor_as_it_was(tmp_path):
    answer = by_hand(tmp_path, "x.resize_(1); return {'x': x}")({"x": X.clone()}, ONE)
    assert "dx has shape (1,) but x has (3,)" in answer.refused["x"]


def test_a_gradient_that_backward_keeps_hold_of_does_not_change_later(tmp_path):
    body = "calls.append(calls[0].add_(x) if calls else x * 1); return {'x': calls[0]}"
    backward = by_hand(tmp_path, body)
    once, twice = (backward({"x": X}, ONE).gradients["x"] for _ in range(2))
    assert (once.tolist(), twice.tolist()) == ([1, 2, 4], [2, 4, 8])


def test_backward_runs_without_autograd(tmp_path):
    backward = by_hand(tmp_path, "assert not torch.is_grad_enabled(); return {'x': x}")
    assert backward({"x": X}, ONE).refused == {}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_gradient_that_is_refused_is_nan_and_leaves_the_other(tmp_path, dtype):
    backward = by_hand(tmp_path, "return {'x': 2 * x, 'W': x[:1]}", ["x", "W"], ["x", "W"], dtype)
    answer = backward({"x": X, "W": torch.ones(2, 3)}, ONE)
    assert answer.gradients["x"].tolist() == [2, 4, 8]
    assert answer.gradients["W"].shape == (2, 3)
    assert answer.gradients["W"].dtype == dtype
    assert answer.gradients["W"].isnan().all()
    assert list(answer.refused) == ["W"]
    assert "dW has shape (1,) but W has (2, 3)" in answer.refused["W"]


def test_a_refused_gradient_is_no_reason_not_to_call_again(tmp_path):
    backward = by_hand(tmp_path, "calls.append(1); return {'x': x if len(calls) > 1 else None}")
    once, twice = (backward({"x": X}, ONE) for _ in range(2))
    assert "the gradient of 'x' is None" in once.refused["x"]
    assert (twice.gradients["x"].tolist(), twice.refused) == ([1, 2, 4], {})
    assert backward.failed == ""


def test_a_gradient_that_nobody_asked_for_is_told_and_left_out(tmp_path):
    answer = by_hand(tmp_path, "return {'x': x, 't': x}")({"x": X}, ONE)
    assert list(answer.gradients) == ["x"]
    assert list(answer.refused) == ["t"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return x", ":5: backward returns a Tensor; return a dict with the keys 'x', 'W'."),
        ("raise ValueError('no')", ":6: ValueError: no."),
    ],
    ids=["no dict", "an error"],
)
def test_a_backward_that_fails_has_refused_every_gradient(tmp_path, body, sentence):
    backward = by_hand(tmp_path, body, ["x", "W"], ["x", "W"])
    answer = backward({"x": X, "W": torch.ones(2, 3)}, ONE)
    told = f"{tmp_path}/backward.py{sentence}"
    assert backward.failed == told
    assert answer.refused == {"x": told, "W": told}
    assert [answer.gradients[name].shape for name in ("x", "W")] == [(3,), (2, 3)]
    assert all(value.isnan().all() for value in answer.gradients.values())


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ("calls.append(1); raise ValueError('no')", LIMIT),
        ("calls.append(1); return x", LIMIT),
        ("calls.append(1)\n    while True: pass", 0.2),
    ],
    ids=["an error", "no dict", "an endless loop"],
)
def test_a_backward_that_has_failed_is_not_called_again(tmp_path, body, limit):
    backward = by_hand(tmp_path, body, limit=limit)
    once, twice = (backward({"x": X}, ONE) for _ in range(2))
    assert times_called(backward) == 1
    assert once.refused == twice.refused == {"x": backward.failed}
    assert twice.gradients["x"].isnan().all()


def test_a_backward_may_fail_after_it_was_right(tmp_path):
    body = "calls.append(1); return {'x': x} if len(calls) == 1 else None"
    backward = by_hand(tmp_path, body)
    once, twice = (backward({"x": X}, ONE) for _ in range(2))
    assert (once.gradients["x"].tolist(), once.refused) == ([1, 2, 4], {})
    assert twice.gradients["x"].isnan().all()
    assert "backward returns a NoneType" in twice.refused["x"]


@pytest.mark.parametrize(("names", "takes"), [(["x", "dout"], ["dout"]), (["x"], [])])
def test_a_backward_says_whether_it_takes_the_cotangent(tmp_path, names, takes):
    assert by_hand(tmp_path, "return {'x': x}", names).takes(["dout"]) == takes


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


def test_one_number_of_an_odd_stride_or_a_conjugate_has_bits_too():
    assert same_bits(torch.arange(10.0)[3:4].as_strided((1,), (5,)), torch.tensor([3.0]))
    conjugate = torch.tensor([1 + 2j]).conj()
    assert same_bits(conjugate, torch.tensor([1 - 2j]))
    assert not same_bits(conjugate, torch.tensor([1 + 2j]))
    assert same_bits(conjugate.imag, torch.tensor([-2.0]))


def test_a_single_number_has_bits_too():
    assert same_bits(torch.tensor(1.0), torch.tensor(1.0))
    assert not same_bits(torch.tensor(1.0), torch.tensor(1.5))


def test_a_gradient_that_torch_keeps_without_memory_is_given_as_zeros(tmp_path):
    function, path = forward(tmp_path, "return torch.view_as_real(torch.sgn(x * 1j))")
    _, gradients = autograd_vjp(
        function, path, {"x": X}, ["x"], torch.float32, {"dout": torch.ones(3, 2)}, LIMIT
    )
    assert gradients["x"].numpy().tolist() == [0, 0, 0]
