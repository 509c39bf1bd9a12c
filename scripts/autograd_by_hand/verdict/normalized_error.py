"""How far a gradient lies from the reference, in units of the noise that it must have.

With e the error and n the noise of each element (`verdict.rounding_noise`), per run: the norm of e
over that of n, and the greatest e_i over n_i. Random rounding has twice the variance of rounding to
nearest (1/6 ulp^2 against 1/12), and a uniform error is sub-Gaussian with its own variance
(Boucheron, Lugosi & Massart, Concentration Inequalities, 2013, section 2.3): one number of a
correct gradient is more than t noises off with a probability of at most 2 exp(-t^2). With
FALSE_ALARM for m numbers together that makes the limit t = sqrt(ln(2 m / FALSE_ALARM)), over the
norms of all runs and over all their elements. Another correct program than the plain one may round
in other places; the norm averages over them, but a single element is granted one bit more, a factor
of 2. Nothing else decides, in any format.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log, sqrt
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.formats import eps, largest
from autograd_by_hand.floats.ulp import difference

Array = NDArray[Any]
FALSE_ALARM = 1e-6  # the probability that a correct gradient is rejected, under the model


class Limits(TypedDict):
    """How many noises the error of a correct gradient may have."""

    norm: float
    element: float


def limits(runs: int, elements: int) -> Limits:
    """How many noises the error of a correct gradient may have: its norm, and a single element.

    elements: of all runs together
    """
    return {
        "norm": sqrt(log(2 * runs / FALSE_ALARM)),
        "element": 2 * sqrt(log(2 * elements / FALSE_ALARM)),
    }


@dataclass(frozen=True)
class InNoises:
    """An error in units of noise.

    norm: greatest over the runs, of the whole gradient's error
    element: greatest over all runs and elements
    run, index: where that is
    """

    norm: float
    element: float
    run: int
    index: list[int]


@dataclass(frozen=True)
class Noise:
    """The noise of a gradient in all runs.

    elements: of each element, shape (runs, *shape)
    whole: norm over a run's elements, shape (runs,)
    size: norm of the reference over the same elements, shape (runs,)
    judged: the elements that can be judged, shape (runs, *shape): those whose true value is a
        number of the format, and that no draw of all roundings made overflow
    """

    elements: Array
    whole: Array
    size: Array
    judged: NDArray[np.bool_]

    @classmethod
    def of(cls, measured: Array, reference: Array, dtype: str) -> "Noise":
        """From the rms of a few draws, shape (runs, *shape), and the true gradient.

        A few draws can be small by chance. So no element has less noise than the rms over its run,
        no run has a smaller share of its gradient than the runs' median, and none has less than
        the rounding of the gradient itself.
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
        """The noise as a part of the gradient: the median of the runs; inf for a zero gradient."""
        with np.errstate(all="ignore"):
            return float(np.median(np.where(self.size > 0, self.whole / self.size, np.inf)))

    def measure(self, value: Array, reference: Array, tail: Array | None = None) -> InNoises:
        """The error of `value`, shape (runs, *shape), where it can be judged."""
        runs, shape = len(value), np.shape(value)
        arrays = (self.judged, self.elements, value, reference)
        judged, noise, held, true = (one.reshape(runs, -1) for one in arrays)
        more = None if tail is None else tail.reshape(runs, -1)
        parts = list(blocks(held.shape[1], runs))

        def apart(part: slice) -> Array:
            rest = None if more is None else more[:, part]
            error = np.abs(difference(held[:, part], true[:, part], rest))
            return np.where(judged[:, part], error, 0.0)

        norms = _norms(lambda: map(apart, parts))
        most, where = np.full(runs, -1.0), np.zeros(runs, np.int64)
        with np.errstate(all="ignore"):
            wholes = np.where(norms == 0, 0.0, norms / self.whole)
            for part in parts:
                error = apart(part)
                elements = np.where(error == 0, 0.0, error / noise[:, part])
                at = np.argmax(elements, axis=1)
                found = elements[np.arange(runs), at]
                where = np.where(found > most, part.start + at, where)
                most = np.fmax(most, found)
        run = int(np.argmax(most))
        index = [int(i) for i in np.unravel_index(int(where[run]), shape[1:])]
        return InNoises(float(wholes.max()), float(most.max()), run, index)


def _norms(parts: Callable[[], Iterable[Array]]) -> Array:
    """2-norm of each row of an array, scaled: squares neither overflow nor vanish; inf stays inf.

    parts: gives the array in parts of all its rows, as often as it is asked
    """
    scale = np.max([np.max(np.abs(part), axis=1, initial=0) for part in parts()], axis=0)
    divisor = scale[:, None]
    with np.errstate(all="ignore"):
        fits = np.isfinite(divisor) & (divisor > 0)
        squares = (np.square(np.where(fits, part / divisor, 0.0)).sum(axis=1) for part in parts())
        norms: Array = scale * np.sqrt(sum(squares))
    return np.where(np.isinf(scale), np.inf, norms)
