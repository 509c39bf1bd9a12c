import pytest
import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.safetensors_torch import write_tensors
from autograd_by_hand.verdict.extended_precision import is_wider_than_float64
from autograd_by_hand.verdict.proof import without_proof
from compute_reference import compute_reference
from tests.stages import FORWARD, NEEDED, write_inputs

NO_PROOF = without_proof("it was not asked for")


def told(arithmetic, fault=None, kinks=()):
    return {"arithmetic": arithmetic, "reason": None, "fault": fault, "kinks": [*kinks]}


def proof_of(error, longdouble=None, fault=None, work=10.0, undetermined=0, kinks=None):
    off = {"error": error, "index": [], "true": 1.0, "autograd": 1.0, "undetermined": undetermined}
    return NO_PROOF | {
        "reason": None,
        "work": work,
        "longdouble": longdouble,
        "fault": fault,
        "kinks": kinks or {},
        "gradients": {"x": off},
    }


def run(folder, dtype, x=2.0, forward=FORWARD, proof=NO_PROOF):
    given = write_inputs(folder, forward=forward)
    write_tensors(given["draws"], {"trial/x": torch.tensor([x]), "trial/W": torch.tensor([3.0])})
    inputs = {name: given[name] for name in ("forward", "draws", "cotangents")}
    inputs["proof"] = folder / "proof.json"
    write_json(inputs["proof"], proof)
    made = {"gradients": folder / "reference", "arithmetic": folder / "arithmetic.json"}
    compute_reference(dtype, **inputs, needed=NEEDED, time_limit=10, **made)
    return read_arrays(made["gradients"]), read_json(made["arithmetic"])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_narrower_format_is_checked_in_float64(tmp_path, dtype):
    values, arithmetic = run(tmp_path, dtype)
    assert arithmetic == told("float64")
    assert {name: value.tolist() for name, value in values.items()} == {
        "trial/result": [18.0],
        "trial/dx": [18.0],
        "trial/dW": [12.0],
    }
    assert {value.dtype.name for value in values.values()} == {"float64"}


def test_the_inputs_are_those_that_the_format_holds(tmp_path):
    values, _ = run(tmp_path, "bfloat16", x=1 + 2.0**-9)  # rounds to 1
    assert values["trial/dx"].tolist() == [9.0]
    values, _ = run(tmp_path, "float32", x=1 + 2.0**-9)
    assert values["trial/dx"].tolist() == [9 * (1 + 2.0**-9)]


def test_float64_is_checked_in_longdouble_and_keeps_what_float64_drops(tmp_path):
    third = "def forward(x, W):\n    return x * W / 3\n"
    values, arithmetic = run(tmp_path, "float64", forward=third)
    assert values["trial/dW"].tolist() == [2 / 3]
    if is_wider_than_float64():
        assert arithmetic == told("longdouble")
        assert 0 < abs(values["trial/dW.tail"][0]) < 2**-53
    else:
        assert arithmetic["reason"] == "longdouble is no wider than double here"


DIGAMMA = "import torch\n\n\ndef forward(x, W):\n    return torch.special.digamma(x) * W\n"
FAULT = {"operation": "digamma", "error": 4e-10}
TRIGAMMA = 0.6449340668482264  # at 2: pi^2 / 6 - 1


def test_where_autograds_rule_is_at_fault_balls_give_the_truth(tmp_path):
    proof = proof_of(4e-10, fault=FAULT, work=1e9)
    values, arithmetic = run(tmp_path, "float64", forward=DIGAMMA, proof=proof)
    assert arithmetic == told("ball arithmetic", FAULT)
    assert abs(values["trial/dx"][0] - 3 * TRIGAMMA) < 1e-15
    assert 0 < abs(values["trial/dx.tail"][0]) < 2**-53


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_fault_that_a_narrow_dtype_cannot_see_changes_nothing_there(tmp_path, dtype):
    proof = proof_of(4e-10, fault=FAULT)
    assert run(tmp_path, dtype, forward=DIGAMMA, proof=proof)[1] == told("float64")


def test_a_fault_that_a_narrow_dtype_sees_counts_there_too(tmp_path):
    proof = proof_of(0.1, fault=FAULT)
    assert run(tmp_path, "float32", forward=DIGAMMA, proof=proof)[1]["fault"] == FAULT


def test_balls_stand_in_for_longdouble_if_that_costs_little(tmp_path):
    proof = proof_of(1e-16)
    _, arithmetic = run(tmp_path, "float64", forward=DIGAMMA, proof=proof)
    assert arithmetic == told("ball arithmetic")
    _, arithmetic = run(tmp_path, "float64", forward=DIGAMMA, proof=proof | {"work": 1e9})
    assert arithmetic["arithmetic"] == "float64"
    assert arithmetic["reason"]


def test_a_precise_longdouble_is_left_as_it_is(tmp_path):
    _, arithmetic = run(tmp_path, "float64", proof=proof_of(1e-13, longdouble=1e-18))
    if is_wider_than_float64():
        assert arithmetic == told("longdouble")


def test_on_a_kink_the_reference_is_autograds_and_has_a_radius(tmp_path):
    relu = "def forward(x, W):\n    return (x - 2).relu() * W\n"
    proof = proof_of(0.0, longdouble=0.0, undetermined=1, kinks={"relu": 1})
    values, arithmetic = run(tmp_path, "float32", forward=relu, proof=proof)
    assert arithmetic == told("ball arithmetic", kinks=["relu"])
    assert values["trial/dx"].tolist() == [0.0]
    assert 3 <= values["trial/dx.radius"][0] < 3.001


def test_where_a_run_has_no_enclosure_the_reference_is_as_before(tmp_path):
    pole = "def forward(x, W):\n    return (x - 2).abs().sqrt() * W\n"
    proof = proof_of(0.1, fault=FAULT)
    assert run(tmp_path, "float32", forward=pole, proof=proof)[1] == told("float64")
