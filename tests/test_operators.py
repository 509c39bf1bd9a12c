"""The tester tested: correct gradients of many operators pass, mistakes are caught and named.

`make bench` measures the rates, at more scales and beside other tests (tests/bench/trial.py).
"""

from pathlib import Path

import pytest

from autograd_by_hand.floats.rounding import FORMATS
from tests.conftest import thoroughly
from tests.operators import SETS, eight
from tests.operators.case import Operator
from tests.operators.trial import Trial

NAMED_AT_LEAST = 0.85  # of the formula slips, at the first try
EVERY = [one for operators in SETS.values() for one in operators()]
FEW = ("linear_sse",)  # the quickest
# What a correct variant may be called besides right, by name and dtype: it is less accurate than
# autograd.
REJECTED = {
    ("image by image, row of the output by row", "bfloat16"): "imprecise",
    ("matrices of cosines and sines", "float64"): "imprecise",
}
QUICK = ("gelu", "linear_sse", "softmax", "two_layers")  # to name; the bench names all


@pytest.mark.parametrize(
    "operator",
    [
        *(one for one in EVERY if one.name in FEW),
        *thoroughly(one for one in EVERY if one.name not in FEW),
    ],
    ids=lambda operator: operator.name,
)
def test_correct_gradients_pass_and_slips_of_the_formula_are_caught(
    operator: Operator, tmp_path: Path
) -> None:
    trial = Trial(tmp_path, operator, 1.0)
    sources = {"itself": (operator.backward, "")}
    sources |= {
        edit.name: (edit.apply(operator.backward), edit.slip)
        for edit in (*operator.variants, *operator.mistakes)
        if edit.slip != "precision"
    }
    for name, (source, slip) in sources.items():
        trial.compute(source)
        outcomes = {dtype: set[str]() for dtype in FORMATS}
        for (dtype, _), verdict in trial.verdicts().items():
            outcomes[dtype].add(verdict["outcome"])
        for dtype, found in outcomes.items():
            allowed = {"right", REJECTED.get((name, dtype), "right")}
            assert ("wrong" in found) if slip else (set() < found <= allowed), (name, dtype, found)


@pytest.mark.thorough
def test_most_slips_of_the_formula_are_named_right_at_the_first_try(tmp_path: Path) -> None:
    right, unnamed = 0, []
    for operator in (one for one in eight() if one.name in QUICK):
        trial = Trial(tmp_path / operator.name, operator, 1.0)
        for edit in operator.mistakes:
            if edit.slip in ("precision", "accumulated"):
                continue
            named = trial.name(edit.apply(operator.backward))
            kinds = {one["kind"] for one in named.values() if one}
            if kinds & set(edit.slip.split("|")):
                right += 1
            else:
                unnamed.append((operator.name, edit.name, kinds))
    assert right / (right + len(unnamed)) >= NAMED_AT_LEAST, unnamed
