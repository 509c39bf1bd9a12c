"""Patterns in the error of a gradient whose values match no known mistake."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.dispatch import materialized
from autograd_by_hand.core.element_index import index_in_brackets
from autograd_by_hand.core.messages import Message
from autograd_by_hand.core.number_format import number
from autograd_by_hand.diagnosis.mistake import UNKNOWN, Mistake
from autograd_by_hand.diagnosis.steps import Ref, Steps
from autograd_by_hand.diagnosis.value_patterns import Found, Values, confined, matching
from autograd_by_hand.floats.ulp import ulp

Array = NDArray[Any]


def vague(
    values: Values, known: Mapping[str, Array], without: Collection[str] = ()
) -> Iterator[Mistake]:
    """Describe the error of a gradient whose values match no known mistake.

    known: tensors of the experiment by name, (runs, *shape)
    without: the families of patterns that are not tried
    """
    return matching(VAGUE, replace(values, known=known), without)


def _proportional(values: Values) -> Iterator[Found]:
    """The gradient, or its error, is a multiple of one of forward's values."""
    error = values.manual - values.truth
    for name, tensor in values.known.items():
        wide = _broadcast(tensor, values.truth.shape)
        if wide is None or not wide.any():
            continue
        with np.errstate(all="ignore"):
            for power in (1, -1, 2, -2, 0.5, -0.5):
                if (power < 0 and not wide.all()) or (power % 1 and (wide < 0).any()):
                    continue
                if values.is_(values.truth * wide**power):
                    yield (
                        "missing",
                        Message(
                            "it is multiplied by {name} once too often, or not divided by it",
                            name=_power(name, power),
                        ),
                        Message(
                            "every element is the true one times {name} to the power of {power}",
                            name=name,
                            power=f"{power:g}",
                        ),
                    )
        size = float((wide * wide).sum())
        count = float((error * wide).sum()) / size
        if count and np.linalg.norm(error - count * wide) <= values.tolerance * values.error:
            yield (
                "missing",
                Message("{count} times {name} is missing", count=number(-count), name=name),
                Message("the error is {count} times {name}", count=number(count), name=name),
            )


def _power(name: str, power: float) -> str:
    """A power of a value, in words."""
    base = name if power > 0 else f"1 / {name}"
    if abs(power) == 2:
        return Message("{name} twice", name=base)
    return Message("{name}, its square root,", name=base) if power % 1 else base


def _broadcast(tensor: Array, shape: tuple[int, ...]) -> Array | None:
    """(runs, *own) as (runs, *shape); None if it does not fit, or is one number per run."""
    missing = len(shape) - tensor.ndim
    if missing < 0 or tensor[0].size < 2:
        return None
    try:
        wide = tensor.reshape(len(tensor), *[1] * missing, *tensor.shape[1:])
        return np.broadcast_to(wide, shape)
    except ValueError:
        return None


def _constant_along_an_axis(values: Values) -> Iterator[Found]:
    """The error is the same along an axis."""
    error = values.manual - values.truth
    most = values.tolerance * values.error
    for axis in range(1, error.ndim):
        apart = np.linalg.norm(error - error.mean(axis=axis, keepdims=True))
        if error.shape[axis] > 1 and apart <= most:
            yield (
                "missing",
                Message(
                    "a term that is the same along axis {axis} is missing: a mean or a sum over it",
                    axis=axis - 1,
                ),
                Message("the error does not change along axis {axis}", axis=axis - 1),
            )


def known_tensors(
    runs: Sequence[Mapping[str, Tensor]],
    douts: Sequence[Mapping[str, Tensor]],
    steps: Sequence[Steps],
) -> dict[str, Array]:
    """The real tensors of the experiment by name, (runs, *shape).

    runs, douts: the inputs and the cotangents of each run
    steps: of forward on each run; none, if it could not be traced
    """
    known = {
        name: np.stack([one[name].numpy() for one in each])
        for each in (runs, douts)
        for name, value in each[0].items()
        if value.is_floating_point()
    }
    for place, value in enumerate(steps[0].values if steps else ()):
        each = [one.values[place] for one in steps]
        if value.is_floating_point() and all(one.shape == value.shape for one in each):
            stacked = np.stack([materialized(one).double().numpy() for one in each])
            known.setdefault(steps[0].describe(Ref(place)), stacked)
    return known


def unexplained(manual: Array, truth: Array, *, by_parts: bool = False) -> Mistake:
    """Report where the difference is largest, for a gradient that nothing explains.

    manual, truth: the gradient and the true one, (runs, *shape), float64
    by_parts: whether it is complex, and its last axis has the real and the imaginary part
    """
    apart = np.where(np.isfinite(manual), np.abs(manual - truth), np.inf)
    run, *index = (int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
    place = (run, *index)
    ulps = apart[place] / ulp(truth[place], "float64")
    evidence = Message(
        "the difference is largest at index {index} of run {run}: backward gives "
        "{manual}, the true value is {truth}, {ulps} ulps of float64 away",
        index=index_in_brackets(index, by_parts=by_parts),
        run=run,
        manual=number(manual[place], 6),
        truth=number(truth[place], 6),
        ulps=number(ulps),
    )
    return Mistake("unknown", UNKNOWN, evidence)


# The order in which they are tried: of two that fit, the first gives the name.
VAGUE: dict[str, Callable[[Values], Iterator[Found]]] = {
    "confined": partial(confined, said=False),
    "proportional": _proportional,
    "constant along an axis": _constant_along_an_axis,
}
