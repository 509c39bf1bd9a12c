import pytest

from autograd_by_hand.report.sections.proof import proof_of
from tests.autograd_by_hand.report.made_up import DTYPES, measurements, replay

MISSED = [{"tensor": "dx", "data": "experiment", "elements": 6, "identical": 5, "first": None}]


def proof(first, second):
    return proof_of(measurements(replay={"float32": first, "float16": second}))


def test_all_is_proved_where_every_format_is():
    told = proof(replay(), replay())
    assert (told.reach, told.from_inputs, told.tensors) == ("every bit", True, ["dx"])
    assert (told.proved, told.unproved, told.given) == (DTYPES, [], [])


def test_what_is_taken_as_given_leaves_the_sums():
    told = proof(replay(), replay(given={"tanh": 2, "exp": 1}))
    assert (told.reach, told.from_inputs, told.given) == ("every sum", False, ["tanh", "exp"])


@pytest.mark.parametrize(
    "missing",
    [
        {"constants": ["db"]},
        {"refused": [{"tensor": "dx", "op": "aten.mm.default", "reason": "no tree"}]},
        {"others": [["trial", 4]]},
        {"tensors": MISSED},
    ],
    ids=lambda missing: next(iter(missing)),
)
def test_anything_else_that_is_missing_leaves_the_formats_that_are_proved(missing):
    told = proof(replay(), replay(**missing))
    assert (told.reach, told.proved, told.unproved) == ("some formats", ["float32"], ["float16"])
    assert proof(replay(**missing), replay(**missing)).reach == "no format"
