"""The mistakes that people make in a gradient, in families, each as changes to forward's steps.

What is told of a change names forward's values as its author does.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from autograd_by_hand.diagnosis.forward_edits import (
    Alter,
    Change,
    Do,
    Formula,
    Make,
    altered,
    argument,
    at,
    derivative,
    edges,
    in_turns,
    into,
    of_result,
    of_value,
    reached,
    same,
    showing,
    times,
    together,
    towards,
    with_argument,
)
from autograd_by_hand.diagnosis.forward_trace import Ref, Step, Steps

Slip = tuple[str, str, Alter]  # the kind of mistake, its words, and how it alters a tensor
Jacobian = Callable[[Tensor, Tensor], Tensor]  # of what flows back, at a value

AGAIN = " where backward computes it again"


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


# what is computed again, or saved


def recomputed(steps: Steps) -> Iterator[Change]:
    """A step left out, or one of its terms, altogether or only where backward computes it again."""
    for number, step in steps.numbered():
        if not _makes_real(steps, step):
            continue
        told, shape = steps.made(step), steps.values[step.made.place].shape
        for place, arg in enumerate(step.args):
            if not isinstance(arg, Ref):
                continue
            value, own = steps.values[arg.place], steps.told(arg)
            if value.shape == shape and step.name not in COPIES:
                words = f"`{told}` is left out: `{own}` stands in its place"
                yield from _altogether_or_again(
                    "missing", words, number, partial(argument, place=place)
                )
            if step.name in ADDITIONS:
                words = f"`{own}` is left out of `{told}`{AGAIN}"
                yield Change("missing", words, showing(number, partial(_without, place=place)))
            if step.name in MATRIX_PRODUCTS and _is_square(value.shape):
                words = f"`{own}` is transposed in `{told}`"
                yield Change("transposed", words, at(number, partial(_transposed, place=place)))
        yield from _roots(steps, number, step)
        yield from _axes(steps, number, step)


def _makes_real(steps: Steps, step: Step) -> bool:
    return isinstance(step.made, Ref) and steps.values[step.made.place].is_floating_point()


def _is_square(shape: torch.Size) -> bool:
    return len(shape) >= 2 and shape[-1] == shape[-2]


def _altogether_or_again(kind: str, words: str, number: int, make: Make) -> Iterator[Change]:
    """Something else in place of a step, altogether or only where backward computes it again."""
    yield Change(kind, words, at(number, make))
    yield Change(kind, words + AGAIN, showing(number, make))


def _without(step: Step, values: list[Any], place: int) -> Any:
    nothing = argument(step, values, place) * 0
    return with_argument(step, values, place, nothing)


def _transposed(step: Step, values: list[Any], place: int) -> Any:
    turned = argument(step, values, place).transpose(-1, -2)
    return with_argument(step, values, place, turned)


def _roots(steps: Steps, number: int, step: Step) -> Iterator[Change]:
    """A constant that is added after the root, and not before."""
    if step.name not in ("sqrt", "rsqrt"):
        return
    before = next((one for one in steps.steps if one.made == step.args[0]), None)
    if before is None or before.name != "add" or isinstance(before.args[1], Ref):
        return
    inner, constant = before.args[:2]
    words = f"{constant:g} is added outside the root in `{steps.made(step)}`"

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
    """A reduction over another axis."""
    if step.name not in REDUCTIONS or len(step.args) < 2:
        return
    dim, several = step.args[1], isinstance(step.args[1], list | tuple)
    if dim is None:
        return
    count = steps.values[step.args[0].place].dim()
    for axis in range(count):
        own = [one % count for one in (dim if several else [dim])]
        if own != [axis]:
            words = f"`{steps.made(step)}` is over axis {axis} and not over {own}"
            other = [axis] if several else axis
            do = at(number, partial(with_argument, place=1, value=other))
            yield Change("other sum", words, do)


COPIES = ("alias", "to", "detach")
ADDITIONS = ("add", "sub", "addmm", "baddbmm", "addmv")
MATRIX_PRODUCTS = ("mm", "bmm", "addmm", "baddbmm")
REDUCTIONS = ("sum", "amax", "softmax", "log_softmax", "logsumexp", "cumsum")


# whole numbers


def indices(steps: Steps) -> Iterator[Change]:
    """Indices and masks that are off by one."""
    for name, ref in steps.inputs.items():
        given = steps.values[ref.place]
        if given.is_floating_point():
            for axis, size in enumerate(given.shape):
                words = f"`{name}` is read one place off along axis {axis}"
                for by in (1, -1) if size > 1 else ():
                    rolled = partial(_rolled, name=name, by=by, axis=axis)
                    yield Change("shifted", words, inputs=rolled)
            continue
        sizes = sorted({size for one in steps.values for size in one.shape if size > given.max()})
        for size in sizes[:3]:
            for by, told in ((1, "one more"), (-1, "one less")):
                shifted = partial(_shifted, name=name, by=by, size=size)
                yield Change("shifted", f"`{name}` is off by one: {told}", inputs=shifted)
    for number, step in steps.numbered():
        if step.name in MASKS:
            words = f"the mask `{steps.made(step)}` is off by one"
            for by in (1, -1):
                yield Change("shifted", words, at(number, partial(_moved, by=by)))


def _rolled(tensors: dict[str, Tensor], name: str, by: int, axis: int) -> dict[str, Tensor]:
    return tensors | {name: tensors[name].roll(by, axis)}


def _shifted(tensors: dict[str, Tensor], name: str, by: int, size: int) -> dict[str, Tensor]:
    return tensors | {name: (tensors[name] + by) % size}


def _moved(step: Step, values: list[Any], by: int) -> Any:
    """A mask whose second argument, a diagonal or what is compared with, is another."""
    second = step.args[1] if len(step.args) > 1 else 0
    second = values[second.place] if isinstance(second, Ref) else second
    return step.func(argument(step, values, 0), second + by)


MASKS = ("le", "lt", "ge", "gt", "tril", "triu")


# derivatives


def derivatives(steps: Steps) -> Iterator[Change]:
    """A derivative left out, or with another value in the place of the right one."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if not isinstance(step.made, Ref):
            continue
        given, made = steps.values[arg.place], steps.values[step.made.place]
        if step.name == "mul" and len(step.refs()) == 2:
            what, shape = f"the factor `{steps.told(step.args[1 - place])}`", made.shape
        elif step.name in UNARY and len({*step.refs()}) == 1 and _fits(made.shape, given.shape):
            what, shape = f"the derivative of {step.name}", given.shape
        else:
            continue
        where = f"in the gradient of `{steps.made(step)}`"
        yield Change(
            "missing",
            f"{what} is left out {where} (taken for 1)",
            derivative(number, place, of_value(torch.ones_like, arg.place)),
        )
        for other, value in enumerate(steps.values):
            if not value.is_floating_point() or value.numel() == 1 or not _fits(value.shape, shape):
                continue
            told = steps.told(Ref(other))
            for words, formula in FORMULAS.items():
                if not _is_constant(formula(value)):
                    yield Change(
                        "operation",
                        f"`{words.replace('z', told)}` stands in the place of {what} {where}",
                        derivative(number, place, of_value(formula, other)),
                    )


