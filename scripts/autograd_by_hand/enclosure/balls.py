"""Arrays of balls: numpy object arrays whose elements are FLINT's `arb`.

The precision of an operation is that of FLINT's context, `precision(bits)`; a ball itself is exact
data. Numbers that enter are exact: a float is the binary fraction that it stores.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from operator import sub
from typing import Any

import numpy as np
from flint import acb, acb_mat, arb, arb_mat, ctx
from numpy.typing import NDArray

Array = NDArray[Any]
ZERO, ONE, NAN = arb(0), arb(1), arb("nan")


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Round the midpoints of all balls computed in the block to so many bits."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def array_of(balls: Iterable[arb | acb], like: Array) -> Array:
    """Balls in the order of iteration over `like`, as an array of its shape and layout."""
    result = np.empty_like(like, dtype=object)
    flat = np.empty(like.size, object)
    flat[:] = balls if isinstance(balls, list) else list(balls)
    result[...] = flat.reshape(like.shape)
    return result


def exact(numbers: Any) -> Array:
    """Floats, integers or booleans as exact balls, in the same shape."""
    held = np.asarray(numbers)
    if held.dtype.kind == "b":
        held = held.astype(np.int64)
    return array_of(map(ball, held.ravel().tolist()), held)


def ball(number: float) -> arb:
    """A number as an exact ball; infinity and nan as such."""
    return arb(number) if isfinite(number) else arb(str(number))


def filled(shape: tuple[int, ...], one: arb) -> Array:
    """An array with the same ball everywhere."""
    result = np.empty(shape, object)
    result.fill(one)
    return result


def mapped(function: Callable[..., arb | acb], *operands: Array) -> Array:
    """Apply a function of balls to the elements of arrays, which are broadcast to one shape."""
    if len(operands) == 1:
        return array_of([function(one) for one in operands[0].ravel()], operands[0])
    several = np.broadcast_arrays(*operands)
    return array_of(map(function, *(one.ravel() for one in several)), several[0])


def test(predicate: Callable[[arb], bool], values: Array) -> NDArray[np.bool_]:
    """Whether each ball has a property, in the shape of the array."""
    flat = values.ravel().tolist()
    return np.fromiter(map(predicate, flat), bool, len(flat)).reshape(values.shape)


def midpoints(values: Array) -> NDArray[np.float64]:
    """The midpoints, rounded to float64."""
    flat = values.ravel().tolist()
    return np.array([float(one.mid()) for one in flat], np.float64).reshape(values.shape)


def as_array(value: Any) -> Array:
    """What numpy returns for an array without axes, a single ball, as an array again."""
    if isinstance(value, np.ndarray):
        return value
    result = np.empty((), object)
    result[()] = value
    return result


def summed_to(values: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which an array of `shape` was broadcast to that of `values`."""
    lead = values.ndim - len(shape)
    if lead:
        values = as_array(values.sum(axis=tuple(range(lead))))
    narrow = tuple(i for i, size in enumerate(shape) if size == 1 and values.shape[i] != 1)
    return as_array(values.sum(axis=narrow, keepdims=True)) if narrow else values


def product(first: Array, second: Array) -> Array:
    """The matrix product of (..., m, k) and (..., k, n), whose leading axes are equal."""
    *lead, rows, inner = first.shape
    columns = second.shape[-1]
    result = np.empty((*lead, rows, columns), object)
    for index in np.ndindex(*lead):
        result[index] = from_matrix(to_matrix(first[index]) * to_matrix(second[index]))
    return result if inner else filled(result.shape, ZERO)


def to_matrix(values: Array) -> arb_mat | acb_mat:
    """An array of two axes as FLINT's matrix, of complex numbers if they are."""
    rows, columns = values.shape
    flat = values.ravel().tolist()
    kind = acb_mat if flat and isinstance(flat[0], acb) else arb_mat
    return kind(rows, columns, flat)


def from_matrix(matrix: arb_mat | acb_mat) -> Array:
    """FLINT's matrix as an array of two axes."""
    flat = np.empty(matrix.nrows() * matrix.ncols(), object)
    flat[:] = matrix.entries()
    return flat.reshape(matrix.nrows(), matrix.ncols())


def complex_balls(parts: Array) -> Array:
    """Real and imaginary parts, along the last axis, as balls of complex numbers (`acb`)."""
    found = np.empty(parts.size // 2, object)
    found[:] = [acb(*pair) for pair in parts.reshape(-1, 2).tolist()]
    return found.reshape(parts.shape[:-1])


def conjugated(numbers: Array) -> Array:
    """The conjugates of balls; themselves if they are real."""
    return mapped(lambda z: z.conjugate() if isinstance(z, acb) else z, numbers)


def adjoint(matrices: Array) -> Array:
    """The conjugate transpose of (..., m, n)."""
    return conjugated(matrices.swapaxes(-1, -2))


def parts_of(numbers: Array) -> Array:
    """Balls of complex numbers as their real and imaginary parts along a new last axis."""
    found = np.empty((numbers.size, 2), object)
    for at, number in enumerate(numbers.ravel()):
        found[at, 0], found[at, 1] = number.real, number.imag
    return found.reshape(*numbers.shape, 2)


@dataclass(frozen=True)
class Bounds:
    """Balls as doubles: the true value is within `radius` of `head` + `tail`.

    head: the midpoint rounded to float64
    tail: what is left of the midpoint, rounded as well
    """

    head: NDArray[np.float64]
    tail: NDArray[np.float64]
    radius: NDArray[np.float64]

    @classmethod
    def of(cls, values: Array) -> "Bounds":
        """Convert an array of balls; an infinite radius tells that nothing is known."""
        flat = values.ravel().tolist()
        heads = list(map(float, flat))
        rests = list(map(sub, flat, heads))
        tails = list(map(float, rests))
        beyond = list(map(sub, rests, tails))
        radii = map(float, map(arb.abs_upper, beyond))
        parts = [np.fromiter(part, np.float64, len(flat)) for part in (heads, tails, radii)]
        exact_ones = np.fromiter(map(arb.is_zero, beyond), bool, len(flat))
        parts[2] = np.where(exact_ones, 0.0, np.nextafter(parts[2], np.inf))
        infinite = np.isinf(parts[0]) & ~test(arb.is_finite, values).ravel()
        parts[1][infinite], parts[2][infinite] = 0.0, 0.0
        parts[2][np.isnan(parts[2])] = np.inf
        return cls(*(part.reshape(values.shape) for part in parts))

    def overflows(self) -> bool:
        """Whether a number is too large for float64."""
        return bool((np.isinf(self.head) & (self.radius > 0)).any())
