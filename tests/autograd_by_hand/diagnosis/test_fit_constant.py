"""A number is fitted exactly, with as few digits as fit, or not at all."""

import pytest
import torch

from autograd_by_hand.diagnosis.fit_constant import fitted_number

X = torch.linspace(0.5, 2, 7, dtype=torch.float64)


@pytest.mark.parametrize("due", [0.25, 3.0, -1.5])
def test_a_factor_is_fitted_in_one_step(due):
    assert fitted_number(1.0, lambda value: (due - value) * X, 1e-9) == due


@pytest.mark.parametrize("due", [0.3, 0.044715])
def test_a_constant_within_a_function_is_fitted(due):
    assert fitted_number(0.1, lambda value: (due * X).exp() - (value * X).exp(), 1e-7) == due


def test_what_no_number_explains_is_not_fitted():
    assert fitted_number(1.0, lambda value: X.sin() - value * X, 1e-9) is None


def test_a_number_that_changes_nothing_is_not_fitted():
    assert fitted_number(1.0, lambda _: X, 1e-9) is None


def test_a_residual_that_cannot_be_computed_ends_the_fit():
    assert fitted_number(1.0, lambda value: X if value == 1.0 else None, 1e-9) is None
