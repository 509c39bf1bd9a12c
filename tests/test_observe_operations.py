import pytest
import torch

from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors
from tests.layer import BACKWARD, TANH, Layer

WAVERING = """\
calls = []

def forward(x):
    calls.append(x)
    return (x.exp() if len(calls) == 2 else x * x).sum()
"""


def test_both_programs_are_written_with_the_names_of_what_they_make(tmp_path):
    found = Layer(tmp_path).observe()
    assert list(found["autograd"]["outputs"]) == ["y", "loss", "dx", "dW", "db"]
    assert list(found["hand"]["outputs"]) == ["dx", "dW", "db"]
    assert found["autograd"]["others"] == found["hand"]["others"] == []


def test_a_sum_that_both_make_is_written_once(tmp_path):
    found = Layer(tmp_path).observe()
    ops = [one["op"] for one in found["sums"]]
    assert ops.count("aten.addmm.default") == 1
    assert ops.count("aten.mm.default") == 2
    assert found["sums"][0]["args"][2] == {
        "shape": [40, 30],
        "strides": [1, 40],
        "dtype": "float32",
        "offset": 0,
        "device": "cpu",
    }


def test_forwards_variables_are_recorded(tmp_path):
    layer = Layer(tmp_path)
    layer.observe()
    assert read_arrays(layer.file("recorded"))["trial/y"].shape == (3, 2, 30)


def test_what_is_no_sum_and_not_known_is_recorded_as_given(tmp_path):
    layer = Layer(tmp_path, **TANH, shapes={"x": (5,)})
    program = layer.observe()["autograd"]
    given = [call["op"] for call in program["calls"] if call.get("given")]
    assert given == ["aten.tanh.default", "aten.tanh_backward.default"]
    tanh = program["calls"].index(next(call for call in program["calls"] if call.get("given")))
    number = program["calls"][tanh]["result"]
    assert read_arrays(layer.file("recorded"))[f"trial/autograd.{tanh}.{number}"].shape == (3, 5)


def test_runs_that_make_other_operations_are_named(tmp_path):
    layer = Layer(
        tmp_path,
        forward=WAVERING,
        backward="def backward(x):\n    return {'x': 2 * x}\n",
        shapes={"x": (5,)},
    )
    assert layer.observe()["autograd"]["others"] == [["trial", 1]]


def test_a_variable_that_no_operation_makes_in_memory_is_no_output(tmp_path):
    forward = (
        "import torch\nEYE = torch.eye(5).to_sparse()\n\ndef forward(x):\n    graph = EYE * 2\n"
        "    y = torch.sparse.mm(graph, x[:, None])\n    return (y * y).sum()\n"
    )
    backward = "def backward(x):\n    return {'x': 8 * x}\n"
    layer = Layer(tmp_path, forward=forward, backward=backward, shapes={"x": (5,)})
    assert [*layer.observe()["autograd"]["outputs"]] == ["y", "loss", "dx"]


def test_a_run_whose_values_have_other_shapes_is_left_out(tmp_path):
    forward = "def forward(x):\n    kept = x[x > -0.2]\n    return (kept * kept).sum()\n"
    backward = "def backward(x):\n    return {'x': 2 * x * (x > -0.2)}\n"
    layer = Layer(tmp_path, forward=forward, backward=backward, shapes={"x": (40,)})
    x = read_tensors(layer.work / "draws.safetensors")["trial/x"]
    counts = [int((run > -0.2).sum()) for run in x]
    others = [["trial", run] for run, count in enumerate(counts) if count != counts[0]]
    assert others
    assert layer.observe()["autograd"]["others"] == others
    kept = read_arrays(layer.file("recorded"))["trial/kept"]
    assert kept.shape == (len(counts) - len(others), counts[0])


def with_example(layer, value):
    """Give the layer a sample besides the trial, one run in which x has this value throughout."""
    draws, cotangents = (layer.work / f"{name}.safetensors" for name in ("draws", "cotangents"))
    drawn, dout = read_tensors(draws), read_tensors(cotangents)
    one = torch.full_like(drawn["trial/x"][:1], value)
    write_tensors(draws, drawn | {"example/x": one})
    write_tensors(cotangents, dout | {"example/dout": torch.ones(1)})


