"""Gradients as public projects compute them: the right ones are called right.

`tests/operators/public/` has them. Each was once called wrong, or imprecise, although it is right.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograd_by_hand.core.files import read_json
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.verdict.judge import OUTCOMES, ROUNDED
from tests.conftest import TINY
from tests.in_process import begin
from tests.operators.case import Edit, Operator
from tests.operators.public import (
    batch_norm_of_a_course,
    digamma,
    gelu_of_ten_digits,
    lgamma_twice,
    scalar_engine,
    sigmoid_of_four,
    spherical_harmonics,
    svd,
)
from tests.operators.trial import Trial

FULL = ("float64", "float32")  # those in which torch has a singular value decomposition


def trial_of(folder: Path, operator: Operator, dtypes: Any = tuple(FORMATS)) -> Trial:
    """The operator on trial, with its further files."""
    own = folder / "experiments" / TINY
    own.mkdir(parents=True)
    for name, source in operator.files.items():
        (own / name).write_text(source)
    return Trial(folder, operator, 1.0, dtypes)


def verdicts_on(
    trial: Trial, edit: Edit | None = None, *, named: bool = False
) -> dict[tuple[str, str], Any]:
    """The verdicts on the operator's backward, or on an edited one."""
    trial.compute(edit.apply(trial.operator.backward) if edit else trial.operator.backward)
    return trial.verdicts(trial.name() if named else None)


def outcomes(verdicts: dict[tuple[str, str], Any]) -> set[str]:
    return {one["outcome"] for one in verdicts.values()}


@pytest.mark.parametrize(
    "operator", [digamma.OPERATOR, lgamma_twice.OPERATOR], ids=lambda one: one.name
)
def test_a_librarys_trigamma_is_right_and_autograds_is_off(
    operator: Operator, tmp_path: Path
) -> None:
    trial = trial_of(tmp_path, operator)
    verdicts = verdicts_on(trial, named=True)
    assert outcomes(verdicts) == {"right"}
    assert "autograd is off by" in verdicts["float64", "dx"]["reason"]
    assert (
        "torch's derivative of digamma is 4.2e-10 of its size off"
        in (verdicts["float64", "dx"]["reason"])
    )
    for edit in operator.mistakes:
        assert outcomes(verdicts_on(trial, edit)) == {"wrong"}


def test_a_gradient_with_torchs_own_fault_is_named_so_and_nothing_else(tmp_path: Path) -> None:
    backward = """\
import torch


def backward(x, dout):
    return {"x": (dout / 3) * torch.special.polygamma(1, x) * 3}
"""
    trial = trial_of(tmp_path, replace(digamma.OPERATOR, backward=backward))
    verdicts = verdicts_on(trial, named=True)
    told = verdicts["float64", "dx"]
    assert told["outcome"] != "right"
    assert "both are off: torch's derivative of digamma is 4.2e-10" in told["reason"]
    assert told["diagnosis"] == {
        "name": "the gradient has the fault of torch's own derivative",
        "evidence": "but for rounding, backward gives autograd's numbers",
    }
    factor = Edit("a factor", (("* 3}", "* 4}"),))
    named = verdicts_on(trial, factor, named=True)["float64", "dx"]
    assert "torch" not in named["diagnosis"]["name"]


@pytest.mark.thorough
def test_spherical_harmonics_by_other_recursions_are_right(tmp_path: Path) -> None:
    operator = spherical_harmonics.OPERATOR
    trial = trial_of(tmp_path, operator)
    assert outcomes(verdicts_on(trial)) == {"right"}
    for edit in operator.mistakes:
        assert outcomes(verdicts_on(trial, edit)) == {"wrong"}


@pytest.mark.thorough
def test_what_loses_digits_at_one_element_is_imprecise_and_never_wrong(tmp_path: Path) -> None:
    trial = trial_of(tmp_path, spherical_harmonics.NEAR_A_POLE)
    verdicts = verdicts_on(trial, named=True)
    assert outcomes(verdicts) == {"imprecise"}
    for dtype in FULL:
        reason = verdicts[dtype, "dr"]["reason"]
        assert "times the rounding noise" in reason, reason


def test_sums_over_a_set_are_right_and_not_reproducible(tmp_path: Path) -> None:
    operator = scalar_engine.OPERATOR
    trial = trial_of(tmp_path, operator)
    verdicts = verdicts_on(trial, named=True)
    assert outcomes(verdicts) == {"right"}
    told = verdicts["float64", "dW"]
    assert told["calls_differ"].startswith("two calls differ by ")
    assert told["calls_differ"].endswith(" of 36 elements")
    assert told["reason"].startswith(f"not reproducible: {told['calls_differ']}; ")
    for edit in operator.mistakes:
        wrong = verdicts_on(trial, edit, named=True)["float64", "dW"]
        assert wrong["outcome"] == "wrong"
        assert "keeps a state" in wrong["diagnosis"]["name"]


