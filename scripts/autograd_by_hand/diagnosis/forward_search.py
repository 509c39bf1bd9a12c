"""Find the one change to forward whose true gradient is the manual gradient.

Forward is executed again, step by step, with one step changed (`diagnosis.mistakes_*`), and
differentiated by autograd. A change that gives exactly the manual gradient identifies the mistake.
Everything is computed in float64, where no change fits by chance.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from time import process_time

import torch
from torch import Tensor

from autograd_by_hand.diagnosis.fit_constant import fitted_number
from autograd_by_hand.diagnosis.forward_edits import Change, edges
from autograd_by_hand.diagnosis.mistake import Explanation
from autograd_by_hand.diagnosis.mistakes_constants import constants
from autograd_by_hand.diagnosis.mistakes_cotangents import flows, unmultiplied, unused
from autograd_by_hand.diagnosis.mistakes_derivatives import (
    derivatives,
    unfactored,
)
from autograd_by_hand.diagnosis.mistakes_recomputation import indices, recomputed
from autograd_by_hand.diagnosis.mistakes_sums import sums
from autograd_by_hand.diagnosis.mistakes_terms import edges_and_iterations, term
from autograd_by_hand.diagnosis.steps import Steps
from autograd_by_hand.diagnosis.time_budget import until
from autograd_by_hand.experiment.output_names import output_of

# In the order in which they are tried: of two changes with equal gradients, the first names it.
FAMILIES: dict[str, Callable[[Steps], Iterator[Change]]] = {
    "cotangents": unused,
    "recomputed": recomputed,
    "indices": indices,
    "unmultiplied": unmultiplied,
    "unfactored": unfactored,
    "derivatives": derivatives,
    "sums": sums,
    "flows": flows,
}
Gradients = dict[str, Tensor]
Fits = Iterator[tuple[Change, list[str]]]  # changes, and the gradients that each explains
PATIENCE = 5.0  # seconds of CPU time
FEW = 24  # all pairs of up to this many terms are tried


@dataclass(frozen=True)
class Run:
    """One run in float64: its inputs, its cotangents, the manual gradients and the true ones."""

    steps: Steps
    tensors: dict[str, Tensor]
    douts: dict[str, Tensor]
    manual: Gradients
    truth: Gradients

    def gradients(self, change: Change) -> Gradients | None:
        """Autograd's gradients of the changed forward; None if they cannot be computed."""
        try:
            given = change.inputs(self.tensors) if change.inputs else self.tensors
            leaves = {
                name: value.clone().requires_grad_() if name in self.manual else value
                for name, value in given.items()
            }
            outputs = self.steps.again(leaves, change.do)
            douts = change.douts(self.douts) if change.douts else self.douts
            pulled = {name: outputs[output_of(name)] for name in douts}
            pulled = {name: one for name, one in pulled.items() if one.requires_grad} or pulled
            found = torch.autograd.grad(
                [*pulled.values()],
                [leaves[name] for name in self.manual],
                [douts[name] for name in pulled],
                allow_unused=True,
            )
        except Exception:  # noqa: BLE001 - the operations are the author's, on any operands
            return None
        return {
            name: torch.zeros_like(self.truth[name]) if one is None else one
            for name, one in zip(self.manual, found, strict=True)
        }

    def left_over(self, name: str, given: Gradients | None) -> float:
        """The fraction of a gradient's error that a change does not explain."""
        if given is None:
            return torch.inf
        manual, truth = self.manual[name], self.truth[name]
        return float((manual - given[name]).norm() / (manual - truth).norm())


def find(
    runs: list[Run], wrong: list[str], tolerance: float, without: Collection[str] = ()
) -> dict[str, Explanation]:
    """For each wrong gradient, the first change that explains it, if there is one.

    runs: the search uses the first, the others confirm
    tolerance: the fraction of the error that may remain
    without: the families that are not tried
    """
    found, end = dict[str, Explanation](), process_time() + PATIENCE
    for family, search in searches(end).items():
        if family in without:
            continue
        rest = [name for name in wrong if name not in found]
        for change, names in search(runs[0], rest, tolerance):
            given = [run.gradients(change) for run in runs]
            for name in names:
                worst = max(run.left_over(name, one) for run, one in zip(runs, given, strict=True))
                if worst < tolerance and name in rest:
                    found[name] = Explanation(change.kind, change.description, worst, family)
                    rest.remove(name)
    return found


