"""Put torch's own derivatives on trial: autograd against proven bounds, over the operator database.

Usage: PYTHONPATH=scripts python -m tests.bench.op_db.truth [--dtype complex128] [entry ...]

An element's error is its distance from the bounds, relative to the true element. It is held against
what one rounding of the inputs and cotangents does to the true element: what ill-conditioned numbers
explain is no fault of a rule. The table for docs/benchmarks.md is printed.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from autograd_by_hand.enclosure.balls import Bounds
from autograd_by_hand.enclosure.differentiate import NOTHING
from autograd_by_hand.enclosure.failures import NotEnclosed
from autograd_by_hand.floats.formats import eps
from autograd_by_hand.floats.ulp import Array
from autograd_by_hand.verdict.proven_reference import undetermined
from tests.bench.op_db.derivatives import Case, cases, entries

UNIT = eps("float64") / 2  # the unit roundoff
ROUNDED = 64 * UNIT  # an error up to there is that of a kernel
EXPLAINED = 16  # so many times the rounding of the inputs is no fault of a rule
STEP = 2.0**-30  # by which inputs are moved, since the change is measured in float64
DRAWS = 12  # for those with a larger error only
SAMPLES = 4


@dataclass(frozen=True)
class Finding:
    """The worst element of autograd's gradients of one case.

    error: relative to the element; 0 within the bounds
    share: the same relative to the rms of its gradient
    noise: what rounding the inputs does to the true gradient, measured likewise
    true, autograd: the element
    """

    error: float
    share: float
    noise: float
    true: float
    autograd: float

    def is_off(self) -> bool:
        """Whether neither a kernel's rounding nor that of the inputs explains the error."""
        return not self.error <= max(ROUNDED, EXPLAINED * self.noise)

    def is_ill_conditioned(self) -> bool:
        """Whether rounding the inputs explains an error that a kernel's rounding does not."""
        return not self.is_off() and self.error > ROUNDED


def finding(case: Case) -> Finding | None:
    """Autograd's worst element; None if torch has no gradient.

    Raises
        NotEnclosed: if the case has no enclosure.
    """
    known = case.by_autograd()
    if known is None:
        return None
    truth = case.enclosed().gradients
    errors = {name: _errors(truth[name], one.numpy()) for name, one in known[1].items()}
    shares = {name: error * _sizes(truth[name]) for name, error in errors.items()}
    noises = {name: np.zeros(error.shape) for name, error in errors.items()}
    if any((error > ROUNDED).any() for error in errors.values()):
        for draw in range(DRAWS):
            moved = _moved(case, draw)
            for name, bounds in moved.items():
                np.maximum(noises[name], _change(truth[name], bounds), out=noises[name])
    every = [
        Finding(
            error=float(error[at]),
            share=float(shares[name][at]) / (_rms(truth[name]) or 1.0),
            noise=float(noises[name][at]),
            true=float(truth[name].head[at]),
            autograd=float(known[1][name][at]),
        )
        for name, error in errors.items()
        for at in np.ndindex(error.shape)
    ]
    return max(every, key=lambda one: (one.is_off(), one.error), default=None)


def _errors(bounds: Bounds, found: Array) -> Array:
    """The distance of each element from its bounds, relative to its size."""
    with np.errstate(invalid="ignore"):
        off = np.abs((found - bounds.head) - bounds.tail)
    off = np.where(np.isnan(off), np.inf, np.maximum(off - bounds.radius, 0.0))
    return np.asarray(off / _sizes(bounds))


def _change(bounds: Bounds, moved: Bounds) -> Array:
    """The relative change of each element by one rounding; infinite where one is on a kink."""
    change = np.abs((moved.head - bounds.head) + (moved.tail - bounds.tail))
    on_kink = undetermined(bounds) | undetermined(moved)
    return np.where(on_kink, np.inf, change / _sizes(bounds) * (UNIT / STEP))


def _sizes(bounds: Bounds) -> Array:
    """The sizes of elements; of one that is zero that of its gradient, or 1."""
    whole, size = _rms(bounds), np.abs(bounds.head)
    return np.where(size > NOTHING, size, whole if whole > NOTHING else 1.0)


def _rms(bounds: Bounds) -> float:
    return float(np.linalg.norm(bounds.head) / max(1, bounds.head.size) ** 0.5)


def _moved(case: Case, draw: int) -> dict[str, Bounds]:
    """The true gradients at inputs that are moved at random; none if there they are not known."""
    try:
        return case.moved_by(STEP, draw).enclosed().gradients
    except (NotEnclosed, RuntimeError):
        return {}


def main() -> None:
    parser = argparse.ArgumentParser("tests.bench.op_db.truth", description=__doc__)
    parser.add_argument("entry", nargs="*", help="names of entries; all if none is given")
    parser.add_argument("--dtype", default="float64", choices=["float64", "complex128"])
    asked = parser.parse_args()
    dtype, began = getattr(torch, asked.dtype), time.process_time()
    found: dict[str, list[Finding]] = {}
    counts: Counter[str] = Counter()
    every = {name: op for name, op in entries(dtype).items() if name in (asked.entry or [name])}
    for number, (name, op) in enumerate(every.items(), 1):
        for case in cases(op, dtype, SAMPLES):
            try:
                one = finding(case)
            except NotEnclosed:
                counts["samples without bounds"] += 1
                continue
            if one is not None:
                found.setdefault(name, []).append(one)
        print(f"\rtruth: {number} of {len(every)} entries", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    counts["entries"] = len(found)
    counts["samples"] = sum(map(len, found.values()))
    counts["within the bounds or rounding"] = sum(
        not one.is_off() and not one.is_ill_conditioned() for own in found.values() for one in own
    )
    print("\n".join(table(found)))
    print("\n" + ", ".join(f"{what}: {count}" for what, count in sorted(counts.items())))
    print(f"{time.process_time() - began:.0f} s of processor time")


def table(found: dict[str, list[Finding]]) -> Iterable[str]:
    """The entries whose derivative is off, worst first; then the ill-conditioned samples."""
    off = {
        name: max((one for one in own if one.is_off()), key=lambda one: one.error, default=None)
        for name, own in found.items()
    }
    yield "| entry | off by | of the rms | rounding the inputs | truth | autograd |"
    yield "|---|---|---|---|---|---|"
    listed = [(name, one) for name, one in off.items() if one is not None]
    for name, one in sorted(listed, key=lambda pair: -pair[1].error):
        yield (
            f"| {name} | {one.error:.1e} | {one.share:.1e} | {one.noise:.1e} "
            f"| {one.true:.12g} | {one.autograd:.12g} |"
        )
    ill = {
        name: max(one.error for one in own if one.is_ill_conditioned())
        for name, own in found.items()
        if any(one.is_ill_conditioned() for one in own)
    }
    words = [f"{name} {error:.1e}" for name, error in sorted(ill.items(), key=lambda p: -p[1])]
    yield f"\nill-conditioned, not off: {', '.join(words) or 'none'}"


if __name__ == "__main__":
    main()
