"""Compute one run in every way in one dtype, and measure it at once, so that no tensor is kept."""

from copy import copy
from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.vjp import load_backward, load_forward
from autograd_by_hand.storage.safetensors_torch import array_of
from autograd_by_hand.summation.numpy_sums import NumpySums
from autograd_by_hand.verdict.proof import ArithmeticName
from autograd_by_hand.verdict.reference import reference_of
from autograd_by_hand.verdict.run_errors import TailsOfRuns, errors_of_run


class ExperimentInDtype:
    """An experiment's forward and backward in one dtype, to be measured run by run.

    given, cotangents, needed: what they may be called with, the names of the cotangents, and the
        tensors whose gradients are required
    arithmetic: in which the reference is computed
    reorders: whether backward is also called with numpy computing its sums
    time_limit: seconds per call
    tails: those of the runs measured so far
    """

    def __init__(
        self,
        forward: Path,
        backward: Path,
        given: Given,
        cotangents: list[str],
        needed: list[str],
        dtype: str,
        arithmetic: ArithmeticName,
        reorders: bool,
        time_limit: float,
    ) -> None:
        self.dtype, self._arithmetic, self._sums = dtype, arithmetic, NumpySums()
        self._gradients = [f"d{name}" for name in needed]
        rest = (needed, torch_dtype(dtype), time_limit)
        self._forward = load_forward(forward, given, *rest)
        self._by_hand = load_backward(backward, given, cotangents, *rest)
        # Apart from the other, so that a failure under numpy's sums is no failure of backward.
        self._reordered = copy(self._by_hand) if reorders else None
        self.tails = TailsOfRuns(self._gradients, dtype)

    def measure(self, run: int, tensors: dict[str, Tensor], douts: dict[str, Tensor]) -> Tensor:
        """Return the errors of one run, shape (comparisons, gradients, measures).

        tensors: the run's inputs as drawn; they are rounded to the dtype first
        douts: the cotangents, each of the shape of its output
        """
        found = {"manual": self._by_hand(tensors, douts).named()}
        if self._reordered:
            with self._sums:
                found["reordered"] = self._reordered(tensors, douts).named()
        found["autograd"] = self._forward(tensors, douts)
        found["reference"] = reference_of(self._forward, tensors, douts, self._arithmetic)
        ways = {
            way: {name: array_of(value) for name, value in named.items()}
            for way, named in found.items()
        }
        self.tails.add(run, ways)
        return torch.from_numpy(errors_of_run(ways, self._gradients, self.dtype))
