from autograd_by_hand.report.sections.inputs import Inputs, Row, inputs_of
from tests.autograd_by_hand.report.made_up import measurements

SPECS = {
    "x": {"shape": [2], "draw": "randn", "requires_grad": True},
    "W": {"file": "weights.safetensors", "requires_grad": True},
    "mask": {"from": "inputs.py"},
    "t": {"value": 0.5},
}


def listed(*names, dtype="float32", **more):
    made = [{"name": name, "shape": [2], "dtype": dtype} for name in names]
    specs = {name: SPECS[name] for name in names}
    return inputs_of(measurements(specs=specs, made=made, **more))


def test_tensors_that_are_all_drawn_are_not_listed():
    assert listed("x") is None


def test_every_tensor_is_listed_with_where_it_comes_from():
    found = listed("x", "W", "mask", "t")
    assert found == Inputs(
        rows=[
            Row("x", [2], "float32", "randn"),
            Row("W", [2], "float32", "weights.safetensors"),
            Row("mask", [2], "float32", "inputs.py"),
            Row("t", [2], "float32", "config.yaml"),
        ],
        arguments={},
        complex=[],
    )


def test_arguments_are_shown_as_json_has_them():
    arguments = {"eps": 1e-5, "causal": True, "mode": "tanh"}
    found = listed("x", arguments=arguments)
    assert found is not None
    assert found.arguments == {"eps": "1e-05", "causal": "true", "mode": '"tanh"'}


def test_a_complex_tensor_is_named():
    found = listed("x", dtype="complex64")
    assert found is not None
    assert found.complex == ["x"]
