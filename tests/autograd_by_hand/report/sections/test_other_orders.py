from autograd_by_hand.report.sections.other_orders import Kept, OtherOrder, other_orders_of
from tests.autograd_by_hand.report.made_up import attribution, measurements


def test_each_order_has_what_the_gradients_keep_of_autograds_bits():
    rows = [
        {"order": order, "gradient": name, "elements": 8, "identical": kept, "max_abs": 0.5}
        for order, kept in (("reversed", 2), ("pairwise", 8))
        for name in ("dW", "dx")
    ]
    traced = {"float32": attribution(counterfactuals=rows), "float16": attribution()}
    assert other_orders_of(measurements(attribution=traced)) == [
        OtherOrder("reversed", [Kept(0.25, 0.5)] * 2),
        OtherOrder("pairwise", [Kept(1.0, 0.5)] * 2),
    ]


def test_without_a_sum_there_are_no_orders():
    row = {"order": "reversed", "gradient": "dx", "elements": 8, "identical": 2, "max_abs": 0.5}
    traced = {"float32": attribution(counterfactuals=[row], backward=[]), "float16": attribution()}
    assert other_orders_of(measurements(attribution=traced)) == []


def test_where_nothing_was_tried_there_are_no_orders():
    assert other_orders_of(measurements()) == []
