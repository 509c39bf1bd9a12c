import pytest

from scripts.lib.arrays import read_arrays
from tests.layer import TANH, Layer

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


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_the_cotangent_is_an_input_like_any(tmp_path, dtype):
    layer = Layer(
        tmp_path,
        dtype,
        forward="def forward(x, W):\n    return x @ W\n",
        backward="def backward(x, W, dout):\n    return {'x': dout @ W.T, 'W': x.T @ dout}\n",
        shapes={"x": (2, 4), "W": (4, 3)},
        dout=(2, 3),
    )
    found = layer.observe()
    assert set(found["autograd"]["inputs"]) == {"x", "W", "dout"}
    assert not found["autograd"]["constants"]
