"""Entries of torch's operator database as functions with one real result, to be differentiated.

The result is the sum of all numbers that an entry gives, each times a fixed random weight; both
parts of a complex one count.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_unflatten

from autograd_by_hand.enclosure.differentiate import Enclosure, enclose

RANDOM = ("bernoulli", "normal", "dropout", "rrelu", "fractional_max_pool", "rand", "multinomial")
MOST_NUMBERS = 2000  # of a sample's tensors together
SEED = 0
ONE = torch.ones((), dtype=torch.float64)


@dataclass(frozen=True)
class Case:
    """One call of an entry.

    results: gets tensors by name and returns all that the entry gives
    tensors: all tensors among the arguments
    needed: those that are differentiated by
    moved: by how much inputs and weights are moved, as a share of them, and the seed of the signs
    """

    results: Callable[[dict[str, Tensor]], list[Any]]
    tensors: dict[str, Tensor]
    needed: list[str]
    moved: tuple[float, int] | None = None

    def function(self, tensors: dict[str, Tensor]) -> Tensor:
        """The weighted sum of the results on tensors by name."""
        generator = torch.Generator().manual_seed(SEED + 1)
        weighted = []
        for one in self.results(tensors):
            if _counts(one):
                real = by_parts(one)
                weight = torch.randn(real.shape, generator=generator, dtype=torch.float64)
                weighted.append((real * self._shifted(weight)).sum())
        return torch.stack(weighted).sum()

    def _shifted(self, value: Tensor) -> Tensor:
        if self.moved is None:
            return value
        step, seed = self.moved
        generator = torch.Generator().manual_seed(seed)
        signs = torch.randint(0, 2, value.shape, generator=generator) * 2.0 - 1
        return value * (1 + step * signs.double())

    def moved_by(self, step: float, seed: int) -> "Case":
        """The same call with every input and weight moved up or down by a share of it."""
        shifted = replace(self, moved=(step, seed))
        tensors = {
            name: shifted._shifted(value) if name in self.needed else value
            for name, value in self.tensors.items()
        }
        return replace(shifted, tensors=tensors)

    def by_autograd(self) -> tuple[Tensor, dict[str, Tensor]] | None:
        """The result and the gradients; None if torch has none, or no finite ones."""
        leaves = {
            name: value.clone().requires_grad_(name in self.needed)
            for name, value in self.tensors.items()
        }
        try:
            result = self.function(leaves)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = torch.autograd.grad(
                    result,
                    [leaves[name] for name in self.needed],
                    allow_unused=True,
                    materialize_grads=True,
                )
        except (RuntimeError, NotImplementedError):
            return None
        if not result.isfinite():
            return None
        parts = [by_parts(one.detach() + 0) for one in found]
        return result.detach(), dict(zip(self.needed, parts, strict=True))

    def enclosed(self) -> Enclosure:
        """The result and the gradients within proven bounds."""
        return enclose(self.function, self.tensors, self.needed, ONE)


def by_parts(value: Tensor) -> Tensor:
    """A complex tensor as a real one with a last axis for its parts."""
    return torch.view_as_real(value.resolve_conj()) if value.is_complex() else value


def entries(dtype: torch.dtype) -> dict[str, Any]:
    """The entries that are differentiable in a dtype on a CPU and draw nothing, by name."""
    return {
        _name_of(op): op
        for op in op_db
        if op.supports_dtype(dtype, "cpu")
        and op.supports_autograd
        and not any(word in op.name for word in RANDOM)
    }


def _name_of(op: Any) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


def cases(op: Any, dtype: torch.dtype, most: int) -> Iterator[Case]:
    """As many of an entry's first samples, without those that are large or sparse."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = list(op.sample_inputs("cpu", dtype, requires_grad=True))[:most]
    for sample in samples:
        flat, form = tree_flatten((sample.input, sample.args, sample.kwargs))
        tensors = {f"t{i}": v.detach() for i, v in enumerate(flat) if isinstance(v, Tensor)}
        needed = [
            name for i, v in enumerate(flat) if (name := f"t{i}") in tensors and v.requires_grad
        ]
        few = sum(value.numel() for value in tensors.values()) < MOST_NUMBERS
        strided = all(value.layout == torch.strided for value in tensors.values())
        wide = all(tensors[name].dtype in (torch.float64, torch.complex128) for name in needed)
        if needed and few and strided and wide:
            yield Case(_results(op, sample, flat, form), tensors, needed)


def _results(
    op: Any, sample: Any, flat: list[Any], form: Any
) -> Callable[[dict[str, Tensor]], list[Any]]:
    def results(tensors: dict[str, Tensor]) -> list[Any]:
        given = [tensors.get(f"t{i}", value) for i, value in enumerate(flat)]
        first, args, kwargs = tree_unflatten(given, form)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = op.gradcheck_wrapper(op.get_op(), first, *args, **kwargs)
        every: list[Any] = tree_flatten(sample.output_process_fn_grad(made))[0]
        return every

    return results


def _counts(value: Any) -> bool:
    is_wide = isinstance(value, Tensor) and value.dtype in (torch.float64, torch.complex128)
    return is_wide and bool(value.requires_grad)
