from autograd_by_hand.report.sections.tails import Furthest, Tail, tails_of
from tests.autograd_by_hand.report.made_up import measurements, tails


def test_counts_stand_in_the_columns_and_the_furthest_element_below():
    greatest = {"ulps": 3.5, "run": 7, "index": [1, 2], "hand": 1.25, "true": 1.5}
    found = tails(
        counts={"0": 1, "2^0": 2, "2^2": 3, "inf": 4},
        overflow=5,
        zeros=6,
        subnormal=7,
        greatest=greatest,
    )
    told = tails_of(measurements(tails={"float32": found, "float16": tails()}))
    assert [(row.gradient, row.dtype) for row in told.rows] == [
        ("dx", "float32"),
        ("dx", "float16"),
        ("dW", "float32"),
        ("dW", "float16"),
    ]
    assert told.rows[0] == Tail("dx", "float32", [1, 0, 2, 0, 3, 0, 0, 0, 4], 5, 6, 7)
    assert told.furthest == [
        Furthest(name, "float32", 3.5, 7, "1, 2", 1.25, 1.5) for name in ("dx", "dW")
    ]
