"""Mistakes that a gradient's values give away, beside the true ones: the most specific first.

In float64 a pattern that is meant leaves nothing over but rounding, so that none fits by chance.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import permutations
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.diagnosis.factor_names import name_of
from autograd_by_hand.diagnosis.mistake import Mistake

Array = NDArray[Any]
Found = tuple[str, str, str]  # the kind of mistake, its name, the evidence
MOST_AXES = 5  # of which all orders are tried, the runs' one included


@dataclass(frozen=True)
class Values:
    """A wrong gradient and the true one in all runs, float64, shape (runs, *shape).

    tolerance: what a pattern may leave over, as a part of the error
    name: of the tensor
    gradients: the true gradients by tensor, (runs, *shape)
    shapes: of all tensors, by name, without the runs
    known: tensors of the experiment by name, (runs, *shape)
    """

    hand: Array
    truth: Array
    tolerance: float
    name: str = ""
    gradients: Mapping[str, Array] = field(default_factory=dict)
    shapes: Mapping[str, list[int]] = field(default_factory=dict)
    known: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def error(self) -> float:
        """The norm of the error."""
        return float(np.linalg.norm(self.hand - self.truth))

    def is_(self, other: Array) -> bool:
        """Whether the hand's gradient is `other`."""
        if other.shape != self.hand.shape:
            return False
        left_over = float(np.linalg.norm(self.hand - other))
        return left_over <= self.tolerance * self.error


def exact(values: Values, without: Collection[str] = ()) -> Iterator[Mistake]:
    """What the gradient exactly is in place of the true one.

    without: the families of patterns that are not tried
    """
    families = EXACT if values.hand.any() else {"zero": _zero}
    return matching(families, values, without)


def matching(
    families: Mapping[str, Callable[[Values], Iterator[Found]]],
    values: Values,
    without: Collection[str],
) -> Iterator[Mistake]:
    """The patterns that fit, of the families in their order."""
    for family, patterns in families.items():
        for kind, name, evidence in patterns(values) if family not in without else ():
            yield Mistake(kind, name, evidence, family)


def _zero(values: Values) -> Iterator[Found]:
    """Nothing."""
    if not values.hand.any():
        yield "zero", "it is zero: its terms are missing or detached", "every element is 0"


def _other_gradient(values: Values) -> Iterator[Found]:
    """The true gradient of another tensor."""
    for other, gradient in values.gradients.items():
        if other != values.name and values.is_(gradient):
            evidence = f"every element is that of d{other}"
            yield "operation", f"it is the gradient of {other}", evidence


def _absolute_or_sign(values: Values) -> Iterator[Found]:
    """The true gradient's absolute value, or its sign."""
    truth = values.truth
    for what, taken in (("absolute value", np.abs(truth)), ("sign", np.sign(truth))):
        if values.is_(taken):
            evidence = f"every element is that of the true gradient's {what}"
            yield "operation", f"its {what} is taken", evidence


def _clipped(values: Values) -> Iterator[Found]:
    """The true gradient, kept within two bounds."""
    low, high = values.hand.min(), values.hand.max()
    if low < high and values.is_(np.clip(values.truth, low, high)):
        evidence = f"it is the true gradient, kept within {low:.6g} and {high:.6g}"
        yield "operation", "it is clipped", evidence


def _factor(values: Values) -> Iterator[Found]:
    """The true gradient times a number, or a number for each run."""
    hand, truth = (one.reshape(len(one), -1) for one in (values.hand, values.truth))
    size = float((truth * truth).sum())
    if not size:
        return
    factor = float((hand * truth).sum()) / size
    if values.is_(factor * values.truth):
        left_over = float(np.linalg.norm(hand - factor * truth))
        within = left_over / sqrt(size) + 1e-12 * abs(factor)
        evidence = f"every element is {factor:.6g} times the true one"
        yield "factor", name_of(factor, values.shapes, within), evidence
        return
    squares = (truth * truth).sum(axis=1)
    if len(hand) > 1 and (squares > 0).all():
        each = (hand * truth).sum(axis=1) / squares
        if values.is_(each.reshape(-1, *[1] * (values.truth.ndim - 1)) * values.truth):
            what = "a number computed from the tensors"
            c = f"c from {each.min():.4g} to {each.max():.4g} over the runs"
            yield (
                "factor",
                f"a factor that changes from run to run is wrong: {what}",
                f"every element is c times the true one, {c}",
            )


