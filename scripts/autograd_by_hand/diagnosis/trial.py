"""Search for the mistake behind each wrong gradient of a trial, family by family.

Patterns in the values come first, then a lower precision, then a change to backward that corrects
the gradient, then a change to forward that reproduces it, and finally patterns in the error.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.diagnosis.backward_search import BackwardRun, find_repairs
from autograd_by_hand.diagnosis.backward_trace import trace_backward
from autograd_by_hand.diagnosis.error_patterns import known_tensors, unexplained, vague
from autograd_by_hand.diagnosis.forward_search import Run, find
from autograd_by_hand.diagnosis.forward_trace import trace_forward
from autograd_by_hand.diagnosis.lower_precision import coarser_format, precision_mistake
from autograd_by_hand.diagnosis.measured import Measured
from autograd_by_hand.diagnosis.mistake import Mistake
from autograd_by_hand.diagnosis.rounded_constants import NEARLY, rounded_constants
from autograd_by_hand.diagnosis.steps import Ref, Steps
from autograd_by_hand.diagnosis.value_patterns import Values, exact
from autograd_by_hand.experiment.complex_views import load_forward_of_real
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.settings import Given, arithmetic_of
from autograd_by_hand.experiment.vjp import Backward, autograd_vjp, backward_function
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample
from autograd_by_hand.storage.safetensors_torch import Run as GivenRun
from autograd_by_hand.storage.safetensors_torch import read_given, read_runs

Array = NDArray[Any]

# The fraction of the error that a pattern may leave unexplained, if rounding leaves less.
LEFT_OVER = 1e-5
AT_MOST = 2  # runs: the search uses one, the other confirms
SEED = 0  # of the random changes to the inputs


class Trial:
    """Some runs, with the manual gradients and the true ones.

    forward, backward: the author's files
    given: what forward may be called with
    runs: their inputs and cotangents
    manual, truth: the gradients by tensor, (runs, *shape), float64
    needed: the tensors that require a gradient
    limit: seconds for one call of forward or backward
    without: the families of mistakes that are skipped
    """

    def __init__(
        self,
        forward: Path,
        backward: Path,
        given: Given,
        runs: list[GivenRun],
        manual: dict[str, Array],
        truth: dict[str, Array],
        needed: list[str],
        limit: float,
        without: Collection[str] = (),
    ) -> None:
        self.manual, self.truth, self.needed = manual, truth, needed
        self.runs, self.douts = (
            [{name: cast(value, torch.float64) for name, value in one.items()} for one in each]
            for each in ([run.tensors for run in runs], [run.douts for run in runs])
        )
        self.path, self.backward, self.limit = forward, backward, limit
        self.without = without
        self.computes_in, self.complex = given.computes_in, given.complex
        self.forward = load_forward_of_real(forward, given, limit)
        function = backward_function(backward, given, [*self.douts[0]], limit)
        self.by_hand = Backward(function, backward, needed, torch.float64, limit, given.computes_in)

    @classmethod
    def read(
        cls,
        forward: Path,
        backward: Path,
        draws: Path,
        cotangents: Path,
        manual: Path,
        reference: Path,
        needed: list[str],
        limit: float,
        without: Collection[str] = (),
    ) -> "Trial":
        """Read a trial from the stages' float64 files, with as many runs as the search needs."""
        runs = [run for run in read_runs(draws, cotangents) if run.sample == "trial"][:AT_MOST]
        by_hand, truth = (
            {name: trial[f"d{name}"][:AT_MOST] for name in needed}
            for trial in (arrays_by_sample(path)["trial"] for path in (manual, reference))
        )
        given = read_given(draws, cotangents)
        return cls(forward, backward, given, runs, by_hand, truth, needed, limit, without)

    def named(
        self, wrong: list[str], right: list[str], measured: Mapping[str, Measured]
    ) -> dict[str, Mistake]:
        """The mistake behind each of the gradients that are wrong.

        right: the gradients that are right
        measured: how far each is off, by tensor
        """
        found: dict[str, Mistake] = {}
        values = {name: self._values(name, measured[name]) for name in wrong}

        def rest() -> list[str]:
            return [name for name in wrong if name not in found and values[name]]

        close = {name: values[name] for name in rest() if measured[name].part < NEARLY}
        if close:
            found |= rounded_constants(self._backward_runs([]), close)
        for name in rest():
            one = values[name]
            if one and (first := next(exact(one, self._without("values")), None)):
                found[name] = replace(first, family=f"values: {first.family}")
        for name in wrong if "precision" not in self.without else ():
            if name not in found and (lower := self._lower_precision(name, measured[name])):
                found[name] = lower
        steps = self._steps()
        backwards = self._backward_runs(steps) if rest() else []
        found |= self._repaired(backwards, rest(), right, values)
        for trace in steps:
            found |= self._changes(trace, rest(), values)
        found |= self._repaired(backwards, rest(), right, values, by_forward=True)
        known = known_tensors(self.runs, self.douts, steps[0] if steps else [])
        for name in rest():
            one = values[name]
            if one and (first := next(vague(one, known, self._without("errors")), None)):
                found[name] = replace(first, family=f"errors: {first.family}")
        return {
            name: found.get(name)
            or unexplained(self.manual[name], self.truth[name], by_parts=name in self.complex)
            for name in wrong
        }

    def _without(self, group: str) -> set[str]:
        """The families of a group that are skipped, without the group's name."""
        named = (one.partition(": ") for one in self.without)
        return {family for of, _, family in named if of == group}

    def _values(self, name: str, measured: Measured) -> Values | None:
        """The gradient, if it is finite and its error is well above the rounding noise."""
        manual, truth = self.manual[name], self.truth[name]
        if not (np.isfinite(manual).all() and np.isfinite(truth).all() and (manual != truth).any()):
            return None
        noise = measured.limit * measured.noise * np.linalg.norm(truth)
        tolerance = max(LEFT_OVER, float(noise / np.linalg.norm(manual - truth)))
        shapes = {key: list(value.shape) for key, value in self.runs[0].items()}
        by_parts = name in self.complex
        values = Values(manual, truth, tolerance, name, self.truth, shapes, by_parts=by_parts)
        return values if tolerance < 0.01 else None

    def _lower_precision(self, name: str, measured: Measured) -> Mistake | None:
        """The mistake of computing in a coarser dtype, if backward does so."""
        manual, error = self.manual[name], self.manual[name] - self.truth[name]
        if not np.isfinite(error).all():
            return None
        moved = partial(self._errors_of_moved, name)
        judged_as = arithmetic_of("float64", self.computes_in)
        found = coarser_format(manual, error, measured.off, measured.limit, moved, judged_as)
        if found is None:
            return None
        return precision_mistake(*found)

    def _errors_of_moved(self, name: str, by: float) -> Array:
        """The errors at inputs moved by a random relative amount up to `by`; nan if that fails."""
        generator = torch.Generator().manual_seed(SEED)

        def moved_by_some(value: Tensor) -> Tensor:
            part = torch.rand(value.shape, generator=generator, dtype=torch.float64)
            return value * (1 + by * part)

        errors = []
        for tensors, douts in zip(self.runs, self.douts, strict=True):
            moved = {
                key: moved_by_some(value) if value.is_floating_point() else value
                for key, value in tensors.items()
            }
            try:
                _, truth = autograd_vjp(
                    self.forward, self.path, moved, self.needed, torch.float64, douts, self.limit
                )
            except UserError:  # it checks its inputs, say
                return np.full_like(self.manual[name], np.nan)
            manual = self.by_hand(moved, douts).gradients[name]
            errors.append((manual - truth[name]).numpy())
        return np.stack(errors)

    def _steps(self) -> list[list[Steps]]:
        """Forward's steps on each run: with its kernels decomposed, and with them whole."""
        traces = []
        for apart in (True, False):
            try:
                each = [
                    trace_forward(self.forward, self.path, tensors, self.limit, apart)
                    for tensors in self.runs
                ]
            except UserError:  # only the values can identify the mistake
                continue
            if all(len(one.steps) == len(each[0].steps) for one in each):
                traces.append([replace(one, kernels_only=not apart) for one in each])
        return traces

    def _changes(
        self, trace: list[Steps], names: list[str], values: dict[str, Values | None]
    ) -> dict[str, Mistake]:
        """The mistakes that a change to one of forward's steps explains, by gradient."""
        if not names:
            return {}
        runs = []
        for run, steps in enumerate(trace):
            manual, truth = self._gradients(run)
            runs.append(Run(steps, self.runs[run], self.douts[run], manual, truth))
        tolerance = max(one.tolerance for name in names if (one := values[name]))
        return {
            name: Mistake(
                one.kind,
                one.name,
                Message(
                    "autograd of a forward with this change gives the same gradient up "
                    "to {part} of the difference",
                    part=number(one.left_over),
                ),
                f"forward: {one.family}",
            )
            for name, one in find(runs, names, tolerance, self._without("forward")).items()
        }

    def _backward_runs(self, steps: list[list[Steps]]) -> list[BackwardRun]:
        """Backward's steps on each run; empty if they differ between runs."""
        backwards = []
        for run, (tensors, douts) in enumerate(zip(self.runs, self.douts, strict=True)):
            trace = trace_backward(
                self.by_hand.function,
                self.backward,
                tensors | douts,
                self.needed,
                self.limit,
            )
            if trace is None:
                return []
            manual, truth = self._gradients(run)
            if steps:
                forward = steps[0][run]
                known = {
                    f"forward's {forward.describe(Ref(at))}": value
                    for at, value in enumerate(forward.values)
                }
                trace = trace.with_known(known)
            backwards.append(BackwardRun(trace, manual, truth))
        first, *others = ([step.func for step in one.trace.steps.steps] for one in backwards)
        return backwards if all(other == first for other in others) else []

    def _repaired(
        self,
        backwards: list[BackwardRun],
        names: list[str],
        right: list[str],
        values: dict[str, Values | None],
        *,
        by_forward: bool = False,
    ) -> dict[str, Mistake]:
        """The mistakes that a change to backward repairs, by gradient."""
        if not names or not backwards:
            return {}
        tolerance = max(one.tolerance for name in names if (one := values[name]))
        without = self._without("backward")
        repaired = find_repairs(backwards, names, right, tolerance, without, by_forward=by_forward)
        return {
            name: Mistake(
                one.kind,
                one.name,
                Message(
                    "with this repaired, backward gives the true gradient up to {part} "
                    "of the difference",
                    part=number(one.left_over),
                ),
                f"backward: {one.family}",
            )
            for name, one in repaired.items()
        }

    def _gradients(self, run: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The manual gradients of a run, and the true ones."""
        manual, truth = (
            {name: torch.tensor(one[name][run]) for name in self.needed}
            for one in (self.manual, self.truth)
        )
        return manual, truth
