"""Distances between gradients: absolute, in ulps of a dtype, and normwise.

An ulp is the spacing of the dtype's numbers at a value's magnitude (Muller et al., Handbook of
Floating-Point Arithmetic, 2nd ed., section 2.3.2, Goldberg's definition extended to all reals): in
the binade [2^e, 2^(e+1)) it is 2^e eps, and below the smallest normal number it stays constant.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd_by_hand.core.blocks import blocks
from autograd_by_hand.floats.formats import eps, smallest_normal

Array = NDArray[Any]


def ulp(value: Array, dtype: str) -> Array:
    """Spacing of `dtype` at |value|, elementwise, in float64; nan at inf and nan."""
    magnitude = np.maximum(np.abs(np.asarray(value, np.float64)), smallest_normal(dtype))
    _, exponent = np.frexp(magnitude)  # magnitude = m 2^exponent with m in [1/2, 1)
    spacing = np.ldexp(eps(dtype), np.asarray(exponent - 1, np.int32))
    return np.where(np.isfinite(magnitude), spacing, np.nan)


def difference(value: Array, reference: Array, tail: Array | None = None) -> Array:
    """Value - (reference + tail), elementwise, in float64.

    `tail` is a wider reference minus its float64 part. Equal infinities and two nans differ by 0; a
    nan or an infinity on one side only differs by inf.
    """
    value, reference = np.asarray(value, np.float64), np.asarray(reference, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = value - reference
        if tail is not None:
            apart = apart - tail
    both_nan = np.isnan(value) & np.isnan(reference)
    apart = np.where((value == reference) & np.isinf(value) | both_nan, 0.0, apart)
    return np.where(np.isfinite(apart), apart, np.inf)


def scaled_to_ulps(apart: Array, reference: Array, dtype: str) -> Array:
    """`apart` in ulps of the dtype at `reference`, elementwise; inf where that is nan."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ulps = np.where(apart == 0, 0.0, apart / ulp(reference, dtype))
    return np.where(np.isnan(ulps), np.inf, ulps)


def signed_ulps(value: Array, reference: Array, dtype: str, tail: Array | None = None) -> Array:
    """Value - (reference + tail), elementwise, in ulps of `dtype`; inf where that is nan."""
    found = np.empty(reference.shape)
    flat = [one.reshape(-1) for one in (value, reference, *([] if tail is None else [tail]))]
    for part in blocks(found.size):
        truth = flat[1][part]
        apart = difference(*(one[part] for one in flat))
        found.reshape(-1)[part] = scaled_to_ulps(apart, truth, dtype)
    return found


@dataclass(frozen=True)
class Distance:
    """How far one gradient lies from another.

    max_abs: greatest |a - b|, in the gradient's own unit
    max_ulp: greatest |a - b| / ulp(b), in ulps of the dtype
    rel_norm: ||a - b||_2 / ||b||_2 over all elements, dimensionless
    """

    max_abs: float
    max_ulp: float
    rel_norm: float


def distance(value: Array, reference: Array, dtype: str, tail: Array | None = None) -> Distance:
    """The distance of `value` from `reference` (same shape), with ulps of `dtype`."""
    scale = greatest(reference)
    max_abs = max_ulp = 0.0
    squares, truths = [], []
    for part in blocks(reference.size):
        truth = reference.reshape(-1)[part]
        rest = None if tail is None else tail.reshape(-1)[part]
        apart = np.abs(difference(value.reshape(-1)[part], truth, rest))
        max_abs = max(max_abs, float(apart.max(initial=0)))
        max_ulp = max(max_ulp, float(np.max(scaled_to_ulps(apart, truth, dtype), initial=0)))
        squares.append(_norm(apart, scale))
        truths.append(_norm(truth, scale))
    if max_abs == 0:
        return Distance(0.0, 0.0, 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        norm = together(truths)
        relative = together(squares) / norm if norm else np.inf
    return Distance(
        max_abs=max_abs,
        max_ulp=max_ulp,
        rel_norm=float(relative) if np.isfinite(relative) else float("inf"),
    )


def squared_distance(found: Array, expected: Array) -> float:
    """The sum of the squared differences, in absolute value, computed in float64."""
    one, other = found.reshape(-1), np.asarray(expected).reshape(-1)
    wide = np.complex128 if "c" in (one.dtype.kind, other.dtype.kind) else np.float64
    with np.errstate(all="ignore"):
        parts = (one[part].astype(wide) - other[part].astype(wide) for part in blocks(one.size))
        return float(sum(np.sum((apart * apart.conj()).real) for apart in parts))


def greatest(value: Array) -> float:
    """The greatest magnitude; nan if any element is nan."""
    flat = value.reshape(-1)
    parts = (np.asarray(flat[part], np.float64) for part in blocks(flat.size))
    return float(np.max([np.max(np.abs(part), initial=0) for part in parts]))


def together(norms: list[float]) -> float:
    """The 2-norm of a whole, from the 2-norms of its parts."""
    with np.errstate(invalid="ignore", over="ignore"):
        return norms[0] if len(norms) == 1 else float(np.linalg.norm(norms))


def _norm(value: Array, scale: float) -> float:
    """2-norm of value / scale; the scale keeps the squares from overflow and underflow."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return float(np.linalg.norm((np.asarray(value, np.float64) / (scale or 1.0)).ravel()))
