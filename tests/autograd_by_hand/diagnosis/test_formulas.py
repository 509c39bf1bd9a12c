"""A formula is written as what it computes."""

import pytest
import torch

from autograd_by_hand.diagnosis.formulas import FORMULAS, WORDED, written

Z = torch.linspace(0.1, 0.9, 6, dtype=torch.float64).reshape(2, 3)
NAMES = {name: getattr(torch, name) for name in ("sign", "abs", "sqrt", "exp", "log", "relu")}
NAMES |= {name: getattr(torch, name) for name in ("tanh", "sigmoid", "conj")}
NAMES |= {name: getattr(torch.nn.functional, name) for name in ("silu", "gelu")}
NAMES["softmax"] = lambda z: z.softmax(-1)


@pytest.mark.parametrize("formula", [one for one in FORMULAS if one not in WORDED])
def test_a_formula_in_code_computes_what_it_says(formula):
    assert torch.allclose(FORMULAS[formula](Z), eval(formula, NAMES | {"z": Z}).double())  # noqa: S307


@pytest.mark.parametrize(("formula", "function"), [("gelu'(z)", "gelu"), ("silu'(z)", "silu")])
def test_a_derivative_is_that_of_the_function(formula, function):
    by, apply = 1e-6, NAMES[function]
    assert torch.allclose(FORMULAS[formula](Z), (apply(Z + by) - apply(Z - by)) / (2 * by))


def test_a_formula_is_written_with_a_value_in_the_place_of_z():
    assert written("z * (1 - z)", "h") == "h * (1 - h)"
    assert written("softmax(z), first axis", "h") == "softmax(h) along the first axis"
    assert written("silu'(z)", "h") == "the derivative of silu at h"
