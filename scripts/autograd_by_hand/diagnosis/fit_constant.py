"""Fit one number by Gauss-Newton steps, and round it to as few digits as still fit."""

from collections.abc import Callable

from torch import Tensor

Residual = Callable[[float], Tensor | None]
STEPS = 12
STILL = 1e-3  # a residual whose relative change is smaller has reached its minimum


def fitted_number(start: float, residual: Residual, enough: float) -> float | None:
    """The number at which the norm of the residual is below `enough`; None if none is found."""
    value, rest = start, residual(start)
    for _ in range(STEPS):
        if rest is None or not rest.isfinite().all():
            return None
        if float(rest.norm()) < enough:
            return _shortest(value, residual, enough)
        nudge = 1e-6 * (abs(value) or 1.0)
        moved = residual(value + nudge)
        if moved is None:
            return None
        slope = (moved - rest) / nudge
        size = float((slope * slope).sum())
        if not size > 0:
            return None
        value -= float((slope * rest).sum()) / size
        after = residual(value)
        if after is None or not float(after.norm()) < 2 * float(rest.norm()):
            return None
        if abs(float(after.norm()) / float(rest.norm()) - 1) < STILL:
            return None  # this is the best number, and it is not good enough
        rest = after
    return None


def _shortest(value: float, residual: Residual, enough: float) -> float:
    for digits in range(1, 12):
        short = float(f"{value:.{digits}g}")
        rest = residual(short)
        if rest is not None and float(rest.norm()) < enough:
            return short
    return value
