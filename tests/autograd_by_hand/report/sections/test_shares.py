from autograd_by_hand.report.sections.shares import InDtype, shares_of
from tests.autograd_by_hand.report.made_up import attribution, measurements, shares


def test_each_gradient_has_its_share_by_factor():
    first = attribution(shares=shares(dx={"forward_order": 0.75}, dW=None))
    told = shares_of(measurements(attribution={"float32": first, "float16": attribution()}))
    assert told.runs == 5
    of_dx, of_dw = told.formats[0].rows
    assert (of_dx.shares["forward_order"], of_dx.shares["backward_fma"]) == (0.75, 0.0)
    assert set(of_dw.shares.values()) == {None}
    assert list(of_dx.shares) == told.factors


def test_a_format_that_was_not_traced_has_its_reason_and_no_rows():
    refused = attribution(refused="no order", runs=0, shares=[])
    told = shares_of(measurements(attribution={"float32": refused, "float16": attribution()}))
    assert told.runs is None
    assert told.formats[0] == InDtype("float32", "no order", [])
    assert len(told.formats[1].rows) == 2
