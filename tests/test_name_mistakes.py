from typing import Any

import pytest
import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.diagnosis.measured import Measured
from autograd_by_hand.diagnosis.trial import Trial as Search
from autograd_by_hand.storage.safetensors_torch import write_tensors
from name_mistakes import name_mistakes
from tests.conftest import first_of
from tests.operators import eight
from tests.operators.trial import Trial

LINEAR = next(operator for operator in eight() if operator.name == "linear_sse")


@pytest.fixture
def trial(tmp_path):
    return Trial(tmp_path, LINEAR, 1.0)


def named(trial, old="", new=""):
    """The mistakes that are named where `old` is `new` in the linear layer's backward."""
    assert not old or LINEAR.backward.count(old) == 1
    return trial.name(LINEAR.backward.replace(old, new) if old else LINEAR.backward)


def test_of_a_right_gradient_no_mistake_is_named(trial):
    assert named(trial) == {"dx": None, "dW": None, "db": None}


def test_only_the_wrong_gradient_is_named(trial):
    found = named(trial, '"W": dW', '"W": 2 * dW')
    assert (found["dx"], found["db"]) == (None, None)
    assert found["dW"]["kind"] == "factor"
    assert found["dW"]["evidence"] == "every element is 2 times the true one"


def test_a_coarser_format_inside_is_proved_by_the_values(trial):
    found = named(trial, '"W": dW', '"W": dW.float().to(dW.dtype)')["dW"]
    assert (found["kind"], found["format"]) == ("precision", "float32")
    assert found["evidence"] == (
        "every value is exactly representable in float32; if backward is meant to compute in float32, "
        "write computes_in: float32 in config.yaml"
    )


@pytest.mark.thorough
def test_a_coarser_format_inside_is_proved_by_errors_that_change_their_signs(trial):
    found = named(trial, '"W": dW', '"W": 3 * (dW / 3).float().to(dW.dtype)')["dW"]
    assert (found["kind"], found["format"]) == ("precision", "float32")
    assert "errors change sign" in found["evidence"]


@pytest.mark.thorough
def test_a_slip_of_the_size_of_a_coarser_format_is_no_rounding(trial):
    found = named(trial, '"W": dW', '"W": dW * (1 + 2**-25)')["dW"]
    assert found["kind"] == "factor"
    assert "format" not in found


@pytest.mark.thorough
def test_zeros_are_no_numbers_of_a_coarser_format(trial):
    assert named(trial, '"W": dW', '"W": 0 * dW')["dW"]["kind"] == "zero"


def test_what_nothing_explains_is_shown_where_it_is_largest(trial):
    waves = "(torch.arange(84.0, dtype=dW.dtype).reshape(7, 12) * 7.7).sin()"
    wrong = f'"W": dW * (1 + 0.1 * {waves}) + 0.01 * dW.cos()'
    found = named(trial, '"W": dW', wrong)["dW"]
    assert found["kind"] == "unknown"
    assert found["name"] == "no known mistake gives these values"
    assert "the difference is largest at index (" in found["evidence"]
    assert "ulps of float64 away" in found["evidence"]


@pytest.mark.parametrize("refused", first_of(["None", "x[0]", "3.0"]))
def test_a_mistake_is_named_beside_a_gradient_that_is_none(trial, refused):
    found = trial.name(
        LINEAR.backward.replace('"x": dx', f'"x": {refused}').replace(
            "dy.T @ x", "dy.T @ x.flip(0)"
        )
    )
    assert found["dx"] is None
    assert found["dW"]["kind"] == "transposed"


@pytest.mark.parametrize(
    ("second", "name"),
    [
        ("twice the first", "backward adds to what an earlier call left"),
        ("other bits", "backward is not a function of its inputs"),
    ],
)
def test_a_second_call_that_differs_is_named_without_a_search(tmp_path, second, name):
    write_tensors(tmp_path / "gradients", {"trial/dx": torch.ones(1)})
    write_json(tmp_path / "facts", {"samples": {"trial": {"gradients": {"dx": {}}}}})
    write_json(tmp_path / "calls", {"second_call": {"x": second}, "refused": {}})
    inputs = ("forward", "backward", "draws", "cotangents", "facts", "calls")
    given: dict[str, Any] = {kind: tmp_path / kind for kind in inputs}
    given |= dict.fromkeys(("manual", "reference"), tmp_path / "gradients")
    name_mistakes(**given, needed=["x"], time_limit=10, mistakes=tmp_path / "found")
    found = read_json(tmp_path / "found")["dx"]
    assert found["kind"] == "accumulated"
    assert found["name"].startswith(name)
    assert found["evidence"] == f"a second call on the same inputs gave {second}"


@pytest.mark.thorough
def test_a_family_that_is_left_out_names_nothing(trial):
    trial.measure(LINEAR.backward.replace('"W": dW', '"W": 2 * dW'))
    facts = read_json(trial.work / "float64/facts.json")
    measured = {"W": Measured.of(facts["samples"]["trial"]["gradients"]["dW"])}
    names = ("draws", "cotangents", "float64/manual", "float64/reference")
    draws, cotangents, manual, reference = (trial.work / f"{name}.safetensors" for name in names)
    files = (trial.forward, trial.backward, draws, cotangents, manual, reference)
    first, second = (
        Search.read(*files, trial.needed, 10, without).named(["W"], ["x", "b"], measured)["W"]
        for without in ([], ["values: factor"])
    )
    assert first.family == "values: factor"
    assert second.family.startswith("backward: ")
