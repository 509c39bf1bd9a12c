"""Mistakes that show in a gradient's values, compared with the true ones: most specific first.

In float64 the right pattern explains everything up to rounding, so none fits by chance.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import permutations
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.core.element_index import index_in_brackets
from autograd_by_hand.core.messages import Message, joined
from autograd_by_hand.diagnosis.factor_names import name_of
from autograd_by_hand.diagnosis.layouts import (
    TRANSPOSED,
    permuted,
    permuted_back,
)
from autograd_by_hand.diagnosis.mistake import Mistake

Array = NDArray[Any]
Found = tuple[str, Message, Message]  # the kind of mistake, its name, the evidence
MOST_AXES = 5  # whose orders are all tried, including the axis of the runs


@dataclass(frozen=True)
class Values:
    """A wrong gradient and the true one in all runs, float64, shape (runs, *shape).

    tolerance: the fraction of the error that a pattern may leave unexplained
    name: the name of the tensor
    gradients: the true gradients by tensor, (runs, *shape)
    shapes: the shapes of all tensors, by name, without the axis of the runs
    known: tensors of the experiment by name, (runs, *shape)
    by_parts: whether the tensor is complex, and its last axis has the real and the imaginary part
    """

    manual: Array
    truth: Array
    tolerance: float
    name: str = ""
    gradients: Mapping[str, Array] = field(default_factory=dict)
    shapes: Mapping[str, list[int]] = field(default_factory=dict)
    known: Mapping[str, Array] = field(default_factory=dict)
    by_parts: bool = False

    @cached_property
    def error(self) -> float:
        """The norm of the error."""
        return float(np.linalg.norm(self.manual - self.truth))

    def is_(self, other: Array) -> bool:
        """Whether the manual gradient equals `other`, up to the tolerance."""
        if other.shape != self.manual.shape:
            return False
        left_over = float(np.linalg.norm(self.manual - other))
        return left_over <= self.tolerance * self.error


def exact(values: Values, without: Collection[str] = ()) -> Iterator[Mistake]:
    """Find known mistakes that give exactly this gradient.

    without: the families of patterns that are not tried
    """
    families = EXACT if values.manual.any() else {"zero": _zero}
    return matching(families, values, without)


def matching(
    families: Mapping[str, Callable[[Values], Iterator[Found]]],
    values: Values,
    without: Collection[str],
) -> Iterator[Mistake]:
    """The patterns that fit, family by family."""
    for family, patterns in families.items():
        for kind, name, evidence in patterns(values) if family not in without else ():
            yield Mistake(kind, name, evidence, family)


def _zero(values: Values) -> Iterator[Found]:
    """The gradient is zero."""
    if not values.manual.any():
        name = Message("it is zero: its terms are missing or detached")
        yield "zero", name, Message("every element is {number}", number="0")


def _other_gradient(values: Values) -> Iterator[Found]:
    """The gradient is the true one of another tensor."""
    for other, gradient in values.gradients.items():
        if other != values.name and values.is_(gradient):
            evidence = Message("every element is that of d{name}", name=other)
            yield "operation", Message("it is the gradient of {name}", name=other), evidence


def _factor(values: Values) -> Iterator[Found]:
    """The gradient is the true one times a number, or times one number per run."""
    manual, truth = (one.reshape(len(one), -1) for one in (values.manual, values.truth))
    size = float((truth * truth).sum())
    if not size:
        return
    factor = float((manual * truth).sum()) / size
    if values.is_(factor * values.truth):
        left_over = float(np.linalg.norm(manual - factor * truth))
        within = left_over / sqrt(size) + 1e-12 * abs(factor)
        evidence = Message("every element is {factor} times the true one", factor=f"{factor:.6g}")
        yield "factor", name_of(factor, values.shapes, within), evidence
        return
    squares = (truth * truth).sum(axis=1)
    if len(manual) > 1 and (squares > 0).all():
        each = (manual * truth).sum(axis=1) / squares
        if values.is_(each.reshape(-1, *[1] * (values.truth.ndim - 1)) * values.truth):
            yield (
                "factor",
                Message(
                    "a factor that changes from run to run is wrong: {what}",
                    what=Message("a number computed from the tensors"),
                ),
                Message(
                    "every element is c times the true one, c from {low} to {high} over the runs",
                    low=f"{each.min():.4g}",
                    high=f"{each.max():.4g}",
                ),
            )


def _permuted(values: Values) -> Iterator[Found]:
    """The gradient is the true one with its axes permuted."""
    truth = values.truth
    if truth.ndim > MOST_AXES:
        return
    shape = truth.shape[1:]
    axes = tuple(range(len(shape)))
    for order in permutations(axes):
        if order == axes:
            continue
        how = (
            Message("it {what}", what=TRANSPOSED.words)
            if len(shape) == 2
            else Message("its axes are in the order {order}", order=str(order))
        )
        again = Message("{how} and reshaped to the tensor's shape", how=how)
        if values.is_(laid_out(truth, permuted(order))):
            if shape == tuple(shape[axis] for axis in order):
                yield (
                    "transposed",
                    how,
                    Message("every element is the true one at the permuted index"),
                )
            evidence = Message("the same numbers, in the order of the transposed gradient")
            yield "transposed", again, evidence
        if values.is_(laid_out(truth, permuted_back(order))):
            yield "transposed", again, Message("the same numbers, in another order")


def laid_out(runs: Array, of: Callable[[Tensor], Tensor]) -> Array:
    """Each run's tensor in another layout."""
    return np.stack([of(torch.tensor(run)).numpy() for run in runs])


