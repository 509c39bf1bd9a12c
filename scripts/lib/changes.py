"""The mistakes that people make in a gradient, each as a change to one step of forward.

A change alters what a step gives, or what flows back through it, or both. What it gives may be kept
while its derivative is another (`altered` with `shown`), which is how a slip in backward alone looks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from scripts.lib.forward_steps import Ref, Step, Steps

Do = Callable[[int, Step, list[Any]], Any]
Alter = Callable[[Tensor], Tensor]
Jacobian = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Change:
    """One change to a forward.

    kind: of mistake
    told: the mistake in words
    do: makes a step in place of the step itself (scripts/lib/forward_steps.py)
    inputs: makes of the inputs what forward is given
    """

    kind: str
    told: str
    do: Do | None = None
    inputs: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None

    def and_(self, other: "Change") -> "Change":
        """This change and another one in another step or argument."""

        def both(current: int, step: Step, values: list[Any]) -> Any:
            assert self.do and other.do
            first = self.do(current, step, values)
            second = other.do(current, step, values)
            if first is not None and second is not None:
                raise ValueError("both change one step")
            return second if first is None else first

        return replace(self, told=f"{self.told}, and {other.told}", do=both)


class _Altered(torch.autograd.Function):
    """The identity, or what is shown in its place, with a derivative of its own."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, alter: Alter, shown: Tensor | None) -> Tensor:
        ctx.alter, ctx.shape = alter, value.shape
        return value.clone() if shown is None else shown.clone()

    @staticmethod
    def backward(ctx: Any, *flows: Any) -> Any:
        return ctx.alter(flows[0]).sum_to_size(ctx.shape), None, None


def altered(value: Tensor, alter: Alter, shown: Tensor | None = None) -> Tensor:
    """`value`, or `shown` in its place, with `alter` in the way of what flows back."""
    made: Tensor = _Altered.apply(value, alter, shown)  # type: ignore[no-untyped-call]
    return made


def edges(steps: Steps) -> Iterator[tuple[int, int, Ref]]:
    """Every number of a real kind that a step is given: the step, the argument's place, the value."""
    for number, step in enumerate(steps.steps):
        for place, arg in enumerate(step.args):
            if isinstance(arg, Ref) and steps.values[arg.place].is_floating_point():
                yield number, place, arg


def at(number: int, make: Callable[[Step, list[Any]], Any]) -> Do:
    """`make` in place of one step."""
    return lambda current, step, values: make(step, values) if current == number else None


def with_argument(step: Step, place: int, value: Any, values: list[Any]) -> Any:
    """What a step makes with another value for one argument."""
    args = list(step.args)
    args[place] = Ref(len(values)) if isinstance(value, Tensor) else value
    return Steps.do(Step(step.func, tuple(args), step.kwargs, step.made), [*values, value])


def into(number: int, place: int, alter: Alter) -> Do:
    """`alter` in the way of what flows back into one argument of a step."""

    def make(step: Step, values: list[Any]) -> Any:
        value = values[step.args[place].place]
        if not value.requires_grad:
            raise ValueError("nothing flows back here")
        return with_argument(step, place, altered(value, alter), values)

    return at(number, make)


def towards(number: int, place: int, alter: Alter) -> Do:
    """`alter` in the way of what flows back towards one argument, before the step's derivative."""

    def make(step: Step, values: list[Any]) -> Any:
        value = values[step.args[place].place]
        if not value.requires_grad:
            raise ValueError("nothing flows back here")
        others = [
            None if one is None else one.detach() if isinstance(one, Tensor) else one
            for one in values
        ]
        alone = with_argument(step, place, value, others)
        rest = with_argument(step, place, value.detach(), values)
        return altered(alone, alter) + (rest - rest.detach())

    return at(number, make)


def derivative(number: int, place: int, factor: Callable[[list[Any], Tensor], Tensor]) -> Do:
    """Another derivative of a step by one argument, elementwise: a factor of what flows back."""

    def make(step: Step, values: list[Any]) -> Any:
        value = values[step.args[place].place]
        if not value.requires_grad:
            raise ValueError("nothing flows back here")
        rest = with_argument(step, place, value.detach(), values)
        times = factor(values, rest.detach())
        return altered(value, lambda flow: flow * times, torch.zeros_like(rest)) + rest

    return at(number, make)


