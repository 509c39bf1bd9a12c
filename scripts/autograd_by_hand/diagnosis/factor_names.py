"""The likeliest mistakes behind a gradient that is a number times the true one."""

from collections.abc import Iterator, Mapping
from itertools import permutations
from math import prod, sqrt

from autograd_by_hand.core.messages import Message


def name_of(factor: float, shapes: Mapping[str, list[int]], within: float = 1e-9) -> Message:
    """The likeliest mistakes behind a gradient that is `factor` times the true one.

    shapes: of all tensors, by name
    within: how well the factor is known
    """
    names = [words for value, words in SIMPLE.items() if abs(factor - value) <= within]
    names += [words for value, words in _of_sizes(shapes) if abs(factor - value) <= within]
    if not names:
        return Message(
            "a constant factor is wrong: it is {factor} times what it should be",
            factor=f"{factor:.7g}",
        )
    one, *others = dict.fromkeys(names)
    return Message("{one}; or {other}", one=one, other=others[0]) if others else one


def is_named(factor: float, shapes: Mapping[str, list[int]]) -> bool:
    """Whether a known mistake has this factor."""
    known = [*SIMPLE, *(value for value, _ in _of_sizes(shapes))]
    return any(abs(factor - value) <= 1e-9 * abs(value) for value in known)


def _of_sizes(shapes: Mapping[str, list[int]]) -> Iterator[tuple[float, Message]]:
    """Factors that follow from mistakes with the tensors' sizes, each with the mistake in words."""
    sizes: dict[int, Message] = {}
    for name, shape in shapes.items():
        for axis, size in enumerate(shape):
            if size > 1:
                description = Message(
                    "{count}, the length of axis {axis} of {name}", count=size, axis=axis, name=name
                )
                sizes.setdefault(size, description)
    counts = dict(sizes)
    for name, shape in shapes.items():
        if len(shape) > 1:
            every, rows = prod(shape), prod(shape[:-1])
            description = Message(
                "{count}, the number of elements of {name}", count=every, name=name
            )
            counts.setdefault(every, description)
            counts.setdefault(rows, Message("{count}, the rows of {name}", count=rows, name=name))
    for sign in (1, -1):
        for half in (1, 2, 0.5):
            for count, description in counts.items():
                for value, words in _of_count(count, description):
                    yield sign * half * value, _signed(_halved(words, half), sign)
            if half == 1:
                for (one, description), (other, other_description) in permutations(
                    sizes.items(), 2
                ):
                    words = Message(
                        "it is divided by {other}, instead of {count}",
                        other=other_description,
                        count=description,
                    )
                    yield sign * one / other, _signed(words, sign)


def _halved(mistake: Message, half: float) -> Message:
    """A mistake combined with a factor of 1/2, which is missing where `half` is 2."""
    if half == 2:
        return Message("{mistake}, and a factor of 1/2 is missing", mistake=mistake)
    if half == 0.5:
        return Message("{mistake}, and there is an extra factor of 1/2", mistake=mistake)
    return mistake


def _signed(mistake: Message, sign: int) -> Message:
    """A mistake combined with a wrong sign."""
    return Message("{mistake}, and the sign is wrong", mistake=mistake) if sign < 0 else mistake


def _of_count(count: int, description: Message) -> Iterator[tuple[float, Message]]:
    if count == 1:
        return
    yield (
        count,
        Message("it is a sum instead of a mean: it is not divided by {count}", count=description),
    )
    yield (
        1 / count,
        Message("it is a mean instead of a sum, or is divided twice by {count}", count=description),
    )
    yield sqrt(count), Message("it is not divided by the square root of {count}", count=description)
    yield (
        1 / sqrt(count),
        Message("it is divided once too often by the square root of {count}", count=description),
    )
    yield count / (count - 1), Message("n - 1 is used instead of n = {count}", count=description)
    yield (
        (count - 1) / count,
        Message("n is used instead of n - 1, where n = {count}", count=description),
    )
    yield (
        sqrt(count / (count - 1)),
        Message("n - 1 is used instead of n under a root, where n = {count}", count=description),
    )
    yield (
        sqrt((count - 1) / count),
        Message("n is used instead of n - 1 under a root, where n = {count}", count=description),
    )


SIMPLE = {
    2.0: Message(
        "a factor of 1/2 is missing (that of the loss, for example), or the "
        "gradient is counted twice"
    ),
    0.5: Message("there is an extra factor of 1/2, or a factor of 2 is missing"),
    -1.0: Message("the sign is wrong"),
    -2.0: Message("the sign is wrong and a factor of 1/2 is missing"),
    -0.5: Message("the sign is wrong and there is an extra factor of 1/2"),
}
