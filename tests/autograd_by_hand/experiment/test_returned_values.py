from pathlib import Path

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.returned_values import (
    check_gradients,
    differentiable,
    outputs_of,
)
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.user_code import load_function

X, W = torch.ones(2, 3), torch.ones(4, 3)


def load(tmp_path: Path, text: str, arguments=("x", "W"), name="backward"):
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return load_function(path, name, Given(tuple(arguments), {}), 30.0), path


# what backward gives


def checked(tmp_path: Path, gradients: object, needed=("x", "W")):
    """The gradients that are taken, and what is said of the others from behind the line on."""
    function, path = load(tmp_path, "\ndef backward(x, W):\n    pass\n")
    tensors = {"x": X, "W": W, "t": X}
    good, refused = check_gradients(gradients, function, path, tensors, list(needed))
    place = f"{path}:2: "
    assert all(sentence.startswith(place) for sentence in refused.values())
    return good, {name: sentence.removeprefix(place) for name, sentence in refused.items()}


def test_good_gradients_are_given_back_in_the_order_needed(tmp_path):
    good, refused = checked(tmp_path, {"W": 2 * W, "x": 3 * X})
    assert list(good) == ["x", "W"]
    assert torch.equal(good["x"], 3 * X)
    assert torch.equal(good["W"], 2 * W)
    assert refused == {}


def test_a_gradient_with_a_graph_behind_it_is_cut_off(tmp_path):
    gradient = torch.ones(2, 3, requires_grad=True) * 2
    good, _ = checked(tmp_path, {"x": gradient}, ["x"])
    assert not good["x"].requires_grad


@pytest.mark.parametrize(
    ("gradients", "kind"), [((X, W), "tuple"), (None, "NoneType"), (X, "Tensor")]
)
def test_a_backward_that_returns_no_dict_gives_nothing(tmp_path, gradients, kind):
    function, path = load(tmp_path, "\ndef backward(x, W):\n    pass\n")
    with pytest.raises(UserError) as error:
        check_gradients(gradients, function, path, {"x": X, "W": W}, ["x", "W"])
    assert str(error.value) == (
        f"{path}:2: backward returns a {kind}; return a dict with the keys 'x', 'W'."
    )


@pytest.mark.parametrize(
    ("gradients", "name", "sentence"),
    [
        ({"x": X}, "W", "the gradient of 'W' is missing; backward must give 'x', 'W'."),
        ({"x": None, "W": W}, "x", "the gradient of 'x' is None; backward must give 'x', 'W'."),
        (
            {"x": torch.ones(3), "W": W},
            "x",
            "dx has shape (3,) but x has (2, 3); a gradient has the shape of its tensor.",
        ),
        (
            {"x": X, "W": W.T},
            "W",
            "dW has shape (3, 4) but W has (4, 3); these are the 12 elements in the layout of W.T; return it transposed, with .T.",
        ),
        (
            {"x": X.double(), "W": W},
            "x",
            "dx is float64 but x is float32; compute in the dtype of the inputs, and convert the result back if you compute wider.",
        ),
        ({"x": 1.0, "W": W}, "x", "the gradient of 'x' is a float; it must be a torch.Tensor."),
        (
            {"x": X.to_sparse(), "W": W},
            "x",
            "dx is a sparse_coo tensor on cpu; return a dense one on cpu, with .to_dense() or .to('cpu').",
        ),
        (
            {"x": X, "W": W.to("meta")},
            "W",
            "dW is a strided tensor on meta; return a dense one on cpu, with .to_dense() or .to('cpu').",
        ),
    ],
    ids=["missing", "None", "shape", "transposed", "dtype", "not a tensor", "sparse", "elsewhere"],
)
def test_what_is_no_gradient_is_told_with_the_line_of_backward_and_leaves_the_other(
    tmp_path, gradients, name, sentence
):
    good, refused = checked(tmp_path, gradients)
    assert refused == {name: sentence}
    assert {*good} == {"x", "W"} - {name}


@pytest.mark.parametrize(
    ("key", "told"), [("t", "'t'"), (1, "1")], ids=["a tensor without a gradient", "no name"]
)
def test_a_gradient_that_is_not_asked_for_is_told_and_spoils_none(tmp_path, key, told):
    good, refused = checked(tmp_path, {"x": X, "W": W, key: X})
    assert refused == {
        str(key): f"backward gives {told}, which has no requires_grad: true in the config; "
        "give only 'x', 'W'."
    }
    assert list(good) == ["x", "W"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [("dW", " (it gives 'dW'; is that it?)"), ("loss", "")],
)
def test_a_key_that_may_be_the_missing_one_is_named(tmp_path, key, hint):
    _, refused = checked(tmp_path, {"x": X, key: W})
    assert refused["W"] == f"the gradient of 'W' is missing{hint}; backward must give 'x', 'W'."
    assert refused[key].startswith(f"backward gives {key!r}, which has no requires_grad")