def searches(end: float) -> dict[str, Callable[[Run, list[str], float], Fits]]:
    """The search of each family in order, including the families that fit a number."""
    families = {name: partial(_members, family, end) for name, family in FAMILIES.items()}
    return {
        "cotangents": families.pop("cotangents"),
        "terms": partial(_terms, end),
        **families,
        "constants": partial(_constants, end),
        "pairs of terms": partial(_pairs_of_terms, end),
    }


def _members(
    family: Callable[[Steps], Iterator[Change]],
    end: float,
    run: Run,
    wrong: list[str],
    tolerance: float,
) -> Fits:
    """The changes of a family that explain a gradient, until all are explained or time is up."""
    for change in until(family(run.steps), end):
        if not wrong:
            return
        fits = _explained(run, wrong, change, tolerance)
        if fits:
            yield change, fits


def _explained(run: Run, wrong: list[str], change: Change, tolerance: float) -> list[str]:
    given = run.gradients(change)
    return [name for name in wrong if run.left_over(name, given) < tolerance]


def _terms(end: float, run: Run, wrong: list[str], tolerance: float) -> Fits:
    """Terms that are missing, then terms that are counted a wrong number of times."""
    found = []
    for numbers, place in until(edges_and_iterations(run.steps), end):
        without = run.gradients(term(run.steps, numbers, place, 0.0))
        if without is None:
            continue
        for name in wrong:
            part = run.truth[name] - without[name]
            error = run.manual[name] - run.truth[name]
            size = float((part * part).sum())
            if not size or not without[name].any():
                continue  # there is no term, or no other
            count = 1 + float((error * part).sum()) / size
            if float((error - (count - 1) * part).norm()) < tolerance * float(error.norm()):
                count = simple(count)
                found.append((count != 0, term(run.steps, numbers, place, count), [name]))
    for _, change, names in sorted(found, key=lambda one: one[0]):
        yield change, names


def _pairs_of_terms(end: float, run: Run, wrong: list[str], tolerance: float) -> Fits:
    """Two terms that are both missing."""
    if not wrong:
        return
    truth = torch.cat([run.truth[name].flatten() for name in wrong])
    matter, effects = list[Change](), [truth]
    for step, place, _ in until(edges(run.steps), end):
        change = term(run.steps, [step], place, 0.0)
        without = run.gradients(change)
        if without is None:
            continue
        effect = torch.cat([without[name].flatten() for name in wrong])
        if not any(torch.allclose(effect, other, rtol=1e-9) for other in effects):
            effects.append(effect)
            matter.append(change)
    if len(matter) > FEW:
        return
    for first, second in until(combinations(matter, 2), end):
        both = first.and_(second)
        fits = _explained(run, wrong, both, tolerance)
        if fits:
            yield both, fits


def _constants(end: float, run: Run, wrong: list[str], tolerance: float) -> Fits:
    """A wrong constant, fitted."""
    for start, change in until(constants(run.steps), end):
        for name in wrong:
            value = _fitted(run, name, start, change, tolerance)
            if value is not None:
                yield change(value), [name]


def _fitted(
    run: Run, name: str, start: float, change: Callable[[float], Change], tolerance: float
) -> float | None:
    """The number with which forward's gradient is the manual one."""
    enough = tolerance * float((run.manual[name] - run.truth[name]).norm())

    def residual(value: float) -> Tensor | None:
        given = run.gradients(change(value))
        return None if given is None else run.manual[name] - given[name]

    return fitted_number(start, residual, enough)


def simple(value: float) -> float:
    """Round a fitted number to a nearby fraction of small whole numbers, if there is one."""
    for below in range(1, 13):
        if abs(value * below - round(value * below)) < 1e-7:
            return round(value * below) / below
    return value
