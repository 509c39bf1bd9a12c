"""Mistakes in the terms of a derivative: one is missing, or counted too often or too rarely."""

from collections.abc import Iterator, Sequence

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import Change, edges, in_iterations, into, times
from autograd_by_hand.diagnosis.steps import Ref, Steps


def term(steps: Steps, numbers: Sequence[int], place: int, count: float) -> Change:
    """The term of the derivative through one argument is counted `count` times.

    numbers: the number of the step, or of several that are the iterations of a loop
    """
    step = steps.steps[numbers[0]]
    each = [into(number, place, times(count)) for number in numbers]
    description = _described_in_loop if len(numbers) > 1 else _described
    return Change(
        "factor" if count else "missing",
        description(count, steps.describe(step.args[place]), steps.made(step)),
        in_iterations(each) if len(numbers) > 1 else each[0],
    )


def _described(count: float, a: str, b: str) -> Message:
    """Describe the mistake: the term through `a` in `b` is counted `count` times."""
    if count == 0:
        return Message(
            "the term through `{a}` in `{b}` is missing (treated as a constant)", a=a, b=b
        )
    if count == -1:
        return Message("the term through `{a}` in `{b}` has the wrong sign", a=a, b=b)
    return Message(
        "the term through `{a}` in `{b}` is counted {times} times", a=a, b=b, times=f"{count:.6g}"
    )


def _described_in_loop(count: float, a: str, b: str) -> Message:
    """Describe the same mistake in every iteration of a loop."""
    if count == 0:
        return Message(
            "the term through `{a}` in `{b}` is missing in every iteration of a loop "
            "(treated as a constant)",
            a=a,
            b=b,
        )
    if count == -1:
        return Message(
            "the term through `{a}` in `{b}` has the wrong sign in every iteration of a loop",
            a=a,
            b=b,
        )
    return Message(
        "the term through `{a}` in `{b}` is counted {times} times in every iteration of a loop",
        a=a,
        b=b,
        times=f"{count:.6g}",
    )


def edges_and_iterations(steps: Steps) -> Iterator[tuple[list[int], int]]:
    """The real arguments of each step, and of the steps that are iterations of a loop."""
    for number, place, _ in edges(steps):
        yield [number], place
    for numbers in steps.iterations():
        for place, arg in enumerate(steps.steps[numbers[0]].args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                yield numbers, place
