"""Measure how far one run's gradients are from each other and from the reference."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.floats.ulp import distance
from autograd_by_hand.storage.comparisons import COMPARISONS, MEASURES
from autograd_by_hand.verdict.error_histogram import Tail, Tails, added, tail_of

Array = NDArray[Any]
# The arrays of one run, by the way of computing it (manual, autograd, reference, reordered) and by
# name: "d<tensor>", forward's outputs, and for a wider reference "d<tensor>.tail".
Ways = dict[str, dict[str, Array]]


def errors_of_run(ways: Ways, gradients: list[str], dtype: str) -> Array:
    """Return the errors of one run, shape (comparisons, gradients, measures).

    A comparison of which a way is missing has nan.
    """
    errors = np.full((len(COMPARISONS), len(gradients), len(MEASURES)), np.nan)
    for row, comparison in enumerate(COMPARISONS):
        first, second = comparison.split("_vs_")
        if first not in ways or second not in ways:
            continue
        for column, name in enumerate(gradients):
            tail = ways[second].get(f"{name}.tail")
            apart = distance(ways[first][name], ways[second][name], dtype, tail)
            errors[row, column] = [getattr(apart, measure) for measure in MEASURES]
    return errors


class TailsOfRuns:
    """The tails of every gradient, added up run by run."""

    def __init__(self, gradients: list[str], dtype: str) -> None:
        self._gradients, self._dtype = gradients, dtype
        self._tails: dict[str, Tail] = {}
        self._lost = 0

    def add(self, run: int, ways: Ways) -> None:
        """Count the elements of one run."""
        outputs = [one for name, one in ways["autograd"].items() if name not in self._gradients]
        self._lost += not all(np.isfinite(one).all() for one in outputs)
        for name in self._gradients:
            manual, autograd, truth = (
                ways[way][name] for way in ("manual", "autograd", "reference")
            )
            more = ways["reference"].get(f"{name}.tail")
            counted = tail_of(run, manual, autograd, truth, more, self._dtype)
            before = self._tails.get(name)
            self._tails[name] = added([before, counted]) if before else counted

    def so_far(self) -> Tails:
        """Return the tails of the runs added so far."""
        return {"gradients": self._tails, "lost": self._lost}
