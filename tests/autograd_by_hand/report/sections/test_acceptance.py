import pytest

from autograd_by_hand.report.sections.acceptance import Criterion, acceptance_of
from tests.autograd_by_hand.report.made_up import measurements


@pytest.mark.parametrize(("second", "all_hold"), [(True, True), (False, False)])
def test_all_hold_if_each_does(second, all_hold):
    rows = [
        {"criterion": "A", "measured": "a", "holds": True},
        {"criterion": "B", "measured": "b", "holds": second},
    ]
    acceptance = acceptance_of(measurements(judgement={"verdicts": [], "acceptance": rows}))
    assert acceptance.criteria == [Criterion(True, "A", "a"), Criterion(second, "B", "b")]
    assert acceptance.all_hold is all_hold