def showing(number: int, shown: Callable[[Step, list[Any]], Tensor]) -> Do:
    """Another value of a step, with the derivative that it had."""

    def make(step: Step, values: list[Any]) -> Any:
        return altered(Steps.do(step, values), lambda flow: flow, shown(step, values).detach())

    return at(number, make)


# a term


def term(steps: Steps, number: int, place: int, times: float) -> Change:
    """A term of the derivative that is counted so many times: that through one argument."""
    step = steps.steps[number]
    where = f"the term through `{steps.told(step.args[place])}` in `{steps.made(step)}`"
    do = into(number, place, lambda flow: flow * times)
    if times == 0:
        return Change("missing", f"{where} is missing (taken for a constant)", do)
    if times == -1:
        return Change("factor", f"{where} has the wrong sign", do)
    return Change("factor", f"{where} is counted {times:.6g} times", do)


# what is computed again, or saved


def values(steps: Steps) -> Iterator[Change]:
    """A step left out, or one of its terms, altogether or only where backward computes it again."""
    for number, step in enumerate(steps.steps):
        if not isinstance(step.made, Ref) or not steps.values[step.made.place].is_floating_point():
            continue
        told, shape = steps.made(step), steps.values[step.made.place].shape
        for place, arg in enumerate(step.args):
            if not isinstance(arg, Ref):
                continue
            own = steps.told(arg)
            if steps.values[arg.place].shape == shape and step.name not in (
                "alias",
                "to",
                "detach",
            ):
                words = f"`{told}` is left out: `{own}` stands in its place"
                yield Change("missing", words, at(number, lambda _, v, a=arg: v[a.place] * 1))
                words += " where backward computes it again"
                yield Change("missing", words, showing(number, lambda _, v, a=arg: v[a.place]))
            if step.name in ("add", "sub", "addmm", "baddbmm", "addmv"):
                words = f"`{own}` is left out of `{told}` where backward computes it again"

                def without(one: Step, v: list[Any], p: int = place) -> Tensor:
                    made: Tensor = with_argument(one, p, v[one.args[p].place] * 0, v)
                    return made

                yield Change("missing", words, showing(number, without))
            if step.name in ("mm", "bmm", "addmm", "baddbmm") and _square(steps.values[arg.place]):

                def turned(one: Step, v: list[Any], p: int = place) -> Tensor:
                    other = v[one.args[p].place].transpose(-1, -2)
                    made: Tensor = with_argument(one, p, other, v)
                    return made

                yield Change("transposed", f"`{own}` is transposed in `{told}`", at(number, turned))
        yield from _roots(steps, number, step)
        yield from _axes(steps, number, step)


def _square(value: Tensor) -> bool:
    return value.dim() >= 2 and value.shape[-1] == value.shape[-2]


def _roots(steps: Steps, number: int, step: Step) -> Iterator[Change]:
    """A constant that is added after the root, and not before."""
    if step.name not in ("sqrt", "rsqrt"):
        return
    before = next((one for one in steps.steps if one.made == step.args[0]), None)
    if before is None or before.name != "add" or isinstance(before.args[1], Ref):
        return
    inner, constant = before.args[0], before.args[1]
    words = f"{constant:g} is added outside the root in `{steps.made(step)}`"

    def outside(one: Step, v: list[Any]) -> Tensor:
        root: Tensor = v[inner.place].sqrt() + constant
        return root if one.name == "sqrt" else 1 / root

    def as_saved(one: Step, v: list[Any]) -> Tensor:
        shown = outside(one, v).detach()
        slope = 0.5 / shown if one.name == "sqrt" else -0.5 * shown**3
        return altered(v[one.args[0].place], lambda flow: flow * slope, shown)

    yield Change("constant", words, at(number, outside))
    yield Change("constant", words, at(number, as_saved))


def _axes(steps: Steps, number: int, step: Step) -> Iterator[Change]:
    """A reduction over another axis."""
    if step.name not in REDUCTIONS or len(step.args) < 2:
        return
    value = steps.values[step.args[0].place]
    for axis in range(value.dim()):
        other = [axis] if isinstance(step.args[1], list | tuple) else axis
        own = [
            a % value.dim() for a in (step.args[1] if isinstance(other, list) else [step.args[1]])
        ]
        if own != [axis]:
            words = f"`{steps.made(step)}` is over axis {axis} and not over {own}"
            yield Change(
                "other sum", words, at(number, lambda one, v, o=other: with_argument(one, 1, o, v))
            )


