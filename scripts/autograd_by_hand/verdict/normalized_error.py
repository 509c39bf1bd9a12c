"""Measure how far a gradient is from the reference, in units of the rounding noise.

With e the error and n the noise of each element (`verdict.rounding_noise`), the measures of a run
are the norm of e over the norm of n, and the greatest e_i / n_i. Random rounding has twice the
variance of rounding to nearest (1/6 ulp^2 against 1/12), and a uniform error is sub-Gaussian with
its own variance (Boucheron, Lugosi & Massart, Concentration Inequalities, 2013, section 2.3).
Therefore the error of one number of a correct gradient exceeds t times its noise with a probability
of at most 2 exp(-t^2). If m numbers together may fail with the probability FALSE_ALARM, the limit
is t = sqrt(ln(2 m / FALSE_ALARM)); m counts the norms of all runs, or all their elements. A correct
program may round in other places than the plain program that the noise is measured with. The norm
averages over such differences; a single element is allowed two more bits, a factor of 4. Nothing
else decides, in any dtype.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.formats import eps, largest
from autograd_by_hand.floats.ulp import difference

Array = NDArray[Any]
Measure = Literal["norm", "element"]
MEASURES: tuple[Measure, Measure] = ("norm", "element")
FALSE_ALARM = 1e-6  # the probability that a correct gradient is rejected, under the model


class Limits(TypedDict):
    """Limits on the error of a correct gradient, in units of the rounding noise."""

    norm: float
    element: float


def limits(runs: int, elements: int) -> Limits:
    """Return the limits on the error of a correct gradient: on its norm, and on a single element.

    elements: of all runs together
    """
    return {
        "norm": sqrt(log(2 * runs / FALSE_ALARM)),
        "element": 4 * sqrt(log(2 * elements / FALSE_ALARM)),
    }


@dataclass(frozen=True)
class NormalizedError:
    """An error in units of the rounding noise.

    norm: of the whole gradient, the greatest over the runs
    element: of a single element, the greatest over all runs and elements
    run, index: the position of that element
    beyond: how many elements, over all runs, exceed the limit of a single one
    """

    norm: float
    element: float
    run: int
    index: list[int]
    beyond: int


@dataclass(frozen=True)
class Noise:
    """The rounding noise of a gradient in all runs.

    elements: the noise of each element, shape (runs, *shape)
    whole: its norm over a run's elements, shape (runs,)
    size: the norm of the reference over the same elements, shape (runs,)
    judged: which elements can be judged, shape (runs, *shape): those whose true value the dtype
        can hold, and which did not overflow in any draw of the roundings
    """

    elements: Array
    whole: Array
    size: Array
    judged: NDArray[np.bool_]

    @classmethod
    def of(cls, measured: Array, reference: Array, dtype: str) -> "Noise":
        """Compute the noise from the rms of a few draws and the true gradient.

        measured, reference: shape (runs, *shape)

        A few draws can be small by chance. Therefore an element has at least the rms noise of its
        run, a run has at least the runs' median noise relative to its gradient, and no noise is
        less than the rounding of the gradient itself.
        """
        runs, shape = len(measured), np.shape(measured)
        given, truth = (one.reshape(runs, -1) for one in (measured, reference))
        noise, judged = np.empty(given.shape), np.empty(given.shape, bool)
        parts = list(blocks(given.shape[1], runs))

        def judged_truth(part: slice) -> Array:
            return np.where(judged[:, part], np.abs(truth[:, part]), 0.0)

        with np.errstate(all="ignore"):
            for part in parts:
                one = np.asarray(given[:, part], np.float64)
                judged[:, part] = np.isfinite(one) & (np.abs(truth[:, part]) <= largest(dtype))
                least = judged_truth(part) * (eps(dtype) / 2 / sqrt(3))
                noise[:, part] = np.where(judged[:, part], np.fmax(one, least), 0.0)
            whole = _norms(lambda: (noise[:, part] for part in parts))
            size = _norms(lambda: map(judged_truth, parts))
            usual = np.median((whole / size)[size > 0]) if (size > 0).any() else 0.0
            whole = np.fmax(whole, usual * size)
            each = np.fmax(1, judged.sum(axis=1))
            np.fmax(noise, (whole / np.sqrt(each))[:, None], out=noise)
        return cls(noise.reshape(shape), whole, size, judged.reshape(shape))

    def share(self) -> float:
        """Return the noise relative to the gradient: the runs' median; inf for a zero gradient."""
        with np.errstate(all="ignore"):
            return float(np.median(np.where(self.size > 0, self.whole / self.size, np.inf)))

    def share_of(self, radius: Array) -> float:
        """Return a distance of each element relative to the gradient: the runs' median."""
        rows = np.where(self.judged, radius, 0.0).reshape(len(radius), -1)
        whole = _norms(lambda: (rows[:, part] for part in blocks(rows.shape[1], len(rows))))
        with np.errstate(all="ignore"):
            return float(np.median(np.where(self.size > 0, whole / self.size, np.inf)))

    def measure(
        self,
        value: Array,
        reference: Array,
        tail: Array | None = None,
        radius: Array | None = None,
    ) -> NormalizedError:
        """Return the error of `value` over the elements that can be judged.

        value, reference: shape (runs, *shape)
        tail: what the reference has beyond float64, or None
        radius: how far from the reference each element may be without any rounding of itself, on
            a kink or by decisions that rounding may turn, or None
        """
        runs, shape = len(value), np.shape(value)
        arrays = (self.judged, self.elements, value, reference)
        judged, noise, held, true = (one.reshape(runs, -1) for one in arrays)
        more, free = (None if one is None else one.reshape(runs, -1) for one in (tail, radius))
        parts = list(blocks(held.shape[1], runs))

        def apart(part: slice) -> Array:
            rest = None if more is None else more[:, part]
            error = np.abs(difference(held[:, part], true[:, part], rest))
            if free is not None:
                error = np.maximum(error - free[:, part], 0.0)
            return np.where(judged[:, part], error, 0.0)

        norms = _norms(lambda: map(apart, parts))
        most, where = np.full(runs, -1.0), np.zeros(runs, np.int64)
        limit, beyond = limits(runs, held.size)["element"], 0
        with np.errstate(all="ignore"):
            wholes = np.where(norms == 0, 0.0, norms / self.whole)
            for part in parts:
                error = apart(part)
                elements = np.where(error == 0, 0.0, error / noise[:, part])
                beyond += int((elements > limit).sum())
                at = np.argmax(elements, axis=1)
                found = elements[np.arange(runs), at]
                where = np.where(found > most, part.start + at, where)
                most = np.fmax(most, found)
        run = int(np.argmax(most))
        index = [int(i) for i in np.unravel_index(int(where[run]), shape[1:])]
        return NormalizedError(float(wholes.max()), float(most.max()), run, index, beyond)


def _norms(parts: Callable[[], Iterable[Array]]) -> Array:
    """Return each row's 2-norm; values are scaled, so that squares neither overflow nor vanish.

    parts: returns the array anew, in parts that each have all rows
    """
    scale = np.max([np.max(np.abs(part), axis=1, initial=0) for part in parts()], axis=0)
    divisor = scale[:, None]
    with np.errstate(all="ignore"):
        fits = np.isfinite(divisor) & (divisor > 0)
        squares = (np.square(np.where(fits, part / divisor, 0.0)).sum(axis=1) for part in parts())
        norms: Array = scale * np.sqrt(sum(squares))
    return np.where(np.isinf(scale), np.inf, norms)
