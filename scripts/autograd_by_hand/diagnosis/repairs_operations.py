"""Repairs that replace an operation: a sum over other axes, a product by a quotient."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.torch_private import declared_arguments
from autograd_by_hand.core.messages import Message
from autograd_by_hand.diagnosis.backward_groups import Group
from autograd_by_hand.diagnosis.backward_sites import ManualBackward
from autograd_by_hand.diagnosis.backward_trace import Make
from autograd_by_hand.diagnosis.repair import Repairs, as_it_is, repair, with_any
from autograd_by_hand.diagnosis.steps import Ref, Step, Steps

aten = torch.ops.aten


# sums


def sums(backward: ManualBackward) -> Repairs:
    """Take a reduction over other axes, or replace it by another reduction."""
    alike: dict[str, list[Group]] = {}
    for group in backward.groups:
        step = group.first
        if step.name == "select":
            words = Message("a single index is taken instead of a sum")
            yield repair(backward, group, "other sum", words, _summed_along)
        if step.name in OVER_AXES and isinstance(step.args[0], Ref):
            axes = _axes(step, backward.value(step.args[0].place).dim())
            alike.setdefault(str(axes), []).append(group)
            for kind, words, make in [*_other_axes(backward, step), *_other_reductions(step)]:
                yield repair(backward, group, kind, words, make)
    for groups in alike.values():
        if len(groups) > 1:
            together = Group(
                {number: one for group in groups for number, one in group.steps.items()}
            )
            for kind, words, make in _other_axes(backward, groups[0].first):
                every = Message(
                    "{what}, and so is every other operation over the same axes", what=words
                )
                yield repair(backward, together, kind, every, make)


def _other_axes(backward: ManualBackward, step: Step) -> Iterator[tuple[str, Message, Make]]:
    dims = backward.value(step.args[0].place).dim()
    own, several = _axes(step, dims), OVER_AXES[step.name][1] is not None
    for count in range(1, dims + 1 if several else 2):
        for axes in combinations(range(dims), count):
            if [*axes] == sorted(own):
                continue
            words = Message(
                "`{a}` is taken over axes {own} instead of {axes}",
                a=step.name,
                own=str(own),
                axes=str([*axes]),
            )
            for keep in (False, True) if several else (None,):
                yield "other sum", words, partial(_over, axes=axes, keep=keep)


def _axes(step: Step, dims: int) -> list[int]:
    place = OVER_AXES[step.name][0]
    dim = step.args[place] if len(step.args) > place else None
    if dim is None or not dims or dim == []:
        return [*range(dims)]
    return [one % dims for one in (dim if isinstance(dim, list | tuple) else [dim])]


def _over(step: Step, values: list[Any], axes: tuple[int, ...], keep: bool | None) -> Any:
    if keep is None:
        return with_any(step, values, OVER_AXES[step.name][0], axes[0])
    if step.name in REDUCTIONS:
        return REDUCTIONS[step.name](values[step.args[0].place], [*axes], keep)
    order = step.args[1] if len(step.args) > 1 else 2
    return torch.linalg.vector_norm(values[step.args[0].place], order, [*axes], keep)


def _other_reductions(step: Step) -> Iterator[tuple[str, Message, Make]]:
    for name in REDUCTIONS if step.name in REDUCTIONS else ():
        if name != step.name:
            kind = "factor" if {name, step.name} == {"sum", "mean"} else "operation"
            words = Message("`{a}` is used instead of `{b}`", a=step.name, b=name)
            yield kind, words, partial(_reduced, name=name)


def _reduced(step: Step, values: list[Any], name: str) -> Tensor:
    value = values[step.args[0].place]
    keep = step.args[2] if len(step.args) > 2 else False
    return REDUCTIONS[name](value, _axes(step, value.dim()), keep)


def _summed_along(step: Step, values: list[Any]) -> Tensor:
    made: Tensor = values[step.args[0].place].sum(step.args[1])
    return made


REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "sum": torch.sum,
    "mean": torch.mean,
    "amax": torch.amax,
    "amin": torch.amin,
}
OVER_AXES = {  # the indices of the arguments `dim` and `keepdim`
    **dict.fromkeys(REDUCTIONS, (1, 2)),
    "linalg_vector_norm": (2, 3),
    **dict.fromkeys(
        ("softmax", "log_softmax", "logsumexp", "cumsum", "argmax", "argmin"), (1, None)
    ),
}


# other operations


def operations(backward: ManualBackward) -> Repairs:
    """Replace an operation by a related one, or leave it out."""
    for group in backward.groups:
        step = group.first
        for name in _siblings(step.name):
            if func := _overload(name, step):
                words = Message("`{a}` is used instead of `{b}`", a=step.name, b=name)
                yield repair(backward, group, "operation", words, partial(_done_by, func=func))
        if step.func in OVERWRITING:
            words = Message("the existing values are overwritten instead of added to")
            yield repair(backward, group, "missing", words, _added)
    for group in backward.groups:
        yield from _without(backward, group)


def _siblings(name: str) -> list[str]:
    return [other for family in SIBLINGS if name in family for other in family if other != name]


def _overload(name: str, step: Step) -> Any:
    packet = getattr(aten, name)
    return getattr(packet, str(step.func).split(".")[2], None) or getattr(packet, "default", None)


def _done_by(step: Step, values: list[Any], func: Any) -> Any:
    args = step.args[: len(declared_arguments(func))]
    return Steps.do(Step(func, args, step.kwargs, step.made), values)


def _added(step: Step, values: list[Any]) -> Any:
    """Add to the existing values instead of overwriting them."""
    if step.name == "index_put":
        args = (*step.args[:3], True)
        return Steps.do(Step(step.func, args, step.kwargs, step.made), values)
    return _done_by(step, values, OVERWRITING[step.func])


def _without(backward: ManualBackward, group: Group) -> Repairs:
    """Use an argument of a step instead of its result."""
    step = group.first
    if not isinstance(step.made, Ref) or group.changes_memory:
        return
    shape = backward.value(step.place).shape
    for place, arg in backward.used(group):
        if backward.value(arg.place).numel() == shape.numel():
            words = Message(
                "`{a}` should be used without `{b}`", a=backward.describe(arg.place), b=step.name
            )
            make = partial(as_it_is, place=place, shape=shape)
            yield repair(backward, group, _kind_without(backward, step, arg), words, make)


def _kind_without(backward: ManualBackward, step: Step, arg: Ref) -> str:
    others = [backward.value(ref.place) for ref in step.refs() if ref != arg]
    masked = step.name == "mul" and others and not others[0].all()
    return "missing" if masked else NOT_DUE.get(step.name, "operation")


SIBLINGS = (
    ("add", "sub", "rsub"),
    ("mul", "div"),
    ("sigmoid", "tanh", "exp", "relu", "silu", "gelu", "square", "sqrt", "reciprocal", "abs",
     "sign", "log", "sin", "cos", "erf", "neg"),
    ("sqrt", "rsqrt"),
    ("softmax", "sigmoid"),
    ("gt", "lt", "ge", "le", "eq", "ne"),
    ("argmax", "argmin"),
    ("tril", "triu"),
    ("maximum", "minimum"),
    ("logical_and", "logical_or"),
)  # fmt: skip
OVERWRITING = {  # and the operations that add instead
    aten.copy_.default: aten.add_.Tensor,
    aten.index_put_.default: None,
    aten.index_put.default: None,
    aten.index_copy_.default: aten.index_add_.default,
    aten.scatter_.src: aten.scatter_add_.default,
}
NOT_DUE = {  # the kind of mistake, where a step should be left out
    "roll": "shifted",
    "flip": "transposed",
    "t": "transposed",
    "transpose": "transposed",
    "permute": "transposed",
    "div": "missing",  # or a factor is left out
}
