"""Compare this project's verdicts with the usual tests on right and wrong gradients of many operators.

Each operator's gradient, its correct variants and its mistakes are judged at four scales of the
inputs and in four dtypes. A mistake counts only if it is live: its formula is off by more than 1e-10
of the norm in float64, or, for a mistake of precision, its error in the dtype is at least four times
that of the same gradient without the mistake. A correct variant that gives inf or nan where autograd
gives a number, in the dtype or in float64, counts as a mistake of precision. Where autograd itself
gives inf or nan in float64 (for an exponential of inputs of 1000, say), no gradient can be judged:
the operator is left out at that scale and listed. So it is where a stage refuses it; the sentence is
listed as well. A dtype may be too coarse to see a mistake that fails the experiment in another one:
the second row counts a case as caught, or rejected, if any of its dtypes does.

The other tests see the same numbers: torch's assert_close and allclose with their default
tolerances and flash-attention's rule (at most twice autograd's own greatest error) all runs,
gradcheck (in its fast mode) the first run.

Usage: python -m tests.bench.trial [eight | twelve | third | fourth | algorithms] [operator ...]
"""

import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.gradcheck import ask
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.experiment.vjp import load_backward
from autograd_by_hand.floats.rounding import FORMATS
from autograd_by_hand.storage.safetensors_torch import read_tensors
from autograd_by_hand.verdict.judge import ROUNDED
from tests.operators import asked
from tests.operators.case import Edit, Operator
from tests.operators.trial import LIMIT, LINEAR, Trial

SCALES = (1e-3, 1.0, 1e3, LINEAR)
LIVE = 1e-10  # of the norm, in float64
WORSE = 4.0  # times the error of the same gradient without a mistake of precision

REFUSED = frozenset({"wrong", "imprecise", ROUNDED})
ANY = "the same, in any dtype"

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]


def main(operators: list[Operator]) -> None:
    """Judge all cases and print the rates as a table in Markdown."""
    seen: dict[tuple[str, str, str], list[bool]] = defaultdict(list)  # who, format, question
    missed, alarms, named, left_out = list[str](), list[str](), list[bool](), list[str]()
    for operator in operators:
        for scale in SCALES:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    trial = Trial(Path(folder), operator, scale)
                except UserError as error:
                    left_out.append(f"{operator.name} at {scale}: {error}")
                else:
                    if _has_numbers(trial.values("float64")["autograd"]):
                        _judge(trial, scale, seen, missed, alarms, named)
                    else:
                        left_out.append(f"{operator.name} at {scale}")
            print(f"{operator.name} at {scale}", file=sys.stderr, flush=True)
    print("| | " + " | ".join(FORMATS) + " |\n|---|" + "---|" * len(FORMATS))
    for who in ("autograd-by-hand", ANY, *OTHERS):
        cells = [
            _cell(seen[who, dtype, "caught"], seen[who, dtype, "rejected"]) for dtype in FORMATS
        ]
        print(f"| {who} | " + " | ".join(cells) + " |")
    for question, words in (
        ("caught", "live wrong gradients"),
        ("rejected", "correct gradients"),
        ("unresolved wrong", "of the wrong: unresolved"),
        ("unresolved right", "of the correct: unresolved"),
    ):
        cells = [
            f"{sum(found)}" if "unresolved" in question else f"{len(found)}"
            for found in (seen["autograd-by-hand", dtype, question] for dtype in FORMATS)
        ]
        print(f"| {words} | " + " | ".join(cells) + " |")
    print(f"\nNamed right, of formula mistakes at scale 1: {sum(named)} of {len(named)}")
    for title, cases in (("Left out", left_out), ("Missed", missed), ("False alarms", alarms)):
        print(f"{title}: {len(cases)}", *cases, sep="\n  ")


def _cell(caught: list[bool], rejected: list[bool]) -> str:
    rates = (f"{100 * np.mean(one):.1f} %" if one else "-" for one in (caught, rejected))
    return " / ".join(rates)