REDUCTIONS = ("sum", "amax", "softmax", "log_softmax", "logsumexp", "cumsum")


# whole numbers


def indices(steps: Steps) -> Iterator[Change]:
    """Indices and masks that are off by one."""
    for name, ref in steps.inputs.items():
        given = steps.values[ref.place]
        if given.is_floating_point():
            for axis, size in enumerate(given.shape):
                for by in (1, -1) if size > 1 else ():

                    def rolled(
                        tensors: dict[str, Tensor], n: str = name, b: int = by, a: int = axis
                    ):  # type: ignore[no-untyped-def]
                        return tensors | {n: tensors[n].roll(b, a)}

                    words = f"`{name}` is read one place off along axis {axis}"
                    yield Change("shifted", words, inputs=rolled)
            continue
        sizes = sorted({size for one in steps.values for size in one.shape if size > given.max()})
        for size in sizes[:3]:
            for by in (1, -1):
                words = f"`{name}` is off by one: {'one more' if by == 1 else 'one less'}"

                def shifted(tensors: dict[str, Tensor], n: str = name, b: int = by, s: int = size):  # type: ignore[no-untyped-def]
                    return tensors | {n: (tensors[n] + b) % s}

                yield Change("shifted", words, inputs=shifted)
    for number, step in enumerate(steps.steps):
        if step.name in ("le", "lt", "ge", "gt", "tril", "triu"):
            for by in (1, -1):

                def moved(one: Step, v: list[Any], b: int = by) -> Any:
                    second = one.args[1] if len(one.args) > 1 else 0
                    second = v[second.place] if isinstance(second, Ref) else second
                    return one.func(v[one.args[0].place], second + b)

                words = f"the mask `{steps.made(step)}` is off by one"
                yield Change("shifted", words, at(number, moved))


# derivatives


