import pytest

from autograd_by_hand.replay.attribution import FACTORS, OTHER
from autograd_by_hand.report.factors import CAUSES, shares_by_cause, shares_of_gradient
from tests.autograd_by_hand.report.made_up import attribution, shares


def test_every_factor_is_part_of_one_cause():
    parts = [factor for factors in CAUSES.values() for factor in factors]
    assert sorted(parts) == sorted([*FACTORS, OTHER])


def test_shares_are_those_of_one_gradient():
    own = attribution(shares=shares(dx={"forward_fma": 0.5}, dW=None))
    assert shares_of_gradient(own, "dx")["forward_fma"] == 0.5
    assert set(shares_of_gradient(own, "dW").values()) == {None}
    assert shares_of_gradient(attribution(shares=[]), "dx") == {}


def test_a_cause_has_the_sum_of_its_factors():
    found = shares_by_cause({"forward_order": 0.5, "backward_order": -0.25, "backward_fma": None})
    assert found == pytest.approx({"order": 0.25, "fma": 0.0, "rounding": 0.0, "other": 0.0})
