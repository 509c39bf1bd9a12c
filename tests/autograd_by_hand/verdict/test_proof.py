"""What a proof tells about the arithmetic of the reference."""

import pytest

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.verdict.proof import Proof, takes_balls, without_proof


def proof(error: float, undetermined: int = 0, longdouble: float | None = None) -> Proof:
    """Of one gradient; it costs little to compute in ball arithmetic."""
    against = {"error": error, "index": [], "true": 1.0, "autograd": 1.0}
    own = {"dx": against | {"undetermined": undetermined}}
    return without_proof("") | {"gradients": own, "longdouble": longdouble}  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (proof(1e-20), False),
        (proof(1e-3), True),
        (proof(1e-3, longdouble=1e-20), False),
        (proof(1e-20, undetermined=1), True),
        (proof(float("inf")), True),
        (proof(float("nan"), undetermined=1), True),
        (proof(1e-20, longdouble=float("inf")), True),
    ],
)
def test_balls_are_taken_where_nothing_cheaper_is_precise_enough(tmp_path, found, expected):
    write_json(tmp_path / "proof.json", found)
    for one in (found, read_json(tmp_path / "proof.json")):
        assert takes_balls(one, "float64", 3) == expected


def test_there_are_none_without_a_proof():
    assert not takes_balls(without_proof("no"), "float64", 3)
