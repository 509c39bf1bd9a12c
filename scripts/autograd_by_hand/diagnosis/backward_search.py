"""Find the one change to the manual backward that gives the true gradients.

Backward is executed again, step by step, with one expression changed (`diagnosis.repair`). A
change that corrects the gradients identifies the mistake and its line in the code. Everything is
computed in float64, where no change fits by chance.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from time import process_time

import torch
from torch import Tensor

from autograd_by_hand.aten.torch_private import silence_vmap
from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_sites import ManualBackward
from autograd_by_hand.diagnosis.backward_trace import BackwardSteps
from autograd_by_hand.diagnosis.fit_constant import fitted_number
from autograd_by_hand.diagnosis.mistake import Explanation
from autograd_by_hand.diagnosis.repair import Repair, Repairs, Sweep
from autograd_by_hand.diagnosis.repairs_constants import fitted, places
from autograd_by_hand.diagnosis.repairs_expressions import (
    factors,
    functions,
    layouts,
    moved,
    terms,
)
from autograd_by_hand.diagnosis.repairs_operands import forwards, swaps, values
from autograd_by_hand.diagnosis.repairs_operations import operations, sums
from autograd_by_hand.diagnosis.time_budget import until

# In the order in which they are tried: of the repairs that correct equally many gradients, the
# first gives the name.
FAMILIES: dict[str, Callable[[ManualBackward], Repairs]] = {
    "values": values,
    "swaps": swaps,
    "sums": sums,
    "operations": operations,
    "places": places,
    "functions": functions,
    "factors": factors,
    "layouts": layouts,
    "terms": terms,
    "moved": moved,
}
FITTED = "constants"  # the family whose numbers are fitted
Gradients = dict[str, Tensor]
PATIENCE = 5.0  # seconds of CPU time
LARGEST = 2**20  # elements of the candidates that are tried at once
FACTORS = (2.0, 0.5, -1.0, -2.0, -0.5)  # that may be wrong as well


@dataclass(frozen=True)
class BackwardRun:
    """One run in float64: the manual backward's steps, its gradients and the true ones."""

    trace: BackwardSteps
    manual: Gradients
    truth: Gradients

    def left_over(self, name: str, given: Gradients | None, factor: float = 1.0) -> float:
        """The fraction of a gradient's error that remains after a repair and a factor."""
        if given is None or given[name].shape != self.truth[name].shape:
            return torch.inf
        manual, truth = self.manual[name], self.truth[name]
        return float((factor * given[name] - truth).norm() / (manual - truth).norm())

    def stays(self, right: list[str], given: Gradients | None) -> bool:
        """Whether the gradients that were right are still right."""
        return given is not None and all(
            given[name].shape == self.truth[name].shape
            and torch.allclose(given[name], self.truth[name], rtol=1e-6, atol=1e-9)
            for name in right
        )

    def factor(self, name: str, given: Gradients | None) -> float:
        """The simple factor by which a repaired gradient is still off; 0 if there is none."""
        if given is None or given[name].shape != self.truth[name].shape:
            return 0.0
        size = float((given[name] * given[name]).sum())
        factor = float((given[name] * self.truth[name]).sum()) / size if size else 0.0
        return next((one for one in FACTORS if abs(factor - one) < 1e-9), 0.0)


def find_repairs(
    runs: list[BackwardRun],
    wrong: list[str],
    right: list[str],
    tolerance: float,
    without: Collection[str] = (),
    *,
    by_forward: bool = False,
) -> dict[str, Explanation]:
    """Find the repair that corrects most of the wrong gradients, and then those for the rest.

    runs: the search uses the first, the others confirm
    wrong, right: the gradients to repair, and those that no repair may change
    tolerance: the fraction of the error that may remain
    without: the families that are not tried
    by_forward: try only to replace backward's values by forward's
    """
    backward = ManualBackward(runs[0].trace, right)
    found, nearly = dict[str, Explanation](), dict[str, Explanation]()
    end = process_time() + PATIENCE
    silence_vmap()
    with torch.no_grad():
        for family in ("forwards",) if by_forward else (*FAMILIES, FITTED):
            rest = [name for name in wrong if name not in found]
            if family in without or not rest:
                continue
            if family == FITTED:
                repairs: Repairs = _fits(runs[0], backward, rest, tolerance, end)
            else:
                repairs = forwards(backward) if by_forward else FAMILIES[family](backward)
            likely = _likely(runs[0], rest, tolerance, until(repairs, end), end)
            exact, scaled = _best(runs, rest, right, tolerance, family, likely)
            found |= exact
            nearly = scaled | nearly
    return nearly | found


