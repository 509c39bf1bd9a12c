"""Mistakes in the terms of a derivative: one is missing, or counted a wrong number of times."""

from collections.abc import Iterator, Sequence

from autograd_by_hand.diagnosis.forward_edits import Change, edges, in_turns, into, times
from autograd_by_hand.diagnosis.steps import Ref, Steps


def term(steps: Steps, numbers: Sequence[int], place: int, count: float) -> Change:
    """A term of the derivative that is counted so many times: that through one argument.

    numbers: of the step; of several, if they are the turns of a loop
    """
    step = steps.steps[numbers[0]]
    turns = " in every turn of a loop" if len(numbers) > 1 else ""
    where = f"the term through `{steps.told(step.args[place])}` in `{steps.made(step)}`{turns}"
    each = [into(number, place, times(count)) for number in numbers]
    do = in_turns(each) if turns else each[0]
    if count == 0:
        return Change("missing", f"{where} is missing (taken for a constant)", do)
    if count == -1:
        return Change("factor", f"{where} has the wrong sign", do)
    return Change("factor", f"{where} is counted {count:.6g} times", do)


def edges_and_turns(steps: Steps) -> Iterator[tuple[list[int], int]]:
    """The arguments of a step, and of the steps that are the turns of a loop."""
    for number, place, _ in edges(steps):
        yield [number], place
    for numbers in steps.turns():
        for place, arg in enumerate(steps.steps[numbers[0]].args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                yield numbers, place
