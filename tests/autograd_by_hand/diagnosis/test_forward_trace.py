"""A recorded forward reproduces its result, with its kernels whole or decomposed."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.diagnosis.forward_trace import trace_forward
from autograd_by_hand.diagnosis.steps import Ref, Steps, changed

DRAWN = torch.Generator().manual_seed(0)
X = torch.randn(3, 4, generator=DRAWN, dtype=torch.float64)
OTHER = torch.randn(3, 4, generator=DRAWN, dtype=torch.float64)
LABELS = torch.tensor([0, 3, 1])
CAUSAL = torch.ones(3, 3).tril() == 0
F = torch.nn.functional


def trace(forward, decompose=True, **tensors):
    tensors = tensors or {"x": X}
    given = {name: value.clone() for name, value in tensors.items()}
    return trace_forward(forward, Path("forward.py"), given, 10, decompose)


def written(source, decompose=True, **tensors):
    """The steps of a forward given as text, whose variables have names."""
    namespace: dict[str, object] = {"torch": torch}
    exec(compile(source, "forward.py", "exec"), namespace)  # noqa: S102
    return trace(namespace["forward"], decompose, **tensors)


def in_words(steps):
    """The result of each step, in words."""
    return [steps.made(step) for step in steps.steps]


# again

KERNELS = {
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(0),
    "logsumexp": lambda x: x.logsumexp(1),
    "layer_norm": lambda x: F.layer_norm(x, (4,)),
    "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "gelu": lambda x: F.gelu(x, approximate="none"),
    "silu": lambda x: F.silu(x, inplace=False),
    "mean": lambda x: x.mean(0),
    "var": lambda x: x.var(1),
    "norm": lambda x: F.normalize(x, dim=1),
    "cross_entropy": lambda x: F.cross_entropy(x, LABELS),
    "mse": lambda x: F.mse_loss(x, torch.zeros_like(x)),
    "huber": lambda x: F.huber_loss(x, torch.ones_like(x)),
    "bce": lambda x: F.binary_cross_entropy_with_logits(x, torch.ones_like(x)),
    "attention": lambda x: (x @ x.t()).masked_fill(CAUSAL, float("-inf")).softmax(1) @ x,
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "bilinear": lambda x: F.bilinear(x, x, torch.stack([x.t() @ x])),
    "several results": lambda x: torch.mul(*x.chunk(2, 1)),
    "rows": lambda x: x[torch.tensor([2, 0])],
    "constants": lambda x: x * torch.arange(4, dtype=torch.float64) + 3,
    "itself": lambda x: x,
}


@pytest.mark.parametrize("forward", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("tensor", [X, OTHER], ids=["the same inputs", "other inputs"])
def test_again_is_forward_to_the_bit_where_its_kernels_are_whole(forward, tensor):
    assert torch.equal(
        trace(forward, decompose=False).again({"x": tensor})["result"], forward(tensor)
    )


@pytest.mark.parametrize("forward", KERNELS.values(), ids=KERNELS)
def test_again_is_what_was_taken_down_to_the_bit_where_kernels_are_taken_apart(forward):
    steps = trace(forward)
    assert torch.equal(steps.again({"x": X})["result"], steps.values[steps.outputs["result"].place])


@pytest.mark.parametrize("forward", KERNELS.values(), ids=KERNELS)
def test_kernels_that_are_taken_apart_are_forward_up_to_rounding(forward):
    found = trace(forward).again({"x": OTHER})["result"]
    torch.testing.assert_close(found, forward(OTHER), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("forward", KERNELS.values(), ids=KERNELS)
@pytest.mark.parametrize("decompose", [True, False])
def test_autograd_of_the_steps_is_that_of_forward(forward, decompose):
    gradients: list[Tensor] = []
    for function in (forward, lambda x: trace(forward, decompose).again({"x": x})["result"]):
        leaf = OTHER.clone().requires_grad_()
        result = function(leaf)
        weights = torch.linspace(1, 2, result.numel(), dtype=torch.float64).reshape(result.shape)
        gradients += torch.autograd.grad((result * weights).sum(), leaf)
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("times", [2, 3])
def test_a_forward_can_be_made_again_many_times(times):
    steps = trace(KERNELS["layer_norm"])
    first, *rest = (steps.again({"x": X})["result"] for _ in range(times))
    assert all(torch.equal(first, one) for one in rest)


def _added_in_place(x):
    y = x * 2
    y.add_(1).mul_(3)
    return y


def _added_to_zeros(x):
    y = torch.zeros(3, 4, dtype=x.dtype)
    y += x
    y -= 1
    return y * y


def _masked_in_place(x):
    y = x * 1
    y.masked_fill_(x > 0, 0.5)
    return y.exp()


def _activated_in_place(x):
    y = x + 1
    F.relu(y, inplace=True)
    return y


def _an_input_in_place(x):
    x += 1
    return x * 2


def _a_row_in_place(x):
    y = x * 1
    y[0] = 0
    return y * y


def _a_column_in_place(x):
    y = x * 1
    y[:, 0] *= 2
    return y.sum(1)


IN_PLACE = [
    _added_in_place,
    _added_to_zeros,
    _masked_in_place,
    _activated_in_place,
    _an_input_in_place,
]


@pytest.mark.parametrize("forward", IN_PLACE)
@pytest.mark.parametrize("decompose", [True, False])
def test_what_is_done_in_place_is_done_again(forward, decompose):
    steps = trace(forward, decompose)
    for tensor in (X, OTHER, X):
        assert torch.equal(steps.again({"x": tensor})["result"], forward(tensor.clone()))


@pytest.mark.parametrize("forward", [_a_row_in_place, _a_column_in_place])
@pytest.mark.parametrize("decompose", [True, False])
def test_what_is_written_into_a_part_is_refused_and_not_lost(forward, decompose):
    with pytest.raises(UserError, match="forward writes into a part of a tensor"):
        trace(forward, decompose)


def test_a_forward_with_a_sparse_matrix_is_refused():
    with pytest.raises(UserError, match="makes a sparse tensor"):
        trace(lambda x: torch.eye(3, dtype=x.dtype).to_sparse() @ x)


def test_a_value_is_kept_as_it_was_when_it_was_made():
    steps = written(
        "def forward(x):\n    y = x * 2\n    z = y + 1\n    y.mul_(5)\n    return z * y\n"
    )
    made = {step.name: steps.values[step.made.place] for step in steps.steps[:2]}
    assert torch.equal(made["mul"], X * 2)
    assert torch.equal(made["add"], X * 2 + 1)


def test_a_number_that_is_read_of_a_tensor_is_a_step_that_makes_no_tensor():
    steps = trace(lambda x: x * x.max().item())
    (read,) = [step for step in steps.steps if not step.all_made()]
    assert steps.made(read) == "a number"
    assert torch.equal(steps.again({"x": X})["result"], X * X.max())


def test_what_only_checks_is_not_done_again_on_other_inputs():
    def forward(x):
        torch._assert_async((x < 10).all())
        return x * 2 if torch.equal(x, x.clone()) else x

    steps = trace(forward)
    assert torch.equal(steps.again({"x": X + 100})["result"], (X + 100) * 2)


def test_a_decomposition_that_fails_leaves_the_kernel_whole(monkeypatch):
    def failing(_func):
        def decompose(value, *_args, **_kwargs):
            value.exp()
            raise AssertionError("not like this")

        return decompose

    monkeypatch.setattr("autograd_by_hand.diagnosis.recorder.decomposition_of", failing)
    steps = trace(lambda x: torch.tanh(x) * 2)
    assert [step.name for step in steps.steps] == ["tanh", "mul", "alias"]


@pytest.mark.parametrize("forward", [_added_in_place, _an_input_in_place])
def test_taking_down_does_not_change_the_inputs(forward):
    tensors = {"x": X.clone()}
    trace_forward(forward, Path("forward.py"), tensors, 10, True)
    assert torch.equal(tensors["x"], X)


def test_making_it_again_does_not_change_the_inputs():
    steps, given = trace(_an_input_in_place, decompose=False), X.clone()
    steps.again({"x": given})["result"]
    assert torch.equal(given, X)


@given(st.lists(st.sampled_from([torch.exp, torch.tanh, torch.abs, F.softplus]), max_size=5))
def test_any_chain_of_functions_is_made_again(functions):
    def forward(x):
        for function in functions:
            x = function(x) - 1
        return x

    assert torch.equal(
        trace(forward, decompose=False).again({"x": OTHER})["result"], forward(OTHER)
    )


def test_the_last_step_is_the_result_once_more():
    steps = trace(lambda x: x.exp())
    assert [step.name for step in steps.steps] == ["exp", "alias"]
    assert steps.steps[-1].args == (steps.steps[0].made,)


@pytest.mark.parametrize(
    ("forward", "names"),
    [
        (lambda x: x.softmax(1), ["logsumexp", "sub", "exp"]),
        (lambda x: x.log_softmax(1), ["logsumexp", "sub"]),
        (lambda x: x.mean(), ["sum", "div"]),
        (lambda x: x.t() @ x, ["t", "mm"]),
    ],
)
def test_no_step_only_keeps_numbers_in_range(forward, names):
    assert [step.name for step in trace(forward).steps[:-1]] == names


# another step


def test_a_step_can_be_done_otherwise():
    def doubled(_, step, values):
        return 2 * Steps.do(step, values) if step.name == "exp" else None

    steps = trace(lambda x: x.exp() + 1)
    assert torch.equal(steps.again({"x": X}, doubled)["result"], 2 * X.exp() + 1)


def test_a_step_is_described_by_its_number():
    numbers = []
    steps = trace(lambda x: (x + 1) * (x + 1))
    steps.again({"x": X}, lambda number, step, _: numbers.append((number, step.name)))
    assert numbers == [(0, "add"), (1, "add"), (2, "mul"), (3, "alias")]


def test_a_step_sees_the_values_that_were_made_before_it():
    def of_values(_, step, values):
        return values[step.args[0].place] ** 2 if step.name == "exp" else None

    steps = trace(lambda x: (x + 1).exp())
    assert torch.equal(steps.again({"x": OTHER}, of_values)["result"], (OTHER + 1) ** 2)


def test_several_results_can_be_made_otherwise():
    def swapped(_, step, values):
        return Steps.do(step, values)[::-1] if step.name == "split" else None

    steps = trace(lambda x: torch.sub(*x.chunk(2, 1)))
    assert torch.equal(steps.again({"x": X}, swapped)["result"], -steps.again({"x": X})["result"])


# words


def test_a_value_has_the_authors_name_for_it():
    steps = written(
        "def forward(x, W):\n    y = x @ W\n    z = y.exp()\n    return z.sum()\n", x=X, W=X.t()
    )
    assert in_words(steps) == ["y", "z", "forward's result", "forward's result"]
    assert {name: steps.describe(ref) for name, ref in steps.inputs.items()} == {
        "x": "x",
        "W": "W",
    }


def test_a_value_without_a_name_is_described_by_what_makes_it_two_steps_deep():
    source = "def forward(x):\n    return ((x + 1) * x - 2 * x).exp().sum(0) / 3\n"
    assert in_words(written(source))[:5] == [
        "(x + 1)",
        "((x + 1) * x)",
        "(x * 2)",
        "((… * x) - (x * 2))",
        "exp((… - …))",
    ]


def test_another_layout_of_a_value_is_called_by_its_name():
    steps = written("def forward(x):\n    return x.reshape(4, 3).unsqueeze(0).exp()\n")
    assert in_words(steps)[:2] == ["x", "x"]


def test_a_transposed_value_is_described_so():
    steps = written("def forward(x):\n    y = x + 1\n    return x @ y.t()\n")
    assert in_words(steps)[:2] == ["y", "y.T"]


def test_a_tensor_of_forwards_own_is_described_as_a_constant():
    steps = written("held = torch.ones(4)\n\ndef forward(x):\n    return (x * held).exp()\n")
    assert in_words(steps)[0] == "(x * a constant)"


def test_the_result_that_is_a_variable_has_its_name():
    steps = written("def forward(x):\n    loss = x.sum()\n    return loss\n")
    assert in_words(steps) == ["loss", "forward's result"]


def test_the_first_of_several_results_is_reported():
    steps = written("def forward(x):\n    a, b = x.chunk(2, 1)\n    return a * b\n")
    assert in_words(steps)[0] == "a"


def test_another_of_several_results_is_described_by_its_index():
    steps = written("def forward(x):\n    return x.topk(2)[0].exp() + x.sort().values[:, :2]\n")
    assert in_words(steps)[:2] == ["topk(x)[0]", "exp(topk(x)[0])"]


def test_the_values_within_a_kernel_are_described_by_what_makes_them():
    steps = written("def forward(x):\n    p = x.softmax(1)\n    return p * p\n")
    assert in_words(steps)[:3] == ["logsumexp(x)", "(x - logsumexp(x))", "p"]


# arguments and gradients


def test_the_tensors_among_the_arguments_are_found_wherever_they_are():
    (step, _) = trace(lambda x: torch.cat([x, x + 1], 1)).steps[1:]
    assert step.refs() == [Ref(0), Ref(1)]


@given(st.recursive(st.integers() | st.builds(Ref, st.integers(0, 9)), st.lists))
def test_arguments_keep_their_structure(structure):
    assert changed(structure, lambda ref: ref) == structure


def test_each_tensor_among_arguments_is_replaced():
    arguments = ([Ref(1), 5], {"dim": Ref(2)}, None)
    assert changed(arguments, lambda ref: ref.place * 10) == ([10, 5], {"dim": 20}, None)


def test_a_forward_that_fails_is_refused():
    with pytest.raises(UserError, match="ZeroDivisionError"):
        written("def forward(x):\n    return x * (1 // 0)\n")


def test_whole_numbers_are_inputs_too():
    steps = trace(lambda x, rows: x[rows].sum(1), x=X, rows=LABELS % 3)
    rows = torch.tensor([2, 2])
    assert torch.equal(steps.again({"x": X, "rows": rows})["result"], X[rows].sum(1))
