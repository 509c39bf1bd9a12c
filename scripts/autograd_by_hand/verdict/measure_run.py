"""One run in one format: the gradient in every way, and how far the ways are apart."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.experiment.vjp import Backward, autograd_vjp
from autograd_by_hand.floats.ulp import Array, distance
from autograd_by_hand.storage.comparisons import COMPARISONS, MEASURES
from autograd_by_hand.storage.safetensors_torch import array_of
from autograd_by_hand.summation.numpy_sums import NumpySums
from autograd_by_hand.verdict.error_histogram import added, tail_of
from autograd_by_hand.verdict.extended_precision import split, widen


class InFormat:
    """An experiment's author, asked run by run in one format.

    wide: whether the reference is computed in longdouble, and not in float64
    """

    def __init__(
        self,
        forward: Path,
        backward: Path,
        names: list[str],
        needed: list[str],
        dtype: str,
        wide: bool,
        time_limit: float,
    ) -> None:
        self.dtype, self._forward, self._needed, self._limit = dtype, forward, needed, time_limit
        self._kind, self._wide = torch_dtype(dtype), wide
        self._function = load_function(forward, "forward", names, time_limit)
        by_hand = load_function(backward, "backward", [*names, "dout"], time_limit)
        self._by_hand = Backward(by_hand, backward, needed, self._kind, time_limit)
        self._sums = NumpySums()
        self._tails: dict[str, dict[str, Any]] = {}
        self._lost = 0

    def measure(self, run: int, tensors: dict[str, Tensor], dout: Tensor) -> Tensor:
        """The errors of one run, shape (comparisons, gradients, measures).

        tensors: the run's inputs in float32 or int64; they are rounded to the format first
        dout: the cotangent, shape of forward's result
        """
        manual = self._by_hand(tensors, dout).gradients
        with self._sums:
            reordered = self._by_hand(tensors, dout).gradients
        result, autograd = autograd_vjp(
            self._function, self._forward, tensors, self._needed, self._kind, dout, self._limit
        )
        truth = self._reference(tensors, dout)
        self._lost += not bool(torch.isfinite(result).all())
        ways = {"manual": manual, "reordered": reordered, "autograd": autograd}
        values = {
            way: {name: array_of(found[name]) for name in self._needed}
            for way, found in ways.items()
        } | {"reference": {name: head for name, (head, _) in truth.items()}}
        errors = np.empty((len(COMPARISONS), len(self._needed), len(MEASURES)))
        for place, comparison in enumerate(COMPARISONS):
            first, second = comparison.split("_vs_")
            for column, name in enumerate(self._needed):
                tail = truth[name][1] if second == "reference" else None
                apart = distance(values[first][name], values[second][name], self.dtype, tail)
                errors[place, column] = [getattr(apart, measure) for measure in MEASURES]
        for name in self._needed:
            hand, torchs = values["manual"][name], values["autograd"][name]
            told = tail_of(run, hand, torchs, *truth[name], self.dtype)
            before = self._tails.get(f"d{name}")
            self._tails[f"d{name}"] = added([before, told]) if before else told
        return torch.from_numpy(errors)

    def tails(self) -> dict[str, Any]:
        """Of every gradient, the tails of the runs measured so far; and `result`, see tails.py."""
        return {"gradients": self._tails, "lost": self._lost}

    def _reference(
        self, tensors: dict[str, Tensor], dout: Tensor
    ) -> dict[str, tuple[Array, Array | None]]:
        """The wider gradients by tensor, in float64 and what they have beyond it."""
        rounded = {name: cast(value, self._kind) for name, value in tensors.items()}
        _, found = autograd_vjp(
            self._function,
            self._forward,
            rounded,
            self._needed,
            torch.float64,
            cast(dout, self._kind),
            self._limit,
            *((widen,) if self._wide else ()),
        )
        if not self._wide:
            return {name: (found[name].numpy(), None) for name in self._needed}
        parts = {name: split(found[name]) for name in self._needed}
        return {name: (head.numpy(), tail.numpy()) for name, (head, tail) in parts.items()}
