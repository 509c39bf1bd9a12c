"""Mistakes where backward recomputes or reads a value: a step left out, an index off by one."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.forward_edits import (
    Change,
    again,
    altered,
    altogether_or_again,
    argument,
    at,
    makes_real,
    showing,
    times,
    with_argument,
)
from autograd_by_hand.diagnosis.layouts import Layout, shifted
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps


def recomputed(steps: Steps) -> Iterator[Change]:
    """A step or one of its terms is left out, everywhere or only where backward recomputes it."""
    for number, step in steps.numbered():
        if not makes_real(steps, step):
            continue
        description, shape = steps.made(step), steps.values[step.place].shape
        for place, arg in enumerate(step.args):
            if not isinstance(arg, Ref):
                continue
            value, own = steps.values[arg.place], steps.describe(arg)
            if value.shape == shape and step.name not in COPIES:
                words = Message(
                    "`{a}` is left out: `{b}` is used in its place", a=description, b=own
                )
                yield from altogether_or_again(
                    "missing", words, number, partial(argument, place=place)
                )
            if step.name in ADDITIONS:
                words = again(Message("`{a}` is left out of `{b}`", a=own, b=description))
                yield Change("missing", words, showing(number, partial(_without, place=place)))
            if step.name in MATRIX_PRODUCTS and _is_square(value.shape):
                words = Message("`{a}` is transposed in `{b}`", a=own, b=description)
                yield Change("transposed", words, at(number, partial(_transposed, place=place)))
        yield from _roots(steps, number, step)
        yield from _axes(steps, number, step)


def _is_square(shape: torch.Size) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2]


def _without(step: Step, values: list[Any], place: int) -> Any:
    nothing = argument(step, values, place) * 0
    return with_argument(step, values, place, nothing)


def _transposed(step: Step, values: list[Any], place: int) -> Any:
    turned = argument(step, values, place).transpose(-1, -2)
    return with_argument(step, values, place, turned)


def _roots(steps: Steps, number: int, step: Step) -> Iterator[Change]:
    """A constant is added after the root instead of before it."""
    if step.name not in ("sqrt", "rsqrt"):
        return
    before = next((one for one in steps.steps if one.made == step.args[0]), None)
    if before is None or before.name != "add" or isinstance(before.args[1], Ref):
        return
    inner, constant = before.args[:2]
    words = Message(
        "{constant} is added outside the root in `{a}`",
        constant=f"{constant:g}",
        a=steps.made(step),
    )

    def outside(step: Step, values: list[Any]) -> Tensor:
        root: Tensor = values[inner.place].sqrt() + constant
        return root if step.name == "sqrt" else 1 / root

    def as_saved(step: Step, values: list[Any]) -> Tensor:
        shown = outside(step, values).detach()
        slope = 0.5 / shown if step.name == "sqrt" else -0.5 * shown**3
        return altered(argument(step, values, 0), times(slope), shown)

    yield Change("constant", words, at(number, outside))
    yield Change("constant", words, at(number, as_saved))


def _axes(steps: Steps, number: int, step: Step) -> Iterator[Change]:
    """A reduction is taken over another axis."""
    if step.name not in REDUCTIONS or len(step.args) < 2:
        return
    dim, several = step.args[1], isinstance(step.args[1], list | tuple)
    if dim is None:
        return
    count = steps.values[step.args[0].place].dim()
    for axis in range(count):
        own = [one % count for one in (dim if several else [dim])]
        if own != [axis]:
            words = Message(
                "`{a}` is taken over axis {axis} instead of {own}",
                a=steps.made(step),
                axis=axis,
                own=str(own),
            )
            other = [axis] if several else axis
            do = at(number, partial(with_argument, place=1, value=other))
            yield Change("other sum", words, do)


COPIES = ("alias", "to", "detach")
ADDITIONS = ("add", "sub", "addmm", "baddbmm", "addmv")
MATRIX_PRODUCTS = ("mm", "bmm", "addmm", "baddbmm")
REDUCTIONS = ("sum", "amax", "softmax", "log_softmax", "logsumexp", "cumsum")


def indices(steps: Steps) -> Iterator[Change]:
    """Indices or masks are off by one."""
    for name, ref in steps.inputs.items():
        given = steps.values[ref.place]
        if given.is_floating_point() or given.is_complex():
            for axis, size in enumerate(given.shape):
                for layout in shifted(axis) if size > 1 else ():
                    words = Message("`{a}` {what}", a=name, what=layout.words)
                    read = partial(_laid_out, name=name, layout=layout)
                    yield Change(layout.kind, words, inputs=read)
            continue
        if not given.numel():
            continue
        sizes = sorted({size for one in steps.values for size in one.shape if size > given.max()})
        for size in sizes[:3]:
            for by, words in (
                (1, Message("`{a}` is off by one: it is one too large", a=name)),
                (-1, Message("`{a}` is off by one: it is one too small", a=name)),
            ):
                yield Change("shifted", words, inputs=partial(_off_by, name=name, by=by, size=size))
    for number, step in steps.numbered():
        if step.name in MASKS:
            words = Message("the mask `{a}` is off by one", a=steps.made(step))
            for by in (1, -1):
                yield Change("shifted", words, at(number, partial(_moved, by=by)))


def _laid_out(tensors: dict[str, Tensor], name: str, layout: Layout) -> dict[str, Tensor]:
    return tensors | {name: layout.of(tensors[name])}


def _off_by(tensors: dict[str, Tensor], name: str, by: int, size: int) -> dict[str, Tensor]:
    return tensors | {name: (tensors[name] + by) % size}


def _moved(step: Step, values: list[Any], by: int) -> Any:
    """A mask with another second argument: the diagonal, or the right side of a comparison."""
    second = step.args[1] if len(step.args) > 1 else 0
    second = values[second.place] if isinstance(second, Ref) else second
    return step.func(argument(step, values, 0), second + by)


MASKS = ("le", "lt", "ge", "gt", "tril", "triu")
