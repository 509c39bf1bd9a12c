"""Mistakes of each family, made by hand in a small gradient, are found and named."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from autograd_by_hand.diagnosis.forward_search import Run, find
from autograd_by_hand.diagnosis.forward_trace import trace_forward
from autograd_by_hand.experiment.user_code import call

TOLERANCE = 1e-9
SHAPES = {"x": (3, 4), "W": (4, 4), "V": (4, 4), "U": (4, 4), "b": (4,), "s": (3, 1)}
F64 = torch.float64


def drawn(seed, names):
    """Random tensors for the names, with the shapes above; `rows` is of integers."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(SHAPES[name], generator=generator, dtype=F64)
        for name in names
        if name in SHAPES
    }
    if "rows" in names:
        tensors["rows"] = torch.randint(0, 3, (5,), generator=generator)
    return tensors


def names_of(source):
    """The parameters of a forward given as text."""
    return source.split("(", 1)[1].split(")")[0].split(", ")


def run_of(source, by_hand, tensors, seed, decompose=True):
    """One run, with the gradients by hand where they differ from the true ones."""
    namespace: dict[str, Any] = {"torch": torch, "functional": functional}
    exec(compile(source, "forward.py", "exec"), namespace)  # noqa: S102
    forward = namespace["forward"]
    steps = trace_forward(forward, Path("forward.py"), tensors, 10, decompose)
    leaves = {
        name: one.clone().requires_grad_() if one.is_floating_point() else one
        for name, one in tensors.items()
    }
    result = forward(**leaves)
    dout = torch.randn(result.shape, generator=torch.Generator().manual_seed(seed), dtype=F64)
    needed = [name for name, one in leaves.items() if one.requires_grad]
    gradients = torch.autograd.grad(result, [leaves[name] for name in needed], dout)
    truth = dict(zip(needed, gradients, strict=True))
    manual = call(by_hand, Path("backward.py"), tensors | {"dout": dout}, 10)
    return Run(steps, tensors, {"dout": dout}, truth | manual, truth), list(manual)


def found(source, by_hand, decompose=True, runs=2, **options):
    """The explanations found for the wrong manual gradients, on some runs."""
    made = [
        run_of(source, by_hand, drawn(seed, names_of(source)), seed + 100, decompose, **options)
        for seed in range(runs)
    ]
    return find([run for run, _ in made], made[0][1], TOLERANCE)


def mistake(*args, **kwargs):
    """The kind and the name of the only mistake, which explains the whole error."""
    (finding,) = found(*args, **kwargs).values()
    assert finding.left_over < TOLERANCE
    return finding.kind, finding.name


def derivative(function, x, dout):
    """Autograd's gradient of another function with respect to x."""
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf, dout)[0]


# terms

SQUARE = "def forward(x):\n    return x * x + x\n"


def test_a_missing_term_is_found():
    kind, name = mistake(SQUARE, lambda x, dout: {"x": 2 * x * dout})
    assert kind == "missing"
    assert name == "the term through `x` in `forward's result` is missing (treated as a constant)"


def test_a_term_with_the_wrong_sign_is_found():
    kind, name = mistake(SQUARE, lambda x, dout: {"x": (2 * x - 1) * dout})
    assert kind == "factor"
    assert "the wrong sign" in name


@pytest.mark.parametrize(
    ("count", "explained"), [(2, "2"), (3, "3"), (0.5, "0.5"), (1 / 3, "0.333333")]
)
def test_a_term_that_is_counted_a_wrong_number_of_times_is_found(count, explained):
    kind, name = mistake(SQUARE, lambda x, dout: {"x": (2 * x + count) * dout})
    assert kind == "factor"
    assert name.endswith(f"is counted {explained} times")


def test_a_term_that_is_missing_is_reported_before_one_that_is_miscounted():
    kind, _ = mistake(SQUARE, lambda x, dout: {"x": (x + 1) * dout})  # of x * x, half
    assert kind == "missing"


def test_two_missing_terms_are_found():
    forward = "def forward(x, W, V):\n    y = x @ W\n    return y + x @ V + x.tanh()\n"
    kind, name = mistake(forward, lambda V, dout: {"x": dout @ V.t()})
    assert kind == "missing"
    assert name.count("is missing") == 2
    assert "`y`" in name
    assert "`tanh(x)`" in name


# recomputation


def test_a_function_that_is_left_out_where_backward_computes_it_again_is_found():
    forward = "def forward(x):\n    h = x.exp()\n    return h.tanh()\n"
    kind, name = mistake(forward, lambda x, dout: {"x": (1 - x.tanh() ** 2) * x.exp() * dout})
    assert kind == "missing"
    assert name == "`h` is left out: `x` is used in its place where backward computes it again"


