"""Name the likeliest mistake behind each gradient that is wrong in float64.

in   forward, backward  the author's files
     draws              safetensors: "<sample>/<tensor>", shape (runs, *shape), float32 or int64
     cotangents         safetensors: "<sample>/dout", shape (runs, *shape of the result)
     manual, reference  safetensors: "<sample>/d<tensor>", float64
     facts, calls       json, of float64, as score_errors and compute_manual write them
     needed             the tensors that require a gradient
     time_limit         seconds for one call of forward or backward
out  mistakes           json: per gradient null where float64 has none, else `kind`, `name`,
                        `evidence`, and `format`, if all that is wrong is that backward computes in
                        a coarser one; kind "unknown" where nothing explains the difference, with
                        the place where it is largest for evidence

Names only what was judged by others to be wrong; judges nothing. Patterns in the values come first,
then a change to the hand's code that sets it right, then one to forward that gives the same.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.number_format import number
from autograd_by_hand.diagnosis.backward_search import Mending, mend
from autograd_by_hand.diagnosis.backward_trace import trace_backward
from autograd_by_hand.diagnosis.error_patterns import vague
from autograd_by_hand.diagnosis.forward_search import Run, find
from autograd_by_hand.diagnosis.forward_trace import trace_forward
from autograd_by_hand.diagnosis.lower_precision import coarser_format
from autograd_by_hand.diagnosis.steps import Ref, Steps
from autograd_by_hand.diagnosis.value_patterns import Values, exact
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.experiment.vjp import Backward, autograd_vjp
from autograd_by_hand.floats.ulp import ulp
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.storage.safetensors_numpy import arrays_by_sample
from autograd_by_hand.storage.safetensors_torch import read_tensors, runs_of
from autograd_by_hand.verdict.judge import UNKNOWN, within

Array = NDArray[Any]

AT_MOST = 2  # runs of the trial: one is searched on, the other confirms
EXACT = 1e-5  # what a pattern may leave over, as a part of the error, where rounding leaves less
SEED = 0  # of what moves the inputs


def name_mistakes(
    forward: Path,
    backward: Path,
    draws: Path,
    cotangents: Path,
    manual: Path,
    reference: Path,
    facts: Path,
    calls: Path,
    needed: list[str],
    time_limit: float,
    mistakes: Path,
) -> None:
    known, called = read_json(facts)["samples"]["trial"]["gradients"], read_json(calls)
    found: dict[str, dict[str, Any] | None] = {f"d{name}": None for name in needed}
    wrong = []
    for name in needed:
        if called["second_call"][name] != "same bits" and name not in called["refused"]:
            found[f"d{name}"] = _of_calls(called["second_call"][name])
        elif name not in called["refused"] and not within(known[f"d{name}"]):
            wrong.append(name)
    if wrong:
        runs = [
            run
            for sample, _, run in runs_of(read_tensors(draws) | read_tensors(cotangents))
            if sample == "trial"
        ][:AT_MOST]
        hand, truth = (
            {name: trial[f"d{name}"][:AT_MOST] for name in needed}
            for trial in (arrays_by_sample(path)["trial"] for path in (manual, reference))
        )
        mistaken = _Trial(forward, backward, runs, hand, truth, needed, time_limit)
        right = [name for name in needed if name not in wrong and name not in called["refused"]]
        found |= {f"d{name}": one for name, one in mistaken.named(wrong, right, known).items()}
    write_json(mistakes, found)


def _told(kind: str, name: str, evidence: str) -> dict[str, Any]:
    return {"kind": kind, "name": name, "evidence": evidence}


def _of_calls(second_call: str) -> dict[str, Any]:
    """The mistake of a backward whose second call gives something else."""
    name = (
        "backward adds to what an earlier call left"
        if second_call == "twice the first"
        else "backward is not a function of its inputs: it keeps a state, or draws at random"
    )
    return _told("accumulated", name, f"a second call on the same inputs gave {second_call}")


class _Trial:
    """Some runs, with the hand's gradients and the true ones by tensor, (runs, *shape), float64."""

    def __init__(
        self,
        forward: Path,
        backward: Path,
        runs: list[dict[str, Tensor]],
        hand: dict[str, Array],
        truth: dict[str, Array],
        needed: list[str],
        limit: float,
    ) -> None:
        self.hand, self.truth, self.needed = hand, truth, needed
        self.douts = [run["dout"].double() for run in runs]
        self.runs = [
            {name: cast(value, torch.float64) for name, value in run.items() if name != "dout"}
            for run in runs
        ]
        self.path, self.backward, self.limit = forward, backward, limit
        self.forward = load_function(forward, "forward", list(self.runs[0]), limit)
        function = load_function(backward, "backward", list(runs[0]), limit)
        self.by_hand = Backward(function, backward, needed, torch.float64, limit)

    def named(
        self, wrong: list[str], right: list[str], facts: dict[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """The mistake behind each of the gradients that are wrong."""
        found: dict[str, dict[str, Any]] = {}
        values = {name: self._values(name, facts[f"d{name}"]) for name in wrong}
        shapes = {name: list(value.shape) for name, value in self.runs[0].items()}
        for name, one in values.items():
            if one and (first := next(exact(name, one, self.truth, shapes), None)):
                found[name] = _told(*first)
        for name in wrong:
            if name not in found and (inside := self._inside(name, facts[f"d{name}"])):
                found[name] = inside
        steps = self._steps()
        rest = [name for name in wrong if name not in found and values[name]]
        hands = self._hands(steps) if rest else []
        found |= self._mended(hands, rest, right, values)
        for taken in steps:
            rest = [name for name in wrong if name not in found and values[name]]
            found |= self._changes(taken, rest, values)
        rest = [name for name in wrong if name not in found and values[name]]
        found |= self._mended(hands, rest, right, values, by_forward=True)
        known = self._known(steps)
        for name, one in values.items():
            if one and name not in found and (first := next(vague(one, known), None)):
                found[name] = _told(*first)
        return {name: found.get(name) or self._unknown(name) for name in wrong}

    def _values(self, name: str, facts: dict[str, Any]) -> Values | None:
        """The gradient, if it is finite and its error stands out of the noise well enough."""
        hand, truth = self.hand[name], self.truth[name]
        if not (np.isfinite(hand).all() and np.isfinite(truth).all() and (hand != truth).any()):
            return None
        noise = float(facts["limits"]["norm"]) * float(facts["noise"]) * np.linalg.norm(truth)
        tolerance = max(EXACT, float(noise / np.linalg.norm(hand - truth)))
        return Values(hand, truth, tolerance) if tolerance < 0.01 else None

    def _inside(self, name: str, facts: dict[str, Any]) -> dict[str, Any] | None:
        """Whether backward computes in a coarser format."""
        hand, error = self.hand[name], self.hand[name] - self.truth[name]
        if not np.isfinite(error).all():
            return None
        found = coarser_format(
            hand,
            error,
            float(facts["manual"]["norm"]),
            float(facts["limits"]["norm"]),
            lambda by: self._errors_of_moved(name, by),
        )
        if found is None:
            return None
        dtype, evidence = found
        name = f"backward computes in {dtype} inside, whatever the format of its inputs"
        return _told("precision", name, evidence) | {"format": dtype}

    def _errors_of_moved(self, name: str, by: float) -> Array:
        """The gradient's errors at inputs that are all moved, each by a relative amount."""
        generator = torch.Generator().manual_seed(SEED)

        def moved_by_some(value: Tensor) -> Tensor:
            part = torch.rand(value.shape, generator=generator, dtype=torch.float64)
            return value * (1 + by * part)

        errors = []
        for tensors, dout in zip(self.runs, self.douts, strict=True):
            moved = {
                key: moved_by_some(value) if value.is_floating_point() else value
                for key, value in tensors.items()
            }
            _, truth = autograd_vjp(
                self.forward, self.path, moved, self.needed, torch.float64, dout, self.limit
            )
            hand = self.by_hand(moved, dout).gradients[name]
            errors.append((hand - truth[name]).numpy())
        return np.stack(errors)

    def _steps(self) -> list[list[Steps]]:
        """Forward's steps on each run: its kernels taken apart, and whole."""
        taken = []
        for apart in (True, False):
            try:
                each = [
                    trace_forward(self.forward, self.path, tensors, self.limit, apart)
                    for tensors in self.runs
                ]
            except UserError:  # the values have to tell the mistake by themselves
                continue
            if all(len(one.steps) == len(each[0].steps) for one in each):
                taken.append([replace(one, kernels_only=not apart) for one in each])
        return taken

    def _changes(
        self, taken: list[Steps], names: list[str], values: dict[str, Values | None]
    ) -> dict[str, dict[str, Any]]:
        """The gradients that a change of one of forward's steps explains."""
        if not names:
            return {}
        runs = []
        for run, steps in enumerate(taken):
            hand, truth = self._gradients(run)
            whole = steps.with_gradients(truth)
            runs.append(Run(whole, self.runs[run], self.douts[run], hand, truth))
        tolerance = max(one.tolerance for name in names if (one := values[name]))
        return {
            name: _told(
                one.kind,
                one.name,
                "autograd of a forward with this change gives the same gradient, but for "
                f"{number(one.left_over)} of the difference",
            )
            for name, one in find(runs, names, tolerance).items()
        }

    def _hands(self, steps: list[list[Steps]]) -> list[Mending]:
        """The hand's steps on each run; none where they are not the same on all."""
        hands = []
        for run, (tensors, dout) in enumerate(zip(self.runs, self.douts, strict=True)):
            taken = trace_backward(
                self.by_hand.function,
                self.backward,
                tensors | {"dout": dout},
                self.needed,
                self.limit,
            )
            if taken is None:
                return []
            hand, truth = self._gradients(run)
            if steps:
                forward = steps[0][run]
                known = {forward.told(Ref(at)): value for at, value in enumerate(forward.values)}
                taken = taken.with_known({f"forward's {told}": one for told, one in known.items()})
            hands.append(Mending(taken, hand, truth))
        first = [step.func for step in hands[0].taken.steps.steps]
        same = all([step.func for step in one.taken.steps.steps] == first for one in hands)
        return hands if same else []

    def _mended(
        self,
        hands: list[Mending],
        names: list[str],
        right: list[str],
        values: dict[str, Values | None],
        *,
        by_forward: bool = False,
    ) -> dict[str, dict[str, Any]]:
        """The gradients that a change to the hand's own code sets right."""
        if not names or not hands:
            return {}
        tolerance = max(one.tolerance for name in names if (one := values[name]))
        return {
            name: _told(
                one.kind,
                one.name,
                "with this mended, backward gives the true gradient, but for "
                f"{number(one.left_over)} of the difference",
            )
            for name, one in mend(hands, names, right, tolerance, by_forward=by_forward).items()
        }

    def _gradients(self, run: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The hand's gradients of a run, and the true ones."""
        hand, truth = (
            {name: torch.tensor(one[name][run]) for name in self.needed}
            for one in (self.hand, self.truth)
        )
        return hand, truth

    def _known(self, steps: list[list[Steps]]) -> dict[str, Array]:
        """The values of forward by what they are called, (runs, *shape)."""
        known = {
            name: np.stack([run[name].numpy() for run in self.runs])
            for name, value in self.runs[0].items()
            if value.is_floating_point()
        }
        known["dout"] = np.stack([dout.numpy() for dout in self.douts])
        taken = steps[0] if steps else []
        if taken:
            for place, value in enumerate(taken[0].values):
                if value.is_floating_point():
                    each = [one.values[place].numpy() for one in taken]
                    known.setdefault(taken[0].told(Ref(place)), np.stack(each))
        return known

    def _unknown(self, name: str) -> dict[str, Any]:
        """Where the difference is largest."""
        hand, truth = self.hand[name], self.truth[name]
        apart = np.where(np.isfinite(hand), np.abs(hand - truth), np.inf)
        run, *index = (int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
        place = (run, *index)
        ulps = apart[place] / ulp(truth[place], "float64")
        evidence = (
            f"the difference is largest at index {tuple(index)} of run {run}: "
            f"{number(hand[place], 6)} by hand, {number(truth[place], 6)} in truth, "
            f"{number(ulps)} ulps of float64 apart"
        )
        return _told("unknown", UNKNOWN, evidence)


if __name__ == "__main__":
    run_stage(name_mistakes, snakemake)  # type: ignore[name-defined]
