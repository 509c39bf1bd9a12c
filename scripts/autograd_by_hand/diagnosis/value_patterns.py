"""Mistakes that a gradient's values give away, beside the true ones: the most specific first.

In float64 a pattern that is meant leaves nothing over but rounding, so that none fits by chance.
"""

from collections.abc import Iterator
from itertools import permutations
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.number_format import number

Array = NDArray[Any]
Found = tuple[str, str, str]  # the kind of mistake, its name, the evidence

MOST_AXES = 5  # of which all orders are tried, the runs' one included


class Values:
    """A wrong gradient and the true one in all runs, float64, shape (runs, *shape).

    tolerance: what a pattern may leave over, as a part of the error
    """

    def __init__(self, hand: Array, truth: Array, tolerance: float) -> None:
        self.hand, self.truth, self.tolerance = hand, truth, tolerance
        self.error = float(np.linalg.norm(hand - truth))

    def is_(self, other: Array) -> bool:
        """Whether the hand's gradient is `other`."""
        if other.shape != self.hand.shape:
            return False
        left_over = float(np.linalg.norm(self.hand - other))
        return left_over <= self.tolerance * self.error


def exact(
    name: str, values: Values, gradients: dict[str, Array], shapes: dict[str, Any]
) -> Iterator[Found]:
    """What the gradient exactly is in place of the true one.

    name: of the tensor
    gradients: the true gradients by tensor, (runs, *shape)
    shapes: of all tensors, by name
    """
    hand, truth = values.hand, values.truth
    if not hand.any():
        yield "zero", "it is zero: its terms are missing or detached", "every element is 0"
        return
    yield from _factor(values, shapes)
    for other, gradient in gradients.items():
        if other != name and values.is_(gradient):
            evidence = f"every element is that of d{other}"
            yield "operation", f"it is the gradient of {other}", evidence
    yield from _permuted(values)
    yield from _rolled_or_reversed(values)
    yield from _confined(values, said=True)
    for what, taken in (("absolute value", np.abs(truth)), ("sign", np.sign(truth))):
        if values.is_(taken):
            evidence = f"every element is that of the true gradient's {what}"
            yield "operation", f"its {what} is taken", evidence
    low, high = hand.min(), hand.max()
    if low < high and values.is_(np.clip(truth, low, high)):
        evidence = f"it is the true gradient, kept within {low:.6g} and {high:.6g}"
        yield "operation", "it is clipped", evidence


def _factor(values: Values, shapes: dict[str, Any]) -> Iterator[Found]:
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
        yield "factor", name_of(factor, shapes, within), evidence
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


def name_of(factor: float, shapes: dict[str, Any], within: float = 1e-9) -> str:
    """The likeliest mistakes behind a gradient that is `factor` times the true one.

    shapes: of all tensors, by name
    within: how well the factor is known
    """
    names = [words for value, words in SIMPLE.items() if abs(factor - value) <= within]
    names += [words for value, words in _of_sizes(shapes) if abs(factor - value) <= within]
    if not names:
        return f"a constant factor is wrong: it is {factor:.7g} times what it must be"
    return "; or ".join(list(dict.fromkeys(names))[:2])


def is_named(factor: float, shapes: dict[str, Any]) -> bool:
    """Whether a known mistake has this factor."""
    known = [*SIMPLE, *(value for value, _ in _of_sizes(shapes))]
    return any(abs(factor - value) <= 1e-9 * abs(value) for value in known)


def _of_sizes(shapes: dict[str, Any]) -> Iterator[tuple[float, str]]:
    """The factors that mistakes with the tensors' sizes give, and the mistakes in words."""
    sizes: dict[int, str] = {}
    for name, shape in shapes.items():
        for axis, size in enumerate(shape):
            if size > 1:
                sizes.setdefault(size, f"{size}, the length of axis {axis} of {name}")
    counts = dict(sizes)
    for name, shape in shapes.items():
        if len(shape) > 1:
            counts.setdefault(prod(shape), f"{prod(shape)}, the number of elements of {name}")
            counts.setdefault(prod(shape[:-1]), f"{prod(shape[:-1])}, the rows of {name}")
    for sign, minus in ((1, ""), (-1, " and the sign is wrong")):
        for half, also in HALVES.items():
            for count, told in counts.items():
                for value, words in _of_count(count, told):
                    yield sign * half * value, words + also + minus
            if half == 1:
                for (one, told), (other, told_other) in permutations(sizes.items(), 2):
                    words = f"it is divided by {told_other}, and not by {told}{minus}"
                    yield sign * one / other, words