def test_what_is_written_down_is_the_trial_however_the_samples_are_called(tmp_path):
    wavering = "def forward(x):\n    return (x * x if x[0] != 7 else x.exp()).sum()\n"
    backward = "def backward(x):\n    return {'x': 2 * x}\n"
    layer = Layer(tmp_path, forward=wavering, backward=backward, shapes={"x": (5,)})
    with_example(layer, 7.0)
    found = layer.observe()["autograd"]
    assert "aten.exp.default" not in [call["op"] for call in found["calls"]]
    assert found["others"] == [["example", 0]]


def test_the_hand_is_observed_in_the_trial_alone(tmp_path):
    forward = "def forward(x):\n    y = x * x\n    return y.sum()\n"
    wavering = "def backward(x):\n    return {'x': 2 * x.sum(0, True) / x.sum(0, True) * x if x[0] != 7 else x + x}\n"
    layer = Layer(tmp_path, forward=forward, backward=wavering, shapes={"x": (5,)})
    with_example(layer, 7.0)
    hand = layer.observe()["hand"]
    assert "aten.sum.dim_IntList" in [call["op"] for call in hand["calls"]]
    assert hand["others"] == []
    recorded = read_arrays(layer.file("recorded"))
    assert "example/y" in recorded
    assert any(name.startswith("trial/hand.") for name in recorded)
    assert not any(name.startswith("example/hand.") for name in recorded)


def test_a_gradient_that_is_refused_is_no_output_of_the_hand_and_told(tmp_path):
    turned = BACKWARD.replace("dy.T @ x", "x.T @ dy")
    found = Layer(tmp_path / "turned", backward=turned).observe()
    assert list(found["hand"]["outputs"]) == ["dx", "db"]
    assert list(found["hand"]["refused"]) == ["W"]
    assert f"{Layer.folder}/backward.py:3: dW has shape (40, 30)" in found["hand"]["refused"]["W"]
    assert Layer(tmp_path / "plain").observe()["hand"]["refused"] == {}


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_the_cotangent_is_an_input_like_any(tmp_path, dtype):
    layer = Layer(
        tmp_path,
        dtype,
        forward="def forward(x, W):\n    return x @ W\n",
        backward="def backward(x, W, dout):\n    return {'x': dout @ W.T, 'W': x.T @ dout}\n",
        shapes={"x": (2, 4), "W": (4, 3)},
    )
    found = layer.observe()
    assert set(found["autograd"]["inputs"]) == {"x", "W", "dout"}
    assert not found["autograd"]["constants"]


CONSTANT_GRADIENT = """\
import torch

def backward(x):
    return {"x": torch.from_numpy(2 * x.numpy())}
"""


def test_a_constant_is_recorded_though_it_is_a_gradient(tmp_path):
    forward = "def forward(x):\n    return (x * x).sum()\n"
    layer = Layer(tmp_path, forward=forward, backward=CONSTANT_GRADIENT, shapes={"x": (5,)})
    (number,) = layer.observe()["hand"]["constants"]
    drawn, recorded = (
        read_arrays(file) for file in (layer.work / "draws.safetensors", layer.file("recorded"))
    )
    assert (recorded[f"trial/hand.-1.{number}"] == 2 * drawn["trial/x"]).all()


def test_a_constant_that_has_a_name_in_forward_is_no_value_that_forward_makes(tmp_path):
    forward = "import torch\ndef forward(x):\n    weights = torch.tensor([[1.0, 2.0]])\n"
    forward += "    turned = weights.T\n    return (x * turned).sum()\n"
    layer = Layer(tmp_path, forward=forward, backward=CONSTANT_GRADIENT, shapes={"x": (2, 1)})
    program = layer.observe()["autograd"]
    assert list(program["outputs"]) == ["loss", "dx"]
    recorded = read_arrays(layer.file("recorded"))
    assert recorded[f"trial/autograd.-1.{program['constants'][0]}"].tolist() == [[[1, 2]]] * 3
