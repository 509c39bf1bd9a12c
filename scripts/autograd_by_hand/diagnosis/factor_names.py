"""The likeliest mistakes behind a gradient that is a number times the true one."""

from collections.abc import Iterator, Mapping
from itertools import permutations
from math import prod, sqrt


def name_of(factor: float, shapes: Mapping[str, list[int]], within: float = 1e-9) -> str:
    """The likeliest mistakes behind a gradient that is `factor` times the true one.

    shapes: of all tensors, by name
    within: how well the factor is known
    """
    names = [words for value, words in SIMPLE.items() if abs(factor - value) <= within]
    names += [words for value, words in _of_sizes(shapes) if abs(factor - value) <= within]
    if not names:
        return f"a constant factor is wrong: it is {factor:.7g} times what it must be"
    return "; or ".join(list(dict.fromkeys(names))[:2])


def is_named(factor: float, shapes: Mapping[str, list[int]]) -> bool:
    """Whether a known mistake has this factor."""
    known = [*SIMPLE, *(value for value, _ in _of_sizes(shapes))]
    return any(abs(factor - value) <= 1e-9 * abs(value) for value in known)


def _of_sizes(shapes: Mapping[str, list[int]]) -> Iterator[tuple[float, str]]:
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