def test_a_bias_that_is_left_out_where_backward_computes_it_again_is_found():
    def by_hand(x, W, dout):
        return {"W": x.t() @ ((1 - (x @ W).tanh() ** 2) * dout)}

    forward = "def forward(x, W, b):\n    y = torch.addmm(b, x, W)\n    return y.tanh()\n"
    kind, name = mistake(forward, by_hand)
    assert kind == "missing"
    assert name == "`b` is left out of `y` where backward computes it again"


def test_a_function_that_is_left_out_is_found():
    forward = "def forward(x, W):\n    h = x.exp()\n    return h @ W\n"
    kind, name = mistake(forward, lambda W, dout: {"x": dout @ W.t()})
    assert kind == "missing"
    assert name == "`h` is left out: `x` is used in its place"


def test_a_square_matrix_that_is_transposed_is_found():
    forward = "def forward(x, W):\n    return x @ W\n"
    kind, name = mistake(forward, lambda W, dout: {"x": dout @ W})
    assert kind == "transposed"
    assert "`W` is transposed" in name


@pytest.mark.parametrize(
    ("root", "slope"),
    [("sqrt", lambda root: 0.5 / (root + 0.1)), ("rsqrt", lambda root: -0.5 / (root + 0.1) ** 3)],
)
def test_a_constant_that_is_added_outside_a_root_that_is_saved_is_found(root, slope):
    forward = f"def forward(x):\n    return (x * x + 0.1).{root}()\n"
    kind, name = mistake(forward, lambda x, dout: {"x": slope(x.abs()) * 2 * x * dout})
    assert kind == "constant"
    assert "0.1 is added outside the root" in name


def test_a_constant_that_is_added_outside_a_root_altogether_is_found():
    forward = "def forward(x):\n    return (x * x + 0.1).rsqrt()\n"
    kind, name = mistake(forward, lambda x, dout: {"x": -x.sign() / (x.abs() + 0.1) ** 2 * dout})
    assert kind == "constant"
    assert "0.1 is added outside the root" in name


@pytest.mark.parametrize("decompose", [True, False])
def test_a_softmax_over_another_axis_is_found(decompose):
    forward = "def forward(x):\n    return x.softmax(1)\n"

    def by_hand(x, dout):
        return {"x": derivative(lambda z: z.softmax(0), x, dout)}

    kind, name = mistake(forward, by_hand, decompose)
    assert kind == "other sum"
    assert "is taken over axis 0 instead of [1]" in name


# integers


@pytest.mark.parametrize(("by", "words"), [(1, "one too large"), (-1, "one too small")])
def test_an_index_that_is_off_by_one_is_found(by, words):
    def by_hand(x, rows, dout):
        return {"x": torch.zeros_like(x).index_add(0, (rows + by) % 3, dout)}

    kind, name = mistake("def forward(x, rows):\n    return x[rows]\n", by_hand)
    assert (kind, name) == ("shifted", f"`rows` is off by one: it is {words}")


def test_an_input_that_is_read_one_place_off_is_found():
    forward = "def forward(x, W):\n    return x @ W\n"
    kind, name = mistake(forward, lambda x, dout: {"W": x.roll(1, 0).t() @ dout})
    assert (kind, name) == ("shifted", "`x` is shifted by one index along axis 0")


def test_a_mask_that_is_off_by_one_is_found():
    forward = "def forward(W):\n    return W.tril() * W\n"
    kind, name = mistake(
        forward,
        lambda W, dout: {"W": derivative(lambda z: z.tril(-1) * z, W, dout)},
        decompose=False,
    )
    assert kind == "shifted"
    assert "the mask `tril(W)` is off by one" in name


# derivatives


def test_a_cotangent_that_is_not_multiplied_in_is_found():
    forward = "def forward(x, s):\n    return x * s\n"
    kind, name = mistake(forward, lambda x, s: {"x": s * torch.ones_like(x)})
    assert kind == "missing"
    assert "is not multiplied in (treated as 1)" in name


def test_another_formula_for_a_derivative_is_found():
    forward = "def forward(x):\n    y = x.tanh()\n    return y * 2\n"
    kind, name = mistake(forward, lambda x, dout: {"x": 2 * (1 - x.tanh()) * dout})
    assert kind == "operation"
    assert "`1 - y` is used instead of the derivative of tanh" in name


# sums


def test_a_sum_over_another_axis_is_found():
    forward = "def forward(x):\n    return x - x.sum(1, keepdim=True)\n"
    kind, name = mistake(forward, lambda dout: {"x": dout - dout.sum(0)})
    assert kind == "other sum"
    assert "axis 0" in name


@pytest.mark.parametrize(
    ("reduced", "kind", "words"),
    [
        (lambda dout: dout[0], "other sum", "the first index is taken"),
        (lambda dout: dout[-1], "other sum", "the last index is taken"),
        (lambda dout: dout.mean(0), "factor", "is a mean instead of a sum"),
        (lambda dout: dout.amax(0), "operation", "is a maximum instead of a sum"),
        (lambda dout: dout.sum().expand(4), "other sum", "is summed over axis 1 as well"),
        (lambda dout: dout.sum().expand(4) / 4, "other sum", "is averaged over axis 1 as well"),
    ],
)
def test_a_bias_whose_gradient_is_reduced_otherwise_is_found(reduced, kind, words):
    forward = "def forward(x, b):\n    return x.exp() + b\n"
    found_kind, name = mistake(forward, lambda dout: {"b": reduced(dout)})
    assert found_kind == kind
    assert "`b`" in name
    assert words in name


