"""Mistakes in the terms of a derivative: one is missing, or counted a wrong number of times."""

from collections.abc import Iterator, Sequence

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import Change, edges, in_iterations, into, times
from autograd_by_hand.diagnosis.steps import Ref, Steps


def term(steps: Steps, numbers: Sequence[int], place: int, count: float) -> Change:
    """A term of the derivative that is counted so many times: that through one argument.

    numbers: of the step; of several, if they are the turns of a loop
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
    """The mistake in words: the term through `a` in `b` is counted so many times."""
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
    """The same of a term in every turn of a loop."""
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
    """The arguments of a step, and of the steps that are the turns of a loop."""
    for number, place, _ in edges(steps):
        yield [number], place
    for numbers in steps.iterations():
        for place, arg in enumerate(steps.steps[numbers[0]].args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                yield numbers, place