def derivatives(steps: Steps) -> Iterator[Change]:
    """A derivative left out, or with another value in the place of the right one."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if not isinstance(step.made, Ref):
            continue
        made, told = steps.values[step.made.place], steps.made(step)
        alone = len({*step.refs()}) == 1
        if step.name == "mul" and len(step.refs()) == 2:
            what = f"the factor `{steps.told(step.args[1 - place])}`"
        elif alone and step.name in UNARY and fits_in(made, steps.values[arg.place]):
            what = f"the derivative of {step.name}"
            made = steps.values[arg.place]  # whose shape the derivative has
        else:
            continue
        yield Change(
            "missing",
            f"{what} is left out in the gradient of `{told}` (taken for 1)",
            derivative(number, place, lambda v, _, a=arg: torch.ones_like(v[a.place])),
        )
        for other, value in enumerate(steps.values):
            if not value.is_floating_point() or value.numel() == 1 or not fits_in(value, made):
                continue
            for words, formula in FORMULAS.items():
                if _is_constant(formula(value)):
                    continue
                yield Change(
                    "operation",
                    f"`{words.replace('z', steps.told(Ref(other)))}` stands in the place of {what} in "
                    f"the gradient of `{told}`",
                    derivative(number, place, lambda v, _, o=other, f=formula: f(v[o].detach())),
                )


def everywhere(steps: Steps) -> Iterator[Change]:
    """A derivative that is wrong in the same way in every step of a kind."""
    kinds: dict[str, list[int]] = {}
    for number, step in enumerate(steps.steps):
        if step.name in UNARY and isinstance(step.made, Ref) and isinstance(step.args[0], Ref):
            kinds.setdefault(step.name, []).append(number)
    for name, numbers in kinds.items():
        if len(numbers) < 2:
            continue

        def every(factor: Callable[[Tensor, Tensor], Tensor], n: list[int] = numbers) -> Do:
            each = {
                number: derivative(
                    number,
                    0,
                    lambda v, shown, a=steps.steps[number].args[0]: factor(
                        v[a.place].detach(), shown
                    ),
                )
                for number in n
            }
            return lambda now, one, v: each[now](now, one, v) if now in each else None

        what = f"the derivative of {name}, in all {len(numbers)} places"
        yield Change(
            "missing", f"{what}, is left out (taken for 1)", every(lambda z, _: torch.ones_like(z))
        )
        for words, formula in FORMULAS.items():
            for letter, told in (("z", "its argument"), ("y", "its value")):
                yield Change(
                    "operation",
                    f"`{words.replace('z', letter)}` stands in the place of {what} "
                    f"({letter} is {told})",
                    every(
                        (lambda z, _, f=formula: f(z))
                        if letter == "z"
                        else (lambda _, y, f=formula: f(y))
                    ),
                )


def factors(steps: Steps) -> Iterator[Change]:
    """In the gradient of one factor of a product, another one in the other's place."""
    for number, place, _ in edges(steps):
        step = steps.steps[number]
        if step.name not in PRODUCTS or not isinstance(step.made, Ref):
            continue
        first = PRODUCTS[step.name]
        if (
            place < first
            or place > first + 1
            or not isinstance(step.args[2 * first + 1 - place], Ref)
        ):
            continue
        right = 2 * first + 1 - place
        factor = steps.values[step.args[right].place]
        told = steps.told(step.args[right])

        def with_other(
            other: Callable[[list[Any], Step], Tensor], p: int = place, r: int = right
        ) -> Do:
            def make(one: Step, v: list[Any]) -> Any:
                own = v[one.args[p].place]
                if not own.requires_grad:
                    raise ValueError("nothing flows back here")
                rest = with_argument(one, p, own.detach(), v)
                changed = [*v, other(v, one).detach()]
                args = list(one.args)
                args[r] = Ref(len(v))
                product = Steps.do(Step(one.func, tuple(args), one.kwargs, one.made), changed)
                return rest + (product - product.detach())

            return at(number, make)

        where = f"in the gradient of `{steps.told(step.args[place])}` through `{steps.made(step)}`"
        for words, kind, other in _turned(factor.shape):
            yield Change(
                kind,
                f"`{told}` {words} {where}",
                with_other(lambda v, one, o=other, r=right: o(v[one.args[r].place])),
            )
        if step.name == "mul":
            continue  # whose factors `derivatives` goes through
        for place_of_other, value in enumerate(steps.values):
            if value.shape == factor.shape and not torch.equal(value, factor):
                yield Change(
                    "operation",
                    f"`{steps.told(Ref(place_of_other))}` stands in the place of `{told}` {where}",
                    with_other(lambda v, _, o=place_of_other: v[o]),
                )


PRODUCTS = {"mul": 0, "mm": 0, "bmm": 0, "mv": 0, "addmm": 1, "baddbmm": 1, "convolution": 0}


def _turned(shape: torch.Size) -> Iterator[tuple[str, str, Alter]]:
    for axis, size in enumerate(shape):
        if size < 2:
            continue
        for by in (1, -1):
            words = f"is read one place off along axis {axis}"
            yield words, "shifted", lambda one, b=by, a=axis: one.roll(b, a)
        yield f"is reversed along axis {axis}", "transposed", lambda one, a=axis: one.flip(a)
    if len(shape) > 1 and shape[-1] == shape[-2] > 1:
        yield "is transposed", "transposed", lambda one: one.transpose(-1, -2)


def functions(steps: Steps) -> Iterator[Change]:
    """Another function in the place of the right one, altogether or only where it is saved."""
    for number, step in enumerate(steps.steps):
        if step.name not in UNARY or not isinstance(step.made, Ref):
            continue
        told, made = steps.made(step), steps.values[step.made.place]
        if steps.values[step.args[0].place].shape != made.shape:
            continue
        for words, function in FUNCTIONS.items():

            def other(one: Step, v: list[Any], f: Callable[[Tensor], Tensor] = function) -> Tensor:
                return f(v[one.args[0].place])

            what = (
                f"`{words.replace('z', steps.told(step.args[0]))}` stands in the place of `{told}`"
            )
            yield Change("operation", what, at(number, other))
            what += " where backward computes it again"
            yield Change("operation", what, showing(number, other))


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid(z)": torch.sigmoid,
    "tanh(z)": torch.tanh,
    "exp(z)": torch.exp,
    "softmax(z)": lambda z: z.softmax(-1),
    "relu(z)": torch.relu,
    "silu(z)": torch.nn.functional.silu,
    "gelu(z)": torch.nn.functional.gelu,
    "gelu(z), its tanh approximation,": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    "1 + z": lambda z: 1 + z,
    "z**2": lambda z: z * z,
    "sqrt(z)": torch.sqrt,
    "1 / z": lambda z: 1 / z,
    "log(z)": torch.log,
}