# cotangents


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([1.0, 1, 0], "the last index along axis 0 is left out"),
        ([0.0, 1, 1], "the first index along axis 0 is left out"),
        ([1.0, 0, 0], "only the first index along axis 0 is used"),
        ([0.0, 0, 1], "only the last index along axis 0 is used"),
    ],
)
def test_rows_that_are_left_out_are_found(kept, words):
    def by_hand(x, dout):
        return {"W": x.t() @ (dout * torch.tensor(kept, dtype=F64)[:, None])}

    kind, name = mistake("def forward(x, W):\n    return x @ W\n", by_hand)
    assert kind == "confined"
    assert words in name


# constants


@pytest.mark.parametrize("value", [0.3, 2.0, -1.25])
def test_a_constant_that_is_another_one_is_found_with_its_digits(value):
    forward = "def forward(x):\n    return (x * 0.5).tanh()\n"
    kind, name = mistake(
        forward, lambda x, dout: {"x": derivative(lambda z: (z * value).tanh(), x, dout)}
    )
    assert kind == "constant"
    assert name == f"the constant 0.5 in `(x * 0.5)` is {value:g}"


def test_a_factor_that_is_only_wrong_where_backward_computes_it_again_is_found():
    def by_hand(x, dout):
        return {"x": (1 - (0.7 * x.exp()).tanh() ** 2) * x.exp() * dout}

    forward = "def forward(x):\n    y = x.exp()\n    return y.tanh()\n"
    kind, name = mistake(forward, by_hand)
    assert kind == "constant"
    assert name == "`y` is multiplied by 0.7 where backward computes it again"


# nothing is found


def noise(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(7), dtype=F64)


def test_a_gradient_that_no_change_explains_is_not_found():
    forward = "def forward(x, W):\n    return (x @ W).tanh()\n"
    assert found(forward, lambda x, W, dout: {"x": dout @ W.t() + noise(x.shape)}) == {}


def test_a_change_that_leaves_too_much_over_is_not_found():
    def by_hand(x, dout):
        return {"x": (2 * x + 1e-6 * noise(x.shape)) * dout}

    assert found(SQUARE, by_hand) == {}
    run, _ = run_of(SQUARE, by_hand, drawn(0, ["x"]), 100)
    assert find([run], ["x"], 1e-5)["x"].kind == "missing"


def test_a_change_that_fits_on_the_first_run_only_is_not_found():
    makers = (lambda x, dout: {"x": 2 * x * dout}, lambda x, dout: {"x": (2 * x + 3) * dout})
    runs = [run_of(SQUARE, manual, drawn(n, ["x"]), n)[0] for n, manual in enumerate(makers)]
    assert find(runs[:1], ["x"], TOLERANCE)["x"].kind == "missing"
    assert find(runs[1:], ["x"], TOLERANCE)["x"].kind == "factor"
    assert find(runs, ["x"], TOLERANCE) == {}


def test_a_change_that_fits_on_the_first_run_by_chance_does_not_hide_the_right_one():
    forward = "def forward(U, V, W):\n    return U * V + W.sum()\n"
    runs = []
    for seed in range(2):
        tensors = drawn(seed, "UVW")
        if seed == 0:
            tensors["W"] = tensors["W"].sign()  # its own reciprocal
        runs.append(run_of(forward, lambda W, dout: {"U": dout / W}, tensors, seed)[0])
    explained = "`1 / W` is used instead of the factor `V` in the gradient of `(U * V)`"
    assert find(runs[1:], ["U"], TOLERANCE)["U"].name == explained
    assert find(runs, ["U"], TOLERANCE)["U"].name == explained


def test_only_the_gradients_that_are_asked_about_are_looked_at():
    forward = "def forward(x, W):\n    return x @ W\n"
    run, _ = run_of(
        forward, lambda x, W, dout: {"x": dout @ W, "W": 2 * x.t() @ dout}, drawn(0, "xW"), 5
    )
    assert list(find([run], ["x"], TOLERANCE)) == ["x"]
    assert find([run], [], TOLERANCE) == {}


def test_one_mistake_behind_two_gradients_is_reported_for_both():
    def by_hand(x, W, dout):
        flow = dout * (1 - (x @ W).tanh())
        return {"x": flow @ W.t(), "W": x.t() @ flow}

    explained = found("def forward(x, W):\n    y = (x @ W).tanh()\n    return y * 1\n", by_hand)
    assert set(explained) == {"x", "W"}
    assert explained["x"].name == explained["W"].name
    assert "`1 - y`" in explained["x"].name
