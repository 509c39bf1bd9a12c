from autograd_by_hand.report.sections.sums import Row, SeveralOrders, Way, sums_of
from tests.autograd_by_hand.report.made_up import measurements

KNOWN = {
    "refused": None, "words": "in turn", "fused": "all", "summands": 64,
    "others": 0, "positions": 0, "all": 8,
}  # fmt: skip
NO_ORDER = {"refused": "it is no tree"}  # all that `described_sums` tells of it


def told(torch, numpy):
    return sums_of(
        measurements(sums=[{"name": "dx", "operation": "mm", "torch": torch, "numpy": numpy}])
    )


def test_a_sum_has_both_ways():
    nothing_to_fuse = KNOWN | {"fused": None}
    assert told(KNOWN, nothing_to_fuse).rows == [
        Row("dx", "mm", 64, Way(None, "in turn", "all"), Way(None, "in turn", ""))
    ]


def test_a_sum_that_the_hand_does_not_make_has_no_way_of_numpys():
    assert told(KNOWN, None).rows[0].numpy is None


def test_an_unknown_order_has_its_reason_alone():
    (row,) = told(NO_ORDER, NO_ORDER).rows
    assert row == Row("dx", "mm", None, *[Way("it is no tree", "", "")] * 2)


def test_a_sum_of_several_orders_is_counted_by_position():
    assert told(KNOWN | {"others": 1, "positions": 2}, None).several == [
        SeveralOrders("dx", 2, 8, 1)
    ]
    assert told(KNOWN, None).several == told(NO_ORDER, None).several == []
