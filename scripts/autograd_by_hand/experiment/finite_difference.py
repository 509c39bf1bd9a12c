"""The derivative of a function of one number by differences, with its own estimate of the error."""

from collections.abc import Callable

STEPS = 10
SHRINK = 1.6  # each step is smaller by this


def ridders(function: Callable[[float], float], step: float) -> tuple[float, float]:
    """The derivative at 0 and how uncertain it is, from central differences with shrinking steps.

    The differences are extrapolated to a step of 0 (Ridders, Accurate computation of F'(x) and
    F'(x) F''(x), Advances in Engineering Software 4, 1982); the uncertainty is how far the best
    extrapolation lies from the two that it was made of.

    step: where to begin: as large as the function is smooth
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