def _best(
    runs: list[BackwardRun],
    wrong: list[str],
    right: list[str],
    tolerance: float,
    family: str,
    repairs: Iterator[Repair],
) -> tuple[dict[str, Explanation], dict[str, Explanation]]:
    """For each gradient, the first of the repairs that correct the most gradients.

    returns: the repairs that correct it, and those that correct it up to a factor
    """
    found: dict[bool, dict[str, tuple[int, Explanation]]] = {}
    for repair in repairs:
        first = runs[0].trace.again(repair.makes)
        for factor in {1.0, *(runs[0].factor(name, first) for name in wrong)} - {0.0}:
            names = [name for name in wrong if runs[0].left_over(name, first, factor) < tolerance]
            if not names:
                continue
            given = [first, *(run.trace.again(repair.makes) for run in runs[1:])]
            left = {
                name: max(
                    run.left_over(name, one, factor) for run, one in zip(runs, given, strict=True)
                )
                for name in names
            }
            names = [name for name in names if left[name] < tolerance]
            if not all(run.stays(right, one) for run, one in zip(runs, given, strict=True)):
                continue
            best = found.setdefault(factor == 1.0, {})
            for name in names:
                if name not in best or best[name][0] < len(names):
                    kind, words = repair.describe()
                    if factor != 1.0:
                        words = Message(
                            "{what}, and there is an extra factor of {factor}",
                            what=words,
                            factor=f"{1 / factor:.6g}",
                        )
                    best[name] = len(names), Explanation(kind, words, left[name], family)
            if factor == 1.0 and len(names) == len(wrong):
                return {name: repaired for name, (_, repaired) in best.items()}, {}
    exact, scaled = (
        {name: repaired for name, (_, repaired) in found.get(as_it_is, {}).items()}
        for as_it_is in (True, False)
    )
    return exact, scaled


def _likely(
    run: BackwardRun,
    wrong: list[str],
    tolerance: float,
    repairs: Iterator[Repair | Sweep],
    end: float,
) -> Iterator[Repair]:
    """The repairs; of a sweep, only those that may fit, which one batched call finds."""
    for one in repairs:
        if isinstance(one, Repair):
            yield one
            continue
        size = max(1, LARGEST // max(1, one.operand.shape.numel()))
        for start in until(range(0, len(one.others), size), end):
            for number in _that_may_fit(run, wrong, tolerance, one, start, start + size):
                yield one.repair(number)


def _that_may_fit(
    run: BackwardRun, wrong: list[str], tolerance: float, sweep: Sweep, start: int, stop: int
) -> list[int]:
    """The numbers, from start to stop, of a sweep's repairs that may correct a gradient."""
    numbers = [*range(len(sweep.others))[start:stop]]
    own = run.trace.steps.values
    many = torch.stack([sweep.others[number][0](own) for number in numbers])
    if not numbers or not many.is_floating_point():
        return numbers

    def gradients(other: Tensor) -> tuple[Tensor, ...]:
        made = run.trace.made(sweep.makes(lambda _: other), nothing=(other * 0).sum())
        return tuple(made[name] for name in wrong)

    try:
        made = torch.vmap(gradients)(many)
    except Exception:  # noqa: BLE001 - not every operation can be batched, or has all the values
        return numbers
    may = torch.zeros(len(numbers), dtype=torch.bool)
    for name, given in zip(wrong, made, strict=True):
        manual, truth = run.manual[name].flatten(), run.truth[name].flatten()
        if given[0].numel() != truth.numel():
            continue
        rows, size = given.flatten(1), float(truth @ truth)
        enough = (2 * tolerance * float((manual - truth).norm())) ** 2 + 1e-12 * size
        squares, products = (rows * rows).sum(1), rows @ truth
        for factor in (1.0, *FACTORS):
            may |= factor**2 * squares - 2 * factor * products + size < enough
    return [number for number, fits in zip(numbers, may.tolist(), strict=True) if fits]


def _fits(
    run: BackwardRun, backward: ManualBackward, wrong: list[str], tolerance: float, end: float
) -> Iterator[Repair]:
    """The repairs that replace a number, fitted to all gradients that depend on it."""
    for start, repair in until(fitted(backward), end):  # most of them fit nothing
        below = run.trace.below(repair(start).makes)
        names = [name for name in wrong if run.trace.gradients[name].place in below]
        if names:
            enough = tolerance * float(_together(run.manual, run.truth, names).norm())
            value = fitted_number(start, partial(_residual, run, names, repair), enough)
            if value is not None:
                yield repair(value)


def _residual(
    run: BackwardRun, names: list[str], repair: Callable[[float], Repair], value: float
) -> Tensor | None:
    given = run.trace.again(repair(value).makes)
    if given is None or any(given[name].shape != run.truth[name].shape for name in names):
        return None
    return _together(given, run.truth, names)


def _together(given: Gradients, truth: Gradients, names: list[str]) -> Tensor:
    """The errors of several gradients, as one vector."""
    return torch.cat([(truth[name] - given[name]).flatten() for name in names])