def _slope(function: Callable[[Tensor], Tensor], at_value: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = at_value.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


def _is_constant(value: Tensor) -> bool:
    return bool((value == value.flatten()[0]).all())


def fits_in(one: Tensor, to: Tensor) -> bool:
    """Whether a tensor has a shape, after broadcasting."""
    if one.dim() > to.dim():
        return False
    pairs = zip(reversed(one.shape), reversed(to.shape), strict=False)
    return all(size in (1, due) for size, due in pairs)


UNARY = {
    "exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "pow", "sin", "cos", "erf", "relu", "silu",
    "reciprocal", "log1p", "expm1", "abs", "threshold", "clamp", "gelu", "softmax", "log_softmax",
    "logsumexp",
}  # fmt: skip
FORMULAS: dict[str, Callable[[Tensor], Tensor]] = {
    "z": lambda z: z,
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
    "the derivative of the exact gelu at z": lambda z: _slope(torch.nn.functional.gelu, z),
    "the derivative of silu at z": lambda z: _slope(torch.nn.functional.silu, z),
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
            for kind, words, alter in _alterations(shape):
                yield Change(kind, f"{told} {words}", through(number, place, alter))


def _alterations(shape: torch.Size) -> Iterator[tuple[str, str, Alter]]:
    for axis, size in enumerate(shape):
        if size < 2:
            continue
        for words, kept in _parts(size):
            mask = torch.tensor(kept, dtype=torch.float64)
            mask = mask.reshape([-1 if one == axis else 1 for one in range(len(shape))])
            yield "confined", f"{words} along axis {axis}", lambda flow, m=mask: flow * m
        for by in (1, -1):
            words = f"is read one place off along axis {axis}"
            yield "shifted", words, lambda flow, b=by, a=axis: flow.roll(b, a)
        yield "transposed", f"is reversed along axis {axis}", lambda flow, a=axis: flow.flip(a)
    for first in range(len(shape)):
        for second in range(first + 1, len(shape)):
            if shape[first] > 1 < shape[second]:
                yield (
                    "transposed",
                    f"has its axes {first} and {second} swapped",
                    lambda flow, a=first, b=second: flow.transpose(a, b).reshape(flow.shape),
                )


def _parts(size: int) -> Iterator[tuple[str, list[bool]]]:
    """Ways to leave some of `size` rows out, in words and as what is kept."""
    every = range(size)
    yield "lacks the last", [one < size - 1 for one in every]
    yield "lacks the first", [one > 0 for one in every]
    if size > 2:
        yield "has only the first", [one == 0 for one in every]
        yield "has only the last", [one == size - 1 for one in every]
    for block in (2, 4, 8, 16, 32, 64, 128, 256):
        whole = size // block * block
        if 0 < whole < size - 1:
            words = f"lacks what is past the last whole block of {block}"
            yield words, [one < whole for one in every]


def activations(steps: Steps) -> Iterator[Change]:
    """What flows back is multiplied by the derivative of an activation that is not there."""
    for number, place, arg in edges(steps):
        where = f"in `{steps.made(steps.steps[number])}`"
        for other, value in enumerate(steps.values):
            if value.shape != steps.values[arg.place].shape or not value.is_floating_point():
                continue
            told = steps.told(Ref(other))
            for words, jacobian in ACTIVATIONS.items():
                yield Change(
                    "operation",
                    f"what flows back into `{steps.told(arg)}` {where} is multiplied by "
                    f"{words.replace('z', f'`{told}`')}, which is not in forward",
                    with_values(number, place, other, jacobian),
                )
    for number, step in enumerate(steps.steps):
        made = step.made
        if not isinstance(made, Ref):
            continue
        consumers = [one for one in steps.steps if made in one.refs()]
        for other, value in enumerate(steps.values):
            if len(consumers) < 2 or value.shape != steps.values[made.place].shape:
                continue
            for words, jacobian in ACTIVATIONS.items():

                def make(one: Step, v: list[Any], o: int = other, j: Jacobian = jacobian) -> Any:
                    own = Steps.do(one, v)
                    z = own.detach() if o == one.made.place else v[o].detach()
                    return altered(own, lambda flow: j(flow, z))

                yield Change(
                    "operation",
                    f"what flows back into `{steps.made(step)}` is multiplied by "
                    f"{words.replace('z', f'`{steps.told(Ref(other))}`')}, which is not in forward",
                    at(number, make),
                )


def with_values(number: int, place: int, other: int, jacobian: Jacobian) -> Do:
    """What flows back into an argument multiplied by a Jacobian at another value."""

    def make(step: Step, v: list[Any]) -> Any:
        value, z = v[step.args[place].place], v[other].detach()
        if not value.requires_grad:
            raise ValueError("nothing flows back here")
        return with_argument(step, place, altered(value, lambda flow: jacobian(flow, z)), v)

    return at(number, make)


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
    for number, step in enumerate(steps.steps):
        if step.name not in ("sum", "amax", "logsumexp") or not isinstance(step.made, Ref):
            continue
        value, made = steps.values[step.args[0].place], steps.values[step.made.place]
        if not value.is_floating_point() or value.dim() != made.dim():
            continue
        own = [axis for axis, size in enumerate(made.shape) if size != value.shape[axis]]
        whole.append((number, value, own))
        for kind, words, alter in _wrong_sums(value, own):
            told = f"the sum over axes {own} in the gradient of `{steps.made(step)}` {words}"
            yield Change(kind, told, at(number, lambda one, v, a=alter: _at_full_size(one, v, a)))
    if len(whole) > 1:
        _, value, own = whole[0]
        numbers = {number for number, *_ in whole}
        for kind, words, alter in _wrong_sums(value, own):
            yield Change(
                kind,
                f"every sum over axes {own} in the gradient {words}",
                lambda current, one, v, a=alter, n=numbers: (
                    _at_full_size(one, v, a) if current in n else None
                ),
            )
    yield from _broadcasts(steps)


def _at_full_size(step: Step, v: list[Any], alter: Alter) -> Tensor:
    """A reduction shown at the size of what it reduces, with another derivative."""
    full = v[step.args[0].place]
    shown = Steps.do(step, v).detach().expand_as(full)
    if step.name == "logsumexp":  # whose derivative is not 1 each
        weights = (full.detach() - shown).exp()
        return altered(full, lambda flow: alter(flow) * weights, shown)
    return altered(full, alter, shown)


def _wrong_sums(value: Tensor, own: list[int]) -> Iterator[tuple[str, str, Alter]]:
    def over(axes: list[int]) -> Alter:
        return lambda flow: flow.sum(axes, keepdim=True).expand_as(flow)

    every = list(range(value.dim()))
    yield "factor", "is a mean", lambda flow: flow.mean(own, keepdim=True).expand_as(flow)
    yield "other sum", "is left out: nothing is summed", lambda flow: flow
    count = 1
    for axis in own:
        count *= value.shape[axis]
    for axis in every:
        if [axis] == own:
            continue
        yield "other sum", f"is over axis {axis}", over([axis])
        scale = count / value.shape[axis]
        yield (
            "other sum",
            f"is over axis {axis}, and divided by its length",
            lambda flow, a=axis, s=scale: flow.sum(a, keepdim=True).expand_as(flow) * s,
        )
        if axis not in own:
            yield (
                "other sum",
                f"is averaged over axis {axis} as well",
                lambda flow, a=axis: (
                    flow.sum(own, keepdim=True).mean(a, keepdim=True).expand_as(flow)
                ),
            )
            yield "other sum", f"is over axis {axis} as well", over([*own, axis])
    if len(every) > len(own) + 1:
        yield "other sum", "is over all axes", over(every)


def _broadcasts(steps: Steps) -> Iterator[Change]:
    """The gradient of what was broadcast: not summed over the axes that it was broadcast along."""
    for number, place, arg in edges(steps):
        step = steps.steps[number]
        if step.name not in ("add", "sub", "mul", "div", "addmm", "baddbmm", "expand"):
            continue
        if not isinstance(step.made, Ref):
            continue
        small, full = steps.values[arg.place], steps.values[step.made.place]
        if small.shape == full.shape or small.numel() == 1 or not fits_in(small, full):
            continue
        lead = full.dim() - small.dim()
        own = [
            axis
            for axis in range(full.dim())
            if axis < lead or small.shape[axis - lead] != full.shape[axis]
        ]
        told = f"the gradient of `{steps.told(arg)}`"
        for kind, words, reduce in _wrong_reductions(small.shape, full.shape, own):

            def make(one: Step, v: list[Any], p: int = place, r: Alter = reduce) -> Any:
                value = v[one.args[p].place]
                if not value.requires_grad:
                    raise ValueError("nothing flows back here")
                shown = value.detach().expand(full.shape)
                return with_argument(one, p, altered(value, r, shown), v)

            yield Change(kind, f"{told} {words}", at(number, make))


def _wrong_reductions(
    small: torch.Size, full: torch.Size, own: list[int]
) -> Iterator[tuple[str, str, Alter]]:
    def one_of(axes: list[int], index: int) -> Alter:
        def alter(flow: Tensor) -> Tensor:
            for axis in axes:
                flow = flow.narrow(axis, index % flow.shape[axis], 1)
            return flow.sum([axis for axis in own if axis not in axes], keepdim=True).reshape(small)

        return alter

    for axes in [own] if len(own) == 1 else [own, *([axis] for axis in own)]:
        for which, index in (("first", 0), ("last", -1)):
            words = f"is not summed over axes {axes}, along which it was broadcast: the {which} is taken"
            yield "other sum", words, one_of(axes, index)
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
    for axis in range(len(full)):
        if axis in own or full[axis] < 2:
            continue

        def as_well(flow: Tensor, a: int = axis) -> Tensor:
            return (
                flow.sum([*own, a], keepdim=True)
                .expand([1 if i in own else n for i, n in enumerate(full)])
                .reshape(small)
            )

        yield "other sum", f"is summed over axis {axis} as well", as_well
        yield (
            "other sum",
            f"is averaged over axis {axis} as well",
            lambda flow, f=as_well, a=axis: f(flow) / full[a],
        )


FAMILIES = (
    values,
    indices,
    unmultiplied,
    derivatives,
    everywhere,
    factors,
    functions,
    sums,
    flows,
    activations,
)


# numbers


def constants(steps: Steps) -> Iterator[tuple[float, Callable[[float], Change]]]:
    """Numbers that may be others: where a fit begins, and the change that each makes."""
    for number, step in enumerate(steps.steps):
        if step.name in SHAPES:
            continue
        for place, arg in enumerate(step.args):
            if isinstance(arg, bool) or not isinstance(arg, int | float):
                continue
            told = f"the constant {arg:g} in `{steps.made(step)}`"
            start = float(arg) if abs(arg) < torch.inf else 0.0

            def throughout(value: float, n: int = number, p: int = place, t: str = told) -> Change:
                return Change(
                    "constant",
                    f"{t} is {value:.7g}",
                    at(n, lambda one, v: with_argument(one, p, value, v)),
                )

            def only_shown(value: float, n: int = number, p: int = place, t: str = told) -> Change:
                return Change(
                    "constant",
                    f"{t} is {value:.7g} where backward computes it again",
                    showing(n, lambda one, v: with_argument(one, p, value, v)),
                )

            yield start, throughout
            if isinstance(step.made, Ref):
                yield start, only_shown
    for number, step in enumerate(steps.steps):
        if not isinstance(step.made, Ref) or not steps.values[step.made.place].is_floating_point():
            continue
        told = f"`{steps.made(step)}` is multiplied by"

        def scaled(value: float, n: int = number, t: str = told) -> Change:
            return Change(
                "constant", f"{t} {value:.7g}", at(n, lambda one, v: Steps.do(one, v) * value)
            )

        def scaled_if_shown(value: float, n: int = number, t: str = told) -> Change:
            return Change(
                "constant",
                f"{t} {value:.7g} where backward computes it again",
                showing(n, lambda one, v: Steps.do(one, v) * value),
            )

        yield 1.0, scaled
        yield 1.0, scaled_if_shown


SHAPES = {
    "view", "expand", "sum", "amax", "transpose", "permute", "t", "unsqueeze", "squeeze", "slice",
    "select", "cat", "stack", "gather", "full", "arange", "flatten", "roll", "unsafe_view", "empty",
    "zeros", "ones", "to", "split", "cumsum", "argmax", "index", "softmax", "log_softmax",
}  # fmt: skip
