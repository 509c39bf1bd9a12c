"""The derivative of a function of one number by finite differences, with an error estimate."""

from collections.abc import Callable

STEPS = 10
SHRINK = 1.6  # each step is smaller than the one before by this factor


def ridders(function: Callable[[float], float], step: float) -> tuple[float, float]:
    """The derivative at 0 and its uncertainty, from central differences with shrinking steps.

    The differences are extrapolated to a step of 0 (Ridders, Accurate computation of F'(x) and
    F'(x) F''(x), Advances in Engineering Software 4, 1982); the uncertainty is the distance of the
    best extrapolation from the two values that it was computed from.

    step: the first and largest step, within which the function must be smooth
    """
    best, uncertain = 0.0, float("inf")
    before: list[float] = []
    for _ in range(STEPS):
        row = [(function(step) - function(-step)) / (2 * step)]
        power = 1.0
        for rougher in before:
            power *= SHRINK**2
            row.append((row[-1] * power - rougher) / (power - 1))
            apart = max(abs(row[-1] - row[-2]), abs(row[-1] - rougher))
            if apart <= uncertain:
                best, uncertain = row[-1], apart
        before, step = row, step / SHRINK
    return best, uncertain
