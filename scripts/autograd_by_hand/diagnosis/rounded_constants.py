"""Find the constants of a backward that are right but for digits that were left out.

`0.7978845608` for sqrt(2 / pi) leaves a gradient right to ten digits. So small a change of a
constant changes the gradient in proportion, and least squares over the gradient's error give the
digits that are missing. A constant that float32 cannot tell from the true one was rounded; any
other is another number.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message, joined
from autograd_by_hand.diagnosis.backward_groups import Group, Makes
from autograd_by_hand.diagnosis.backward_search import BackwardRun
from autograd_by_hand.diagnosis.backward_sites import ManualBackward
from autograd_by_hand.diagnosis.forward_edits import with_argument
from autograd_by_hand.diagnosis.mistake import Mistake
from autograd_by_hand.diagnosis.repairs_constants import ARITHMETIC
from autograd_by_hand.diagnosis.value_patterns import Values

ROUNDED = 2.0**-24  # relative to a constant: what float32 cannot tell from it
NEARLY = 1e-6  # relative to a gradient: a greater error is not that of a constant's last digits
NUDGE = 2.0**-20
TOGETHER = 2  # constants that may be rounded at once
FEWEST, MOST = 7, 15  # significant digits of a constant that was rounded
IN_FLOAT32 = 7


@dataclass(frozen=True)
class _Constant:
    """A number in backward, and its uses: the groups of steps, with the argument's place."""

    value: float
    uses: list[tuple[Group, int]]

    def makes(self, value: float) -> Makes:
        made: Makes = {}
        for group, place in self.uses:
            made |= group.makes(partial(with_argument, place=place, value=value))
        return made

    @property
    def digits(self) -> int:
        """How many significant digits it has; 7 if it is a number of float32 that has many."""
        count = len(Decimal(repr(self.value)).normalize().as_tuple().digits)
        return IN_FLOAT32 if count > MOST and float(np.float32(self.value)) == self.value else count


def rounded_constants(
    runs: list[BackwardRun], values: Mapping[str, Values | None]
) -> dict[str, Mistake]:
    """The mistake of rounded constants in each gradient that other constants make the true one.

    runs: of backward, executed again with other constants; none if it could not be traced
    values: the gradients that are nearly right, by tensor
    """
    each = {
        name: _rounded(runs, name, one.tolerance) for name, one in values.items() if one and runs
    }
    return {name: mistake for name, mistake in each.items() if mistake}


def _rounded(runs: list[BackwardRun], name: str, tolerance: float) -> Mistake | None:
    error = torch.cat([(run.manual[name] - run.truth[name]).flatten() for run in runs])
    every = [*_constants(ManualBackward(runs[0].trace, []))]
    slopes = {
        number: slope
        for number, constant in enumerate(every)
        if (slope := _slope(runs, name, constant)) is not None and slope.any()
    }
    for count in range(1, TOGETHER + 1):
        for chosen in combinations(slopes, count):
            matrix = torch.stack([slopes[number] for number in chosen], -1)
            changes = torch.linalg.lstsq(matrix, error[:, None]).solution[:, 0].tolist()
            found = [
                (every[number], every[number].value - change)
                for number, change in zip(chosen, changes, strict=True)
            ]
            if any(abs(true - one.value) > ROUNDED * abs(one.value) for one, true in found):
                continue
            if all(_left_over(run, name, found) <= tolerance for run in runs):
                return _mistake(found, count)
    return None


def _constants(backward: ManualBackward) -> Iterator[_Constant]:
    """The constants that may have been rounded, each with all its uses."""
    uses: dict[float, dict[tuple[int, int], tuple[Group, int]]] = {}
    for group in backward.groups:
        for place, arg in enumerate(group.first.args if group.first.name in ARITHMETIC else ()):
            if type(arg) is float and arg:
                uses.setdefault(arg, {})[group.number, place] = (group, place)
    for value, where in uses.items():
        constant = _Constant(value, [*where.values()])
        if FEWEST <= constant.digits <= MOST:
            yield constant


def _slope(runs: list[BackwardRun], name: str, constant: _Constant) -> Tensor | None:
    """The derivative of the gradient by a constant, over all runs."""
    step = NUDGE * constant.value
    moved = [run.trace.again(constant.makes(constant.value + step)) for run in runs]
    if any(one is None for one in moved):
        return None
    parts = [one[name] - run.manual[name] for run, one in zip(runs, moved, strict=True) if one]
    return torch.cat([part.flatten() for part in parts]) / step


def _left_over(run: BackwardRun, name: str, found: list[tuple[_Constant, float]]) -> float:
    makes: Makes = {}
    for constant, true in found:
        makes |= constant.makes(true)
    return run.left_over(name, run.trace.again(makes))


def _mistake(found: list[tuple[_Constant, float]], count: int) -> Mistake:
    digits = min(constant.digits for constant, _ in found)
    each = [
        Message(
            "line {line}: {value} for {true}",
            line=constant.uses[0][0].first.site.line,
            value=repr(constant.value),
            true=f"{true:.{constant.digits + 3}g}",
        )
        for constant, true in found
    ]
    name = Message(
        "a constant has {digits} digits ({which})", digits=digits, which=joined("; ", each)
    )
    if count > 1:
        name = Message(
            "{count} constants have {digits} digits or more ({which})",
            count=count,
            digits=digits,
            which=joined("; ", each),
        )
    evidence = Message("with all their digits, backward gives the true gradient")
    return Mistake("constant", name, evidence, "rounded constants", digits=digits)