def confined(values: Values, *, said: bool) -> Iterator[Found]:
    """Only some rows or elements are wrong; with `said`, only if their values can be described."""
    apart = np.abs(values.manual - values.truth)
    off = (apart > values.tolerance * values.error).any(axis=0)  # in any run
    if not off.any() or off.mean() > 0.5:
        return
    what = _what_is_there(values, off)
    if said and not what:
        return
    for axis, size in enumerate(off.shape):
        rows = np.flatnonzero(off.any(axis=tuple(one for one in range(off.ndim) if one != axis)))
        if values.by_parts and axis == off.ndim - 1 and len(rows) == 1:
            part = [
                Message("only the real part is wrong"),
                Message("only the imaginary part is wrong"),
            ]
            where = part[rows[0]]
            how = Message("the other part is right in every run")
            yield "confined", joined(": ", [where, what]) if what else where, how
            return
        if len(rows) <= size / 2:
            in_turn = len(rows) > 1 and rows[-1] - rows[0] == len(rows) - 1
            which = f"{rows[0]} to {rows[-1]}" if in_turn else ", ".join(map(str, rows[:8]))
            where = Message("only index {which} along axis {axis} is wrong", which=which, axis=axis)
            yield (
                "confined",
                joined(": ", [where, what]) if what else where,
                Message(
                    "the other {count} of {all} are right in every run",
                    count=size - len(rows),
                    all=size,
                ),
            )
            return
    where = Message(
        "only {count} of {all} elements are wrong, the first at index {index}",
        count=int(off.sum()),
        all=off.size,
        index=index_in_brackets(np.argwhere(off)[0].tolist(), by_parts=values.by_parts),
    )
    yield (
        "confined",
        joined(": ", [where, what]) if what else where,
        Message("the others are right in every run"),
    )


def _what_is_there(values: Values, off: NDArray[np.bool_]) -> Message | None:
    """Describe the wrong elements, if they match a pattern."""
    manual, truth = values.manual[:, off], values.truth[:, off]
    if not manual.any():
        return Message("it is 0 there")
    size = float((truth * truth).sum())
    factor = float((manual * truth).sum()) / size if size else 0.0
    if np.linalg.norm(manual - factor * truth) <= values.tolerance * values.error:
        return Message("it is {factor} times the true one there", factor=f"{factor:.6g}")
    return None


# In the order in which they are tried: of two that fit, the first gives the name.
EXACT: dict[str, Callable[[Values], Iterator[Found]]] = {
    "zero": _zero,
    "factor": _factor,
    "another gradient": _other_gradient,
    "axes": _permuted,
    "confined": partial(confined, said=True),
}