def _permuted(values: Values) -> Iterator[Found]:
    """The true gradient with its axes in another order."""
    truth = values.truth
    if truth.ndim > MOST_AXES:
        return
    axes = tuple(range(1, truth.ndim))
    for order in permutations(axes):
        if order == axes:
            continue
        turned = truth.transpose(0, *order)
        how = (
            "it is transposed"
            if truth.ndim == 3
            else f"it is with its axes in the order {tuple(axis - 1 for axis in order)}"
        )
        again = f"{how} and laid out again in the tensor's shape"
        if values.is_(turned):
            yield "transposed", how, "every element is the one across"
        if values.is_(turned.reshape(truth.shape)):
            evidence = "the same numbers, in the order in which the transposed gradient has them"
            yield "transposed", again, evidence
        back = truth.reshape(turned.shape).transpose(0, *np.argsort(order) + 1)
        if values.is_(back.reshape(truth.shape)):
            yield "transposed", again, "the same numbers, in another order"


def _rolled_or_reversed(values: Values) -> Iterator[Found]:
    """The true gradient, read some places off along an axis or from its other end."""
    truth = values.truth
    for axis in range(1, truth.ndim):
        size = truth.shape[axis]
        for by in (1, -1, 2, -2, 3, -3, 4, -4):
            if abs(by) < size and values.is_(np.roll(truth, by, axis)):
                yield (
                    "shifted" if abs(by) == 1 else "transposed",
                    f"it is rolled by {by} along axis {axis - 1}",
                    f"every element is the true one of {by} places before",
                )
                break
        if size > 1 and values.is_(np.flip(truth, axis)):
            evidence = "every element is the one from the other end"
            yield "transposed", f"it is reversed along axis {axis - 1}", evidence


def confined(values: Values, *, said: bool) -> Iterator[Found]:
    """Right but for some rows or elements; `said`: and it can be said what is there."""
    apart = np.abs(values.hand - values.truth)
    off = (apart > values.tolerance * values.error).any(axis=0)  # in any run
    if not off.any() or off.mean() > 0.5:
        return
    what = _what_is_there(values, off)
    if said and not what:
        return
    for axis, size in enumerate(off.shape):
        rows = np.flatnonzero(off.any(axis=tuple(one for one in range(off.ndim) if one != axis)))
        if len(rows) <= size / 2:
            in_turn = len(rows) > 1 and rows[-1] - rows[0] == len(rows) - 1
            which = f"{rows[0]} to {rows[-1]}" if in_turn else ", ".join(map(str, rows[:8]))
            yield (
                "confined",
                f"only index {which} along axis {axis} is wrong{what}",
                f"the other {size - len(rows)} of {size} are right in every run",
            )
            return
    first = tuple(np.argwhere(off)[0].tolist())
    yield (
        "confined",
        f"only {int(off.sum())} of {off.size} elements are wrong, the first at index {first}{what}",
        "the others are right in every run",
    )


def _what_is_there(values: Values, off: NDArray[np.bool_]) -> str:
    hand, truth = values.hand[:, off], values.truth[:, off]
    if not hand.any():
        return ": it is 0 there"
    size = float((truth * truth).sum())
    factor = float((hand * truth).sum()) / size if size else 0.0
    if np.linalg.norm(hand - factor * truth) <= values.tolerance * values.error:
        return f": it is {factor:.6g} times the true one there"
    return ""


# The order in which they are tried: of two that fit, the first gives the name.
EXACT: dict[str, Callable[[Values], Iterator[Found]]] = {
    "zero": _zero,
    "factor": _factor,
    "another gradient": _other_gradient,
    "axes": _permuted,
    "shifted or reversed": _rolled_or_reversed,
    "confined": partial(confined, said=True),
    "absolute value or sign": _absolute_or_sign,
    "clipped": _clipped,
}