def test_a_gradient_that_is_not_reproducible_gets_through_every_stage(tmp_path: Path) -> None:
    operator = scalar_engine.OPERATOR
    pipeline = begin(
        tmp_path,
        operator.forward,
        operator.backward,
        operator.tensors,
        ["float64"],
        acceptance=[
            {"claim": "right", "verdict": "right"},
            {"claim": "the same bits each time", "second_call": "same_bits"},
        ],
        languages=["en", "es"],
    )
    folder = tmp_path / "experiments" / TINY
    pipeline.make(*(f"experiments/{TINY}/{name}" for name in ("REPORT.md", "REPORT.es.md")))
    report, spanish = ((folder / name).read_text() for name in ("REPORT.md", "REPORT.es.md"))
    assert "**Right.**" in report
    assert "**Not reproducible: d" in report
    assert "| right, not reproducible |" in report
    assert "**No reproducible: d" in spanish
    assert "please report" not in report
    right, same_bits = read_json(folder / "work/judgement.json")["acceptance"]
    assert right["holds"]
    assert not same_bits["holds"]
    assert "two calls differ by" in same_bits["measured"]


@pytest.mark.thorough
def test_a_constant_of_ten_digits_is_found_and_is_no_blunder(tmp_path: Path) -> None:
    operator = gelu_of_ten_digits.OPERATOR
    trial = trial_of(tmp_path, operator)
    verdicts = verdicts_on(trial, named=True)
    told = verdicts.pop(("float64", "dx"))
    assert told["outcome"] == ROUNDED
    assert told["reason"].startswith("right to 1.")
    assert "a constant has 10 digits (line 5: 0.7978845608 for 0.79788456080" in told["reason"]
    assert outcomes(verdicts) == {"right"}  # no other dtype can tell
    (in_float32,) = operator.variants
    told = verdicts_on(trial, in_float32, named=True)["float64", "dx"]
    assert (told["outcome"], told["digits"]) == (ROUNDED, 7)
    for edit in operator.mistakes:
        assert outcomes(verdicts_on(trial, edit, named=True)) == {"wrong"}


def test_rounded_constants_pass_where_the_config_asks_for_no_more(tmp_path: Path) -> None:
    operator = gelu_of_ten_digits.OPERATOR
    rest = (operator.forward, operator.backward, operator.tensors, ["float64"])
    pipeline = begin(tmp_path, *rest, digits=8, languages=["en", "es"])
    folder = tmp_path / "experiments" / TINY
    pipeline.make(*(f"experiments/{TINY}/{name}" for name in ("REPORT.md", "REPORT.es.md")))
    report, spanish = ((folder / name).read_text() for name in ("REPORT.md", "REPORT.es.md"))
    assert "**Rounded constant: dx in float64.** Right to 1." in report
    assert "**Constante redondeada: dx en float64.** Correcto hasta 1." in spanish
    assert read_json(folder / "work/judgement.json")["acceptance"][0]["holds"]


@pytest.mark.parametrize(
    "operator", [sigmoid_of_four.BY_NAME, sigmoid_of_four.BY_FORMULA], ids=lambda one: one.name
)
def test_the_verdict_is_the_same_however_forward_is_spelled(
    operator: Operator, tmp_path: Path
) -> None:
    assert outcomes(verdicts_on(trial_of(tmp_path, operator), named=True)) == {"right"}


@pytest.mark.thorough
def test_the_gradient_of_a_singular_value_decomposition_is_right(tmp_path: Path) -> None:
    operator = svd.OPERATOR
    trial = trial_of(tmp_path, operator, FULL)
    assert outcomes(verdicts_on(trial)) == {"right"}
    for dtype in FULL:
        facts = trial.facts(dtype)["dA"]
        for measure, limit in facts["limits"].items():
            assert facts["autograd"][measure] <= limit, (dtype, measure)
    for edit in operator.mistakes:
        assert outcomes(verdicts_on(trial, edit)) == {"wrong"}


@pytest.mark.thorough
def test_a_forgotten_term_of_the_variance_is_wrong_and_named(tmp_path: Path) -> None:
    operator = batch_norm_of_a_course.OPERATOR
    trial = trial_of(tmp_path, operator)
    assert outcomes(verdicts_on(trial)) == {"right"}
    (edit,) = operator.mistakes
    verdicts = verdicts_on(trial, edit, named=True)
    wrong = {key for key, one in verdicts.items() if one["outcome"] != "right"}
    assert wrong == {(dtype, "dx") for dtype in FORMATS}
    for key in wrong:
        assert verdicts[key]["outcome"] == OUTCOMES[0] == "wrong"
        assert "is missing (treated as a constant)" in verdicts[key]["diagnosis"]["name"]


def test_a_trigamma_that_adds_its_largest_terms_first_is_not_wrong(tmp_path: Path) -> None:
    operator = digamma.OPERATOR
    trial = trial_of(tmp_path, operator)
    (edit,) = operator.variants
    verdicts = verdicts_on(trial, edit, named=True)
    assert {one["outcome"] for (dtype, _), one in verdicts.items() if dtype != "float64"} == {
        "right"
    }
    assert verdicts["float64", "dx"]["outcome"] in ("right", "imprecise")