def _of_count(count: int, told: str) -> Iterator[tuple[float, str]]:
    if count == 1:
        return
    yield count, f"it is summed where a mean is due: {told}, does not divide it"
    yield 1 / count, f"it is a mean where a sum is due, or is divided twice: by {told}"
    yield sqrt(count), f"the square root of {told}, does not divide it"
    yield 1 / sqrt(count), f"the square root of {told}, divides it once too often"
    yield count / (count - 1), f"n - 1 in place of n = {told}"
    yield (count - 1) / count, f"n in place of n - 1 with n = {told}"
    yield sqrt(count / (count - 1)), f"n - 1 in place of n under a root, n = {told}"
    yield sqrt((count - 1) / count), f"n in place of n - 1 under a root, n = {told}"


SIMPLE = {
    2.0: "a factor 1/2 is forgotten (the loss's own, say), or it is counted twice",
    0.5: "a factor 1/2 too many, or a factor 2 is missing",
    -1.0: "the sign is wrong",
    -2.0: "the sign is wrong and a factor 1/2 is forgotten",
    -0.5: "the sign is wrong and a factor 1/2 too many",
}
HALVES = {1: "", 2: " and a factor 1/2 is forgotten", 0.5: " and a factor 1/2 too many"}


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


def vague(values: Values, known: dict[str, Array]) -> Iterator[Found]:
    """What the error is like, if the gradient is nothing in particular.

    known: tensors of the experiment by name, (runs, *shape)
    """
    yield from _confined(values, said=False)
    yield from _proportional(values, known)
    yield from _per_row(values)
    yield from _constant_along(values)


def _confined(values: Values, *, said: bool) -> Iterator[Found]:
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


def _proportional(values: Values, known: dict[str, Array]) -> Iterator[Found]:
    """The gradient, or its error, is a product with a value of forward's."""
    error = values.hand - values.truth
    for name, tensor in known.items():
        wide = _broadcast(tensor, values.truth.shape)
        if wide is None or not wide.any():
            continue
        with np.errstate(all="ignore"):
            for power in (1, -1, 2, -2, 0.5, -0.5):
                if (power < 0 and not wide.all()) or (power % 1 and (wide < 0).any()):
                    continue
                if values.is_(values.truth * wide**power):
                    times = name if power > 0 else f"1 / {name}"
                    times += {2: " twice", 0.5: ", its square root,"}.get(abs(power), "")
                    yield (
                        "missing",
                        f"it is multiplied by {times} once too often, or not divided by it",
                        f"every element is the true one times {name} to the power of {power:g}",
                    )
        size = float((wide * wide).sum())
        count = float((error * wide).sum()) / size
        if count and np.linalg.norm(error - count * wide) <= values.tolerance * values.error:
            yield (
                "missing",
                f"{number(-count)} times {name} is missing",
                f"the error is {number(count)} times {name}",
            )


def _broadcast(tensor: Array, shape: tuple[int, ...]) -> Array | None:
    """(runs, *own) as (runs, *shape); None if it does not fit, or is one number a run."""
    missing = len(shape) - tensor.ndim
    if missing < 0 or tensor[0].size < 2:
        return None
    try:
        wide = tensor.reshape(len(tensor), *[1] * missing, *tensor.shape[1:])
        return np.broadcast_to(wide, shape)
    except ValueError:
        return None


def _per_row(values: Values) -> Iterator[Found]:
    """Each row is the true one times a factor of its own."""
    for axis in range(1, values.truth.ndim):
        rest = tuple(one for one in range(1, values.truth.ndim) if one != axis)
        if not rest:
            continue
        size = (values.truth**2).sum(axis=rest, keepdims=True)
        with np.errstate(all="ignore"):
            factors = (values.hand * values.truth).sum(axis=rest, keepdims=True) / size
        if (size > 0).all() and values.is_(factors * values.truth):
            low, high = factors.min(), factors.max()
            yield (
                "missing",
                f"each index along axis {axis - 1} has a factor of its own that is wrong",
                f"it is c times the true gradient, c from {low:.4g} to {high:.4g} along that axis",
            )


def _constant_along(values: Values) -> Iterator[Found]:
    """The error is the same along an axis, or one row times one column."""
    error = values.hand - values.truth
    most = values.tolerance * values.error
    for axis in range(1, error.ndim):
        apart = np.linalg.norm(error - error.mean(axis=axis, keepdims=True))
        if error.shape[axis] > 1 and apart <= most:
            along = f"along axis {axis - 1}"
            yield (
                "missing",
                f"a term that is the same {along} is missing: a mean or a sum over it",
                f"the error does not change {along}",
            )
    if error.ndim == 3 and min(error.shape[1:]) > 2:
        singular = np.linalg.svd(error, compute_uv=False)
        first = singular[:, 0]
        if (singular[:, 1] <= values.tolerance * first).all():
            second = number(float((singular[first > 0, 1] / first[first > 0]).max()))
            yield (
                "missing",
                "a term of rank one is missing: one vector times another, a projection perhaps",
                f"the error has rank one: its second singular value is {second} of the first",
            )
