import pytest
import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.storage.safetensors_torch import read_tensors, write_tensors
from tests.layer import TANH, Layer

DTYPES = ["float64", "float32", "bfloat16", "float16"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_element_of_every_tensor_is_met(tmp_path, dtype):
    found = Layer(tmp_path, dtype).all().replay()
    assert found["proved"]
    counts = {row["tensor"]: row for row in found["tensors"] if row["data"] == "experiment"}
    assert list(counts) == ["y", "loss", "dx", "dW", "db"]
    assert [row["elements"] for row in counts.values()] == [180, 3, 240, 3600, 90]
    assert {row["tensor"] for row in found["tensors"] if row["data"] == "amplified"} == set(counts)


def test_an_element_that_is_one_ulp_off_is_missed_and_located(tmp_path):
    layer = Layer(tmp_path).all()
    tensors = read_tensors(layer.file("autograd"))
    wrong = tensors["trial/dW"]
    expected = float(wrong[2, 4, 5])
    wrong[2, 4, 5] = torch.nextafter(wrong[2, 4, 5], torch.tensor(9e9))
    write_tensors(layer.file("autograd"), tensors)
    found = layer.replay()
    assert not found["proved"]
    (row,) = (row for row in found["tensors"] if row["first"])
    assert (row["tensor"], row["identical"]) == ("dW", 3599)
    place = {key: row["first"][key] for key in ("sample", "run", "index")}
    assert place == {"sample": "trial", "run": 2, "index": [4, 5]}
    assert row["first"]["found"] == expected


def test_a_sum_without_an_order_is_taken_as_given_and_nothing_is_proved(tmp_path):
    layer = Layer(tmp_path).all()
    orders = read_json(layer.file("orders"))
    orders["sums"][0]["torch"]["refused"] = "a second call gives other bits"
    write_json(layer.file("orders"), orders)
    found = layer.replay()
    assert not found["proved"]
    assert found["given"] == {"addmm": 1}
    assert found["refused"] == [
        {"tensor": "y", "op": "aten.addmm.default", "reason": "a second call gives other bits"}
    ]
    assert all(row["identical"] == row["elements"] for row in found["tensors"])


def test_what_is_no_sum_is_said_to_be_given(tmp_path):
    layer = Layer(tmp_path, **TANH, shapes={"x": (500,)})
    found = layer.all().replay()
    assert found["given"] == {"tanh": 1, "tanh_backward": 1}
    assert not found["proved"]
    assert all(row["identical"] == row["elements"] for row in found["tensors"])


IN_PLACE = """\
def forward(x, W):
    z = (x @ W).clone()
    z[:, 1:].mul_(2)
    z += 1
    return (z * z).mean()
"""


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_in_place_is_replayed_as_well(tmp_path, dtype):
    layer = Layer(
        tmp_path,
        dtype,
        forward=IN_PLACE,
        backward="def backward(x, W):\n    return {'x': x, 'W': W}\n",
        shapes={"x": (5, 30), "W": (30, 7)},
    )
    assert layer.all().replay()["proved"]


def test_what_was_taken_as_given_and_written_to_later_is_met_as_well(tmp_path):
    forward = "def forward(x):\n    y = x.sin()\n    y.mul_(2)\n    return (y * y).sum()\n"
    backward = "def backward(x):\n    return {'x': 8 * x.sin() * x.cos()}\n"
    found = Layer(tmp_path, forward=forward, backward=backward, shapes={"x": (50,)}).all().replay()
    assert found["given"] == {"cos": 1, "sin": 1}
    assert {row["tensor"] for row in found["tensors"]} == {"y", "loss", "dx"}
    assert all(row["identical"] == row["elements"] for row in found["tensors"])


NAMED = """\
import torch

def forward(x):
    weights = torch.tensor([1.0, 2.0, 3.0])
    return (x * weights).sum()
"""
IN_NUMPY = """\
import torch

class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(x.numpy() ** 3)

    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return torch.from_numpy(3 * x.numpy() ** 2 * dout.numpy()).reshape(x.shape)

def forward(x):
    return Cube.apply(x).sum()
"""


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_that_has_a_name_in_forward_is_replayed_with(tmp_path, dtype):
    backward = (
        "import torch\ndef backward(x):\n    return {'x': torch.tensor([1.0, 2.0, 3.0]).to(x)}\n"
    )
    layer = Layer(tmp_path, dtype, forward=NAMED, backward=backward, shapes={"x": (3,)})
    found = layer.all().replay()
    assert found["constants"] == []
    assert [row["tensor"] for row in found["tensors"]] == ["loss", "dx", "loss"]
    assert all(row["identical"] == row["elements"] for row in found["tensors"])


def test_a_gradient_that_numpy_computed_is_taken_as_recorded_and_never_counted(tmp_path):
    backward = "def backward(x):\n    return {'x': 3 * x**2}\n"
    layer = Layer(tmp_path, forward=IN_NUMPY, backward=backward, shapes={"x": (50,)})
    found = layer.all().replay()
    assert found["constants"] == ["dx"]
    assert "dx" not in {row["tensor"] for row in found["tensors"]}
    assert not found["proved"]


def test_runs_that_make_other_operations_are_left_out(tmp_path):
    layer = Layer(
        tmp_path,
        forward="def forward(x):\n    return (x * x if x.sum() > 0 else x + x).sum()\n",
        backward="def backward(x):\n    return {'x': 2 * x if x.sum() > 0 else 0 * x + 2}\n",
        shapes={"x": (50,)},
    )
    found = layer.all().replay()
    assert not found["proved"]
    left_out = len(found["others"])
    assert 0 < left_out < 3
    assert found["tensors"][0]["elements"] == 3 - left_out