def everywhere(steps: Steps) -> Iterator[Change]:
    """A derivative that is wrong in the same way in every step of a kind."""
    kinds: dict[str, dict[int, int]] = {}  # of each the steps, with their arguments' places
    for number, step in steps.numbered():
        if step.name in UNARY and isinstance(step.made, Ref) and isinstance(step.args[0], Ref):
            kinds.setdefault(step.name, {})[number] = step.args[0].place
    for name, places in kinds.items():
        if len(places) < 2:
            continue
        what = f"the derivative of {name}, in all {len(places)} places"
        yield Change(
            "missing", f"{what}, is left out (taken for 1)", _of_arguments(torch.ones_like, places)
        )
        for words, formula in FORMULAS.items():
            for letter, told, do in (
                ("z", "its argument", _of_arguments(formula, places)),
                ("y", "its value", _of_results(formula, places)),
            ):
                yield Change(
                    "operation",
                    f"`{words.replace('z', letter)}` stands in the place of {what} "
                    f"({letter} is {told})",
                    do,
                )


def unfactored(steps: Steps) -> Iterator[Change]:
    """A derivative left out in every turn of a loop."""
    for numbers in steps.turns():
        first = steps.steps[numbers[0]]
        if first.name not in {*UNARY, "mul"}:
            continue
        for place, arg in enumerate(first.args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                words = f"the derivative of `{steps.made(first)}` by `{steps.told(arg)}`"
                each = [
                    derivative(number, place, of_value(torch.ones_like, arg.place))
                    for number in numbers
                ]
                told = f"{words} is left out in every turn of a loop (taken for 1)"
                yield Change("missing", told, in_turns(each))


def _of_arguments(formula: Formula, places: dict[int, int]) -> Do:
    """A formula in the argument for the derivative of each step."""
    each = places.items()
    return together([derivative(number, 0, of_value(formula, place)) for number, place in each])


def _of_results(formula: Formula, places: dict[int, int]) -> Do:
    """A formula in what the step makes for the derivative of each step."""
    return together([derivative(number, 0, of_result(formula)) for number in places])


def factors(steps: Steps) -> Iterator[Change]:
    """In the gradient of one factor of a product, another one in the other's place."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in PRODUCTS or not isinstance(step.made, Ref):
            continue
        first = PRODUCTS[step.name]
        right = 2 * first + 1 - place  # the other factor's place
        if place not in (first, first + 1) or not isinstance(step.args[right], Ref):
            continue
        own = step.args[right].place
        factor, told = steps.values[own], steps.told(step.args[right])
        where = f"in the gradient of `{steps.told(arg)}` through `{steps.made(step)}`"
        for kind, words, alter in _turned(factor.shape):
            do = at(
                number, partial(_times_another, place=place, right=right, other=own, alter=alter)
            )
            yield Change(kind, f"`{told}` {words} {where}", do)
        if step.name == "mul":
            continue  # whose factors `derivatives` goes through
        for other, value in enumerate(steps.values):
            if value.shape == factor.shape and not torch.equal(value, factor):
                words = f"`{steps.told(Ref(other))}` stands in the place of `{told}` {where}"
                do = at(number, partial(_times_another, place=place, right=right, other=other))
                yield Change("operation", words, do)


def _times_another(
    step: Step, values: list[Any], place: int, right: int, other: int, alter: Alter = same
) -> Any:
    """A product with another factor in the derivative by the factor at `place`.

    right: the place of the factor that it is multiplied by
    other: the value that stands for that, altered
    """
    own = reached(step, values, place)
    rest = with_argument(step, values, place, own.detach())
    held = [one.detach() if isinstance(one, Tensor) else one for one in values]
    held[step.args[place].place] = own  # the one through which something flows back
    product = with_argument(step, held, right, alter(held[other]).detach())
    return rest + (product - product.detach())


def _turned(shape: torch.Size) -> Iterator[Slip]:
    for axis, size in enumerate(shape):
        if size > 1:
            yield from _misread(axis)
    if len(shape) > 1 and shape[-1] == shape[-2] > 1:
        yield "transposed", "is transposed", partial(torch.transpose, dim0=-1, dim1=-2)


def _misread(axis: int) -> Iterator[Slip]:
    """A tensor read a place too far along an axis, or from its other end."""
    for by in (1, -1):
        rolled = partial(torch.roll, shifts=by, dims=axis)
        yield "shifted", f"is read one place off along axis {axis}", rolled
    yield "transposed", f"is reversed along axis {axis}", partial(torch.flip, dims=[axis])


def functions(steps: Steps) -> Iterator[Change]:
    """Another function in the place of the right one, altogether or only where it is saved."""
    for number, step in steps.numbered():
        if step.name not in UNARY or not isinstance(step.made, Ref):
            continue
        if not isinstance(step.args[0], Ref):  # a number to the power of a tensor
            continue
        if steps.values[step.args[0].place].shape != steps.values[step.made.place].shape:
            continue
        told, inner = steps.made(step), steps.told(step.args[0])
        for formula, function in FUNCTIONS.items():
            words = f"`{formula.replace('z', inner)}` stands in the place of `{told}`"
            make = partial(_function_of_it, function=function)
            yield from _altogether_or_again("operation", words, number, make)


def _function_of_it(step: Step, values: list[Any], function: Formula) -> Tensor:
    return function(argument(step, values, 0))


def _slope(function: Formula, at_value: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = at_value.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


def _is_constant(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())


def _fits(shape: torch.Size, due: torch.Size) -> bool:
    """Whether a shape can be broadcast to another one."""
    pairs = zip(reversed(shape), reversed(due), strict=False)
    return len(shape) <= len(due) and all(size in (1, other) for size, other in pairs)


PRODUCTS = {  # and the place of their first factor
    "mul": 0,
    "mm": 0,
    "bmm": 0,
    "mv": 0,
    "addmm": 1,
    "baddbmm": 1,
    "convolution": 0,
}
UNARY = {
    "exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "pow", "sin", "cos", "erf", "relu", "silu",
    "reciprocal", "log1p", "expm1", "abs", "threshold", "clamp", "gelu", "softmax", "log_softmax",
    "logsumexp",
}  # fmt: skip
FUNCTIONS: dict[str, Formula] = {
    "sigmoid(z)": torch.sigmoid,
    "tanh(z)": torch.tanh,
    "exp(z)": torch.exp,
    "softmax(z)": lambda z: z.softmax(-1),
    "relu(z)": torch.relu,
    "silu(z)": functional.silu,
    "gelu(z)": functional.gelu,
    "gelu(z), its tanh approximation,": lambda z: functional.gelu(z, approximate="tanh"),
    "1 + z": lambda z: 1 + z,
    "z**2": lambda z: z * z,
    "sqrt(z)": torch.sqrt,
    "1 / z": lambda z: 1 / z,
    "log(z)": torch.log,
}
FORMULAS: dict[str, Formula] = {  # of derivatives
    "z": same,
    "1 - z": lambda z: 1 - z,
    "1 - z**2": lambda z: 1 - z * z,
    "z * (1 - z)": lambda z: z * (1 - z),
    "z**2": lambda z: z * z,
    "2 * z": lambda z: 2 * z,
    "-z": lambda z: -z,
    "1 / z": lambda z: 1 / z,
    "1 + z": lambda z: 1 + z,
    "sign(z)": torch.sign,
    "2 * sign(z)": lambda z: 2 * torch.sign(z),
    "(z > 0)": lambda z: (z > 0).to(z.dtype),
    "exp(z)": torch.exp,
    "tanh(z)": torch.tanh,
    "sigmoid(z)": torch.sigmoid,
    "softmax(z)": lambda z: z.softmax(-1),
    "softmax(z) along the first axis": lambda z: z.softmax(0),
    "1 - tanh(z)**2": lambda z: 1 - z.tanh() ** 2,
    "sigmoid(z) * (1 - sigmoid(z))": lambda z: z.sigmoid() * (1 - z.sigmoid()),
    "the derivative of the exact gelu at z": partial(_slope, functional.gelu),
    "the derivative of silu at z": partial(_slope, functional.silu),
}


# what flows back


def unmultiplied(steps: Steps) -> Iterator[Change]:
    """What flows back is not multiplied in."""
    for number, place, arg in edges(steps):
        where = f"`{steps.told(arg)}` in `{steps.made(steps.steps[number])}`"
        words = f"what flows back into {where} is not multiplied in (taken for 1)"
        yield Change("missing", words, into(number, place, torch.ones_like))


def flows(steps: Steps) -> Iterator[Change]:
    """What flows back is read a place too far, is turned, or is cut off."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        inner = f"what flows back into `{steps.told(arg)}` in `{steps.made(step)}`"
        sides = [(into, steps.values[arg.place].shape, inner)]
        if isinstance(step.made, Ref) and len({*step.refs()}) > 1:
            outer = f"what flows back from `{steps.made(step)}` towards `{steps.told(arg)}`"
            sides.append((towards, steps.values[step.made.place].shape, outer))
        for through, shape, told in sides:
            for kind, words, alter in _misplaced(shape):
                yield Change(kind, told + words, through(number, place, alter))


def _misplaced(shape: torch.Size) -> Iterator[Slip]:
    for axis, size in enumerate(shape):
        if size < 2:
            continue
        for words, kept in _parts(size):
            mask = torch.tensor(kept, dtype=torch.float64)
            mask = mask.reshape([-1 if one == axis else 1 for one in range(len(shape))])
            yield "confined", f": {words} along axis {axis}", times(mask)
        for kind, words, alter in _misread(axis):
            yield kind, f" {words}", alter
    for first in range(len(shape)):
        for second in range(first + 1, len(shape)):
            if shape[first] > 1 < shape[second]:
                swapped = partial(_swapped, first=first, second=second)
                yield "transposed", f" has its axes {first} and {second} swapped", swapped


def _swapped(flow: Tensor, first: int, second: int) -> Tensor:
    """A tensor with two axes swapped, laid out again in its own shape."""
    return flow.transpose(first, second).reshape(flow.shape)


def _parts(size: int) -> Iterator[tuple[str, list[bool]]]:
    """Ways to leave some of `size` rows out, in words and as what is kept."""
    every = range(size)
    yield "the last is left out", [one < size - 1 for one in every]
    yield "the first is left out", [one > 0 for one in every]
    if size > 2:
        yield "only the first is taken", [one == 0 for one in every]
        yield "only the last is taken", [one == size - 1 for one in every]
    for block in (2, 4, 8, 16, 32, 64, 128, 256):
        whole = size // block * block
        if 0 < whole < size - 1:
            words = f"what is past the last whole block of {block} is left out"
            yield words, [one < whole for one in every]


def activations(steps: Steps) -> Iterator[Change]:
    """What flows back is multiplied by the derivative of an activation that is not there."""
    for number, place, arg in edges(steps):
        where = f"`{steps.told(arg)}` in `{steps.made(steps.steps[number])}`"
        for other, value in enumerate(steps.values):
            if value.shape == steps.values[arg.place].shape and value.is_floating_point():
                for words, jacobian in _activations(where, steps.told(Ref(other))):
                    make = partial(_activated_into, place=place, other=other, jacobian=jacobian)
                    yield Change("operation", words, at(number, make))
    for number, step in steps.numbered():
        if not isinstance(step.made, Ref) or not _branches(steps, step.made):
            continue
        where = f"`{steps.made(step)}`"
        for other, value in enumerate(steps.values):
            if value.shape == steps.values[step.made.place].shape:
                for words, jacobian in _activations(where, steps.told(Ref(other))):
                    make = partial(_activated, other=other, jacobian=jacobian)
                    yield Change("operation", words, at(number, make))


def _branches(steps: Steps, ref: Ref) -> bool:
    """Whether several steps are given a value, so that what flows back to it is a sum."""
    return sum(ref in step.refs() for step in steps.steps) > 1


def _activations(where: str, told: str) -> Iterator[tuple[str, Jacobian]]:
    """Jacobians that nothing in forward has, and what is said of them at a value."""
    for name, jacobian in ACTIVATIONS.items():
        what = name.replace("z", f"`{told}`")
        words = f"what flows back into {where} is multiplied by {what}, which is not in forward"
        yield words, jacobian


def _activated_into(
    step: Step, values: list[Any], place: int, other: int, jacobian: Jacobian
) -> Any:
    """A step, with a Jacobian at another value in the way of what flows back into an argument."""
    z = values[other].detach()
    value = altered(reached(step, values, place), lambda flow: jacobian(flow, z))
    return with_argument(step, values, place, value)


def _activated(step: Step, values: list[Any], other: int, jacobian: Jacobian) -> Tensor:
    """A step, with a Jacobian at another value, or its own, in the way of all that flows back."""
    made = Steps.do(step, values)
    z = made.detach() if other == step.made.place else values[other].detach()
    return altered(made, lambda flow: jacobian(flow, z))


def _softmax_jacobian(flow: Tensor, out: Tensor) -> Tensor:
    return out * (flow - (flow * out).sum(-1, keepdim=True))


ACTIVATIONS: dict[str, Jacobian] = {
    "z": lambda flow, z: flow * z,
    "the derivative of relu at z": lambda flow, z: flow * (z > 0),
    "the derivative of tanh at z": lambda flow, z: flow * (1 - z.tanh() ** 2),
    "the derivative of tanh, whose value is z": lambda flow, z: flow * (1 - z * z),
    "the derivative of sigmoid at z": lambda flow, z: flow * z.sigmoid() * (1 - z.sigmoid()),
    "the derivative of sigmoid, whose value is z": lambda flow, z: flow * z * (1 - z),
    "the derivative of softmax at z": lambda flow, z: _softmax_jacobian(flow, z.softmax(-1)),
    "the derivative of softmax, whose value is z": _softmax_jacobian,
}


# sums


def sums(steps: Steps) -> Iterator[Change]:
    """What a sum, or a broadcast, makes of what flows back: summed wrongly, or not at all."""
    whole = []
    for number, step in steps.numbered():
        if step.name not in ("sum", "amax", "logsumexp") or not isinstance(step.made, Ref):
            continue
        value, made = steps.values[step.args[0].place], steps.values[step.made.place]
        if not value.is_floating_point() or value.dim() != made.dim():
            continue
        own = [axis for axis, size in enumerate(made.shape) if size != value.shape[axis]]
        whole.append((number, value.shape, own))
        told = f"the sum over axes {own} in the gradient of `{steps.made(step)}`"
        for kind, words, alter in _wrong_sums(value.shape, own):
            do = at(number, partial(_at_full_size, alter=alter))
            yield Change(kind, f"{told} {words}", do)
    if len(whole) > 1:
        _, shape, own = whole[0]
        for kind, words, alter in _wrong_sums(shape, own):
            make = partial(_at_full_size, alter=alter)
            do = together([at(number, make) for number, *_ in whole])
            yield Change(kind, f"every sum over axes {own} in the gradient {words}", do)
    yield from _broadcasts(steps)


def _at_full_size(step: Step, values: list[Any], alter: Alter) -> Tensor:
    """A reduction shown at the size of what it reduces, with another derivative."""
    full = argument(step, values, 0)
    shown = Steps.do(step, values).detach().expand_as(full)
    if step.name == "logsumexp":  # whose derivative is not 1 each
        weights = (full.detach() - shown).exp()
        return altered(full, lambda flow: alter(flow) * weights, shown)
    return altered(full, alter, shown)


def _wrong_sums(shape: torch.Size, own: list[int]) -> Iterator[Slip]:
    """What may be done, at full size, in place of a sum over some axes of a tensor."""

    def summed(axes: list[int], scale: float = 1.0) -> Alter:
        return lambda flow: flow.sum(axes, keepdim=True).expand_as(flow) * scale

    def averaged(axis: int) -> Alter:
        return lambda flow: flow.sum(own, keepdim=True).mean(axis, keepdim=True).expand_as(flow)

    count = prod(shape[axis] for axis in own)
    yield "factor", "is a mean", lambda flow: flow.mean(own, keepdim=True).expand_as(flow)
    yield "other sum", "is left out: nothing is summed", same
    for axis, size in enumerate(shape):
        if [axis] == own:
            continue
        over = f"is over axis {axis}"
        yield "other sum", over, summed([axis])
        yield "other sum", f"{over}, and divided by its length", summed([axis], count / size)
        if axis not in own:
            yield "other sum", f"is averaged over axis {axis} as well", averaged(axis)
            yield "other sum", f"{over} as well", summed([*own, axis])
    if len(shape) > len(own) + 1:
        yield "other sum", "is over all axes", summed([*range(len(shape))])


def _broadcasts(steps: Steps) -> Iterator[Change]:
    """The gradient of what was broadcast: not summed over the axes that it was broadcast along."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in BROADCASTING or not isinstance(step.made, Ref):
            continue
        small, full = steps.values[arg.place].shape, steps.values[step.made.place].shape
        if small == full or small.numel() == 1 or not _fits(small, full):
            continue
        told = f"the gradient of `{steps.told(arg)}`"
        for kind, words, alter in _wrong_reductions(small, full):
            make = partial(_reduced_otherwise, place=place, full=full, alter=alter)
            yield Change(kind, f"{told} {words}", at(number, make))


def _reduced_otherwise(
    step: Step, values: list[Any], place: int, full: torch.Size, alter: Alter
) -> Any:
    """A step, given one argument at full size, with `alter` in place of the sum to its own."""
    value = reached(step, values, place)
    return with_argument(step, values, place, altered(value, alter, value.detach().expand(full)))


def _wrong_reductions(small: torch.Size, full: torch.Size) -> Iterator[Slip]:
    """What may be done in place of the sum that undoes a broadcast."""
    lead = len(full) - len(small)
    own = [axis for axis in range(len(full)) if axis < lead or small[axis - lead] != full[axis]]
    ones = [1 if axis in own else size for axis, size in enumerate(full)]

    def one_of(axes: list[int], index: int) -> Alter:
        def alter(flow: Tensor) -> Tensor:
            for axis in axes:
                flow = flow.narrow(axis, index % flow.shape[axis], 1)
            left = [axis for axis in own if axis not in axes]
            return (flow.sum(left, keepdim=True) if left else flow).reshape(small)

        return alter

    def summed_as_well(axis: int, divided_by: int = 1) -> Alter:
        def alter(flow: Tensor) -> Tensor:
            total = flow.sum([*own, axis], keepdim=True)
            return total.expand(ones).reshape(small) / divided_by

        return alter

    for axes in [own] if len(own) == 1 else [own, *([axis] for axis in own)]:
        words = f"is not summed over axes {axes}, along which it was broadcast"
        for which, index in (("first", 0), ("last", -1)):
            yield "other sum", f"{words}: the {which} is taken", one_of(axes, index)
    yield (
        "factor",
        "is a mean in place of a sum",
        lambda flow: flow.mean(own, keepdim=True).reshape(small),
    )
    yield (
        "operation",
        "is a maximum in place of a sum",
        lambda flow: flow.amax(own, keepdim=True).reshape(small),
    )
    for axis, size in enumerate(full):
        if axis not in own and size > 1:
            yield "other sum", f"is summed over axis {axis} as well", summed_as_well(axis)
            averaged = summed_as_well(axis, divided_by=size)
            yield "other sum", f"is averaged over axis {axis} as well", averaged


BROADCASTING = ("add", "sub", "mul", "div", "addmm", "baddbmm", "expand")


# The order in which they are tried: of two changes with one gradient, the first gives the name.
FAMILIES = (
    recomputed,
    indices,
    unmultiplied,
    unfactored,
    everywhere,
    derivatives,
    factors,
    functions,
    sums,
    flows,
    activations,
)


# numbers


def constants(steps: Steps) -> Iterator[tuple[float, Callable[[float], Change]]]:
    """Numbers that may be others: where a fit begins, and the change that each makes."""
    for number, step in steps.numbered():
        if step.name in SHAPES:
            continue
        for place, arg in enumerate(step.args):
            if isinstance(arg, bool) or not isinstance(arg, int | float):
                continue
            start = float(arg) if abs(arg) < torch.inf else 0.0
            told = f"the constant {arg:g} in `{steps.made(step)}` is"
            make = partial(with_argument, place=place)
            yield start, partial(_with_number, told, number, make, again=False)
            if isinstance(step.made, Ref):
                yield start, partial(_with_number, told, number, make, again=True)
    yield from _updated(steps)
    for number, step in steps.numbered():
        if _makes_real(steps, step):
            told = f"`{steps.made(step)}` is multiplied by"
            for again in (False, True):
                yield 1.0, partial(_with_number, told, number, _scaled, again=again)


def _updated(steps: Steps) -> Iterator[tuple[float, Callable[[float], Change]]]:
    """A factor of a product that has gone a step against its gradient when it is used again."""
    named = {ref.place: name for name, ref in steps.inputs.items() if name in steps.gradients}
    turned = {
        step.made.place: named[step.args[0].place]
        for step in steps.steps
        if step.name == "t" and step.args[0].place in named
    }
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in MATRIX_PRODUCTS or not isinstance(step.made, Ref):
            continue
        right = 2 * PRODUCTS[step.name] + 1 - place
        if place < PRODUCTS[step.name] or not isinstance(step.args[right], Ref):
            continue
        factor = step.args[right].place
        if (name := named.get(factor) or turned.get(factor)) is None:
            continue
        where = f"in the gradient of `{steps.told(arg)}` through `{steps.made(step)}`"
        told = f"`{name}` is used {where} after an update, less its own gradient times"
        step_by = partial(
            _after_a_step,
            place=place,
            right=right,
            gradient=steps.gradients[name].place,
            turned=factor in turned,
        )
        yield 0.0, partial(_with_number, told, number, step_by, again=False)


def _after_a_step(
    step: Step,
    values: list[Any],
    value: float,
    place: int,
    right: int,
    gradient: int,
    *,
    turned: bool,
) -> Any:
    along = values[gradient].t() if turned else values[gradient]
    moved = [*values, argument(step, values, right).detach() - value * along]
    return _times_another(step, moved, place, right, len(values))


def _with_number(
    told: str, number: int, make: Callable[..., Any], value: float, *, again: bool
) -> Change:
    """A step made with a number, altogether or only where backward computes it again."""
    words = f"{told} {value:.7g}{AGAIN if again else ''}"
    return Change("constant", words, (showing if again else at)(number, partial(make, value=value)))


def _scaled(step: Step, values: list[Any], value: float) -> Any:
    return Steps.do(step, values) * value


SHAPES = {
    "view", "expand", "sum", "amax", "transpose", "permute", "t", "unsqueeze", "squeeze", "slice",
    "select", "cat", "stack", "gather", "full", "arange", "flatten", "roll", "unsafe_view", "empty",
    "zeros", "ones", "to", "split", "cumsum", "argmax", "index", "softmax", "log_softmax",
}  # fmt: skip