def _judge(
    trial: Trial,
    scale: float | str,
    seen: dict[tuple[str, str, str], list[bool]],
    missed: list[str],
    alarms: list[str],
    named: list[bool],
) -> None:
    """Judge an operator's gradients at one scale, here and by the others."""
    operator = trial.operator
    right = Edit("the gradient itself", ())
    plain: dict[str, Arrays] = {}
    for edit in (right, *operator.variants, *operator.mistakes):
        trial.compute(edit.apply(operator.backward))
        values = {dtype: trial.values(dtype) for dtype in FORMATS}
        manuals = {dtype: one["manual"] for dtype, one in values.items()}
        plain = plain or manuals
        lost_in_float64 = not _has_numbers(manuals["float64"])
        formula_mistake = edit.slip not in ("", "precision")
        live = formula_mistake and (
            edit.slip == "accumulated" or _differs(manuals["float64"], plain["float64"])
        )
        by_name = scale == 1.0 or not formula_mistake  # elsewhere the outcome is all that counts
        mistakes = trial.name() if by_name else None
        if mistakes and live and scale == 1.0 and edit.slip != "accumulated":
            kinds = {one["kind"] for one in mistakes.values() if one}
            named.append(bool(kinds & set(edit.slip.split("|"))))
        verdicts = trial.verdicts(mistakes)
        fails = any(one["outcome"] in REFUSED for one in verdicts.values())
        for dtype in FORMATS:
            outcomes = [
                one["outcome"] for (format_, _), one in verdicts.items() if format_ == dtype
            ]
            lost = lost_in_float64 or _lost(manuals[dtype], values[dtype]["autograd"])
            if formula_mistake:
                wrong = live
            elif edit.slip:
                wrong = lost or _worse(manuals[dtype], plain[dtype], values[dtype]["reference"])
            else:
                wrong = lost
            if edit.slip and not wrong:
                continue  # it does no harm here
            question = "caught" if wrong else "rejected"
            refused = not REFUSED.isdisjoint(outcomes)
            seen["autograd-by-hand", dtype, question].append(refused)
            seen[ANY, dtype, question].append(fails)
            unresolved = not refused and "unresolved" in outcomes
            seen["autograd-by-hand", dtype, f"unresolved {'wrong' if wrong else 'right'}"].append(
                unresolved
            )
            where = f"{operator.name}, {edit.name}, {scale}, {dtype}: {'/'.join(outcomes)}"
            if wrong and not refused:
                missed.append(where)
            if not wrong and refused:
                alarms.append(where)
            for who, reject in OTHERS.items():
                verdict = reject(trial, dtype)
                if verdict is not None:
                    seen[who, dtype, question].append(verdict)


def _is_gradient(key: str) -> bool:
    """Whether a key is that of a gradient: none of an output, a tail, a radius or a second call."""
    return "/d" in key and "." not in key


def _gradients(arrays: Arrays) -> Arrays:
    return {key: np.asarray(one, np.float64) for key, one in arrays.items() if _is_gradient(key)}


def _differs(first: Arrays, second: Arrays) -> bool:
    pairs = [(one, second[key]) for key, one in first.items() if _is_gradient(key)]
    return any(not np.linalg.norm(a - b) <= LIVE * np.linalg.norm(b) for a, b in pairs)


def _worse(manual: Arrays, plain: Arrays, reference: Arrays) -> bool:
    """Whether a gradient is several times as far from the reference as another."""
    for key, truth in _gradients(reference).items():
        error, usual = (np.linalg.norm(_gradients(one)[key] - truth) for one in (manual, plain))
        if not error <= WORSE * usual and not error <= np.finfo(np.float64).eps * np.linalg.norm(
            truth
        ):
            return True
    return False


def _has_numbers(arrays: Arrays) -> bool:
    return all(bool(np.isfinite(one).all()) for one in _gradients(arrays).values())


def _lost(manual: Arrays, autograd: Arrays) -> bool:
    """Whether an element is inf or nan where autograd's is finite."""
    return any(
        bool((~np.isfinite(_gradients(manual)[key]) & np.isfinite(theirs)).any())
        for key, theirs in _gradients(autograd).items()
    )


# the usual tests, each on the gradients that were computed last


def _assert_close(trial: Trial, dtype: str) -> bool:
    try:
        for ours, theirs in _pairs(trial, dtype):
            torch.testing.assert_close(ours, theirs, equal_nan=True)
    except AssertionError:
        return True
    return False


def _allclose(trial: Trial, dtype: str) -> bool:
    return not all(torch.allclose(*pair, equal_nan=True) for pair in _pairs(trial, dtype))


def _pairs(trial: Trial, dtype: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    ours = trial.gradients[dtype]
    theirs = read_tensors(trial.work / dtype / "autograd.safetensors")
    return [(one, theirs[key]) for key, one in ours.items() if _is_gradient(key)]


def _twice(trial: Trial, dtype: str) -> bool | None:
    if dtype == "float64":
        return None  # there is no wider run to compare with
    values = trial.values(dtype)
    manual, autograd, reference = (
        _gradients(values[kind]) for kind in ("manual", "autograd", "reference")
    )
    for key, truth in reference.items():
        ours, theirs = (np.abs(one[key] - truth).max() for one in (manual, autograd))
        if not ours <= 2 * theirs:
            return True
    return False


def _gradcheck(trial: Trial, dtype: str) -> bool:
    tensors = {
        name: cast(value, torch_dtype(dtype)) for name, value in trial.runs[0].tensors.items()
    }
    forward = load_function(trial.forward, "forward", trial.given, LIMIT)
    by_hand = load_backward(
        trial.backward, trial.given, ["dout"], trial.needed, torch_dtype(dtype), LIMIT
    )
    try:
        return (
            ask(
                lambda **given: {"dout": forward(**given)},
                by_hand,
                tensors,
                trial.needed,
                fast=True,
            )
            is not None
        )
    except UserError:  # it gives up on inf and nan
        return True


OTHERS: dict[str, Callable[[Trial, str], bool | None]] = {
    "torch.testing.assert_close": _assert_close,
    "torch.allclose": _allclose,
    "gradcheck, fast": _gradcheck,
    "twice autograd's error": _twice,
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # gradcheck warns of every format but float64
    # When gradcheck objects, it does all of it again slowly, for its message, which is not wanted.
    slow = "_run_slow_mode_and_get_error"
    setattr(sys.modules["torch.autograd.gradcheck"], slow, lambda *_: "")
    main(asked(sys.argv[1:]))