def test_each_mistake_has_its_own_sentence(tmp_path):
    good, refused = checked(tmp_path, {"x": X.double(), "W": None})
    assert good == {}
    assert list(refused) == ["x", "W"]
    assert refused["x"].startswith("dx is float64 but x is float32;")
    assert refused["W"].startswith("the gradient of 'W' is None;")


def test_a_vector_of_the_wrong_length_is_not_called_transposed(tmp_path):
    function, path = load(tmp_path, "def backward(b):\n    pass\n", ["b"])
    gradients, tensors = {"b": torch.ones(3)}, {"b": torch.ones(4)}
    _, refused = check_gradients(gradients, function, path, tensors, ["b"])
    assert refused["b"].endswith("; a gradient has the shape of its tensor.")


# what forward gives


def test_a_differentiable_result_is_given_back(tmp_path):
    function, path = load(tmp_path, "def forward(x):\n    pass\n", name="forward")
    result = torch.ones(2, requires_grad=True).sum()
    outputs = outputs_of(result, function, path)
    assert outputs["result"] is result
    assert differentiable(outputs, function, path) == outputs


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (1.5, "a float; it must return one torch.Tensor, or a tuple or dict of them."),
        (None, "a NoneType; it must return one torch.Tensor, or a tuple or dict of them."),
        (
            (X, None),
            "a NoneType as its output 1; return tensors only, in one flat tuple, list or dict.",
        ),
        (
            {"y": X, "h": (X, X)},
            (
                "a tuple as its output 'h'; return its tensors under names of their own, in one flat "
                "dict: {'y': ..., 'h_0': ..., 'h_1': ...}."
            ),
        ),
        (
            {"state": {"c": X, "h": X}},
            (
                "a dict as its output 'state'; return its tensors under names of their own, in one "
                "flat dict: {'state_c': ..., 'state_h': ...}."
            ),
        ),
        (
            (X, [X, X]),
            (
                "a list as its output 1; return all tensors in one flat tuple, or name them in one "
                "flat dict."
            ),
        ),
        (
            {"a b": X},
            "an output under the key 'a b'; name it as a variable, so that dout_<key> can be a parameter of backward.",
        ),
        ({}, "nothing; return at least one torch.Tensor."),
    ],
)
def test_a_forward_that_returns_no_tensors_is_told(tmp_path, result, what):
    function, path = load(tmp_path, "\ndef forward(x):\n    pass\n", name="forward")
    with pytest.raises(UserError) as error:
        outputs_of(result, function, path)
    assert str(error.value) == f"{path}:2: forward returns {what}"


@pytest.mark.parametrize(
    ("result", "names"),
    [
        ((X, X + 1), ["result_0", "result_1"]),
        ([X], ["result_0"]),
        (torch.max(X.reshape(1, -1), 1), ["result_0", "result_1"]),
        ({"y": X, "h": X + 1}, ["result_y", "result_h"]),
    ],
    ids=["tuple", "list", "torch's own tuple", "dict"],
)
def test_several_outputs_are_numbered_or_named(tmp_path, result, names):
    function, path = load(tmp_path, "def forward(x):\n    pass\n", name="forward")
    outputs = outputs_of(result, function, path)
    values = result.values() if isinstance(result, dict) else result
    assert list(outputs) == names
    assert all(one is value for one, value in zip(outputs.values(), values, strict=True))


def test_outputs_without_a_derivative_need_no_cotangent(tmp_path):
    function, path = load(tmp_path, "def forward(x):\n    pass\n", name="forward")
    outputs = outputs_of(X.clone().requires_grad_().reshape(1, -1).max(1), function, path)
    assert list(differentiable(outputs, function, path)) == ["result_0"]


def test_a_result_that_autograd_cannot_differentiate_is_told(tmp_path):
    function, path = load(tmp_path, "\ndef forward(x):\n    pass\n", name="forward")
    with pytest.raises(UserError) as error:
        differentiable({"result": torch.ones(())}, function, path)
    assert str(error.value) == (
        f"{path}:2: autograd cannot differentiate what forward returns (it has no grad_fn); "
        "compute it from the tensors that require a gradient, by differentiable operations, or name "
        "the function whose derivative backward gives: surrogate: FILE.py in config.yaml."
    )


def test_a_result_on_another_device_is_told(tmp_path):
    function, path = load(tmp_path, "\ndef forward(x):\n    pass\n", name="forward")
    with pytest.raises(UserError) as error:
        outputs_of(torch.ones((), device="meta", requires_grad=True), function, path)
    assert str(error.value) == (
        f"{path}:2: forward returns a tensor on meta; return it on the CPU, where its inputs are, "
        "with .to('cpu')."
    )


def test_a_sparse_result_is_refused_with_a_way_to_return_it(tmp_path):
    function, path = load(tmp_path, "\ndef forward(x):\n    pass\n", ("x",), "forward")
    with pytest.raises(UserError) as error:
        differentiable({"result": torch.eye(2, requires_grad=True).to_sparse()}, function, path)
    assert error.value.sentence == (
        f"{path}:2: forward returns a sparse tensor; return a dense one, with .to_dense()."
    )
