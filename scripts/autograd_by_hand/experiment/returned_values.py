"""Check what the author's functions return; describe each mistake in one sentence with its line."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import dtype_name
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.messages import Message, joined
from autograd_by_hand.experiment.output_names import COTANGENT, RESULT
from autograd_by_hand.experiment.settings import BY_PRECISION
from autograd_by_hand.experiment.user_code import Author, definition_of


def check_gradients(
    gradients: Any, function: Author, path: Path, tensors: dict[str, Tensor], needed: list[str]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Separate the usable gradients that backward returned from the mistakes.

    needed: the tensors that require a gradient, each of the tensor's own shape and dtype
    returns: the usable gradients by tensor; and by key a sentence for each gradient that is
        missing, cannot be used or was not asked for

    Raises
        UserError: if backward did not return a dict.
    """
    place = definition_of(function, path)
    wanted = ", ".join(repr(name) for name in needed)
    if not isinstance(gradients, dict):
        kind = type(gradients).__name__
        what = Message(
            "backward returns a {kind}; return a dict with the keys {wanted}",
            kind=kind,
            wanted=wanted,
        )
        raise UserError(Message("{place}: {what}.", place=place, what=what))
    good, refused = dict[str, Tensor](), dict[str, str]()
    for name in needed:
        gradient = gradients.get(name)
        if gradient is None:
            what = (
                Message("the gradient of {name} is None", name=repr(name))
                if name in gradients
                else Message("the gradient of {name} is missing", name=repr(name))
            )
            near = get_close_matches(name, sorted({*map(str, gradients)} - {*needed}), 1, 0.3)
            if near:
                hint = Message("(it gives {near}; is that it?)", near=repr(near[0]))
                what = joined(" ", [what, hint])
            due = Message("backward must give {wanted}", wanted=wanted)
            refused[name] = Message("{place}: {what}; {due}.", place=place, what=what, due=due)
        elif wrong := what_is_wrong(gradient, name, tensors[name]):
            refused[name] = Message("{place}: {wrong}.", place=place, wrong=wrong)
        else:
            good[name] = gradient.detach()
    refused |= {
        str(key): Message(
            "{place}: {what}.",
            place=place,
            what=Message(
                "backward gives {key}, which has no requires_grad: true in the config; give only "
                "{wanted}",
                key=repr(key),
                wanted=wanted,
            ),
        )
        for key in gradients
        if key not in needed
    }
    return good, refused


def converted(gradients: Any, tensors: dict[str, Tensor], computes_in: torch.dtype) -> Any:
    """What backward returned, with each gradient in `computes_in` converted to its tensor's dtype.

    tensors: those that backward was called with, by name
    """
    if not isinstance(gradients, dict):
        return gradients
    return {
        name: one.to(tensors[name].dtype)
        if isinstance(one, Tensor) and one.dtype == computes_in and name in tensors
        else one
        for name, one in gradients.items()
    }


def what_is_wrong(gradient: Any, name: str, tensor: Tensor) -> str | None:
    """A clause on why `gradient` cannot be the gradient of `tensor`; None if it can."""
    if not isinstance(gradient, Tensor):
        return Message(
            "the gradient of {name} is a {kind}; it must be a torch.Tensor",
            name=repr(name),
            kind=type(gradient).__name__,
        )
    shape, wanted = tuple(gradient.shape), tuple(tensor.shape)
    if shape != wanted:
        turned = len(wanted) > 1 and shape == wanted[::-1]
        hint = (
            Message(
                "these are the {count} elements in the layout of {name}.T; return it transposed, "
                "with .T",
                count=gradient.numel(),
                name=name,
            )
            if turned
            else Message("a gradient has the shape of its tensor")
        )
        return Message(
            "d{name} has shape {got} but {name} has {due}; {hint}",
            name=name,
            got=str(shape),
            due=str(wanted),
            hint=hint,
        )
    if gradient.dtype != tensor.dtype:
        got, due = dtype_name(gradient.dtype), dtype_name(tensor.dtype)
        off = Message(
            "d{name} is {got} but {name} is {due}; compute in the dtype of the inputs, and convert "
            "the result back if you compute wider",
            name=name,
            got=got,
            due=due,
        )
        if got not in BY_PRECISION[1:]:
            return off
        return Message(
            "{off}, or write computes_in: {got} in config.yaml if backward is meant to compute in "
            "it",
            off=off,
            got=got,
        )
    if gradient.layout != tensor.layout or gradient.device != tensor.device:
        layout = str(gradient.layout).removeprefix("torch.")
        return Message(
            "d{name} is a {layout} tensor on {device}; return a dense one on {due}, with "
            ".to_dense() or .to('{due}')",
            name=name,
            layout=layout,
            device=gradient.device.type,
            due=tensor.device.type,
        )
    return None


def outputs_of(returned: Any, function: Author, path: Path) -> dict[str, Tensor]:
    """What forward returned, as tensors by name.

    The output is "result" if forward returns one tensor. Of several, an output is "result_<key>",
    by its key in a dict, or by its number in a tuple or list.

    Raises
        UserError: if something that it returned is not a tensor on the CPU, or has a name that
            cannot be part of the name of a parameter.
    """
    place = definition_of(function, path)
    if isinstance(returned, Tensor):
        found = {RESULT: returned}
    elif isinstance(returned, dict | tuple | list):
        if not returned:
            raise UserError(f"{place}: forward returns nothing; return at least one torch.Tensor.")
        named = returned if isinstance(returned, dict) else dict(enumerate(returned))
        for key, value in named.items():
            if isinstance(returned, dict) and not (isinstance(key, str) and key.isidentifier()):
                raise UserError(
                    f"{place}: forward returns an output under the key {key!r}; name it as a "
                    f"variable, so that {COTANGENT}_<key> can be a parameter of backward."
                )
            if isinstance(value, dict | tuple | list):
                raise UserError(
                    f"{place}: forward returns a {type(value).__name__} as its output {key!r}; "
                    f"{_flattened(key, value, named)}."
                )
            if not isinstance(value, Tensor):
                raise UserError(
                    f"{place}: forward returns a {type(value).__name__} as its output {key!r}; "
                    "return tensors only, in one flat tuple, list or dict."
                )
        found = {f"{RESULT}_{key}": value for key, value in named.items()}
    else:
        raise UserError(
            f"{place}: forward returns a {type(returned).__name__}; it must return one "
            "torch.Tensor, or a tuple or dict of them."
        )
    for output in found.values():
        if output.device.type != "cpu":
            raise UserError(
                f"{place}: forward returns a tensor on {output.device.type}; return it on the CPU, "
                "where its inputs are, with .to('cpu')."
            )
    return found


def _flattened(key: Any, value: Any, named: dict[Any, Any]) -> str:
    """A clause on how to return the tensors of an output that holds several.

    named: all outputs, by key or number
    """
    inner = [*map(str, value if isinstance(value, dict) else range(len(value)))]
    if not isinstance(key, str):
        return "return all tensors in one flat tuple, or name them in one flat dict"
    names = [f"{key}_{one}" for one in inner] or [key]
    keys = ", ".join(f"{name!r}: ..." for one in named for name in (names if one == key else [one]))
    return f"return its tensors under names of their own, in one flat dict: {{{keys}}}"


def differentiable(outputs: dict[str, Tensor], function: Author, path: Path) -> dict[str, Tensor]:
    """Those of forward's outputs that autograd can differentiate; indices and masks are not.

    Raises
        UserError: if there is none, or if one of them is sparse.
    """
    found = {name: output for name, output in outputs.items() if output.requires_grad}
    place = definition_of(function, path)
    if not found:
        raise UserError(
            f"{place}: autograd cannot differentiate what forward returns "
            "(it has no grad_fn); compute it from the tensors that require a gradient, by "
            "differentiable operations, or name the function whose derivative backward gives: "
            "surrogate: FILE.py in config.yaml."
        )
    for output in found.values():
        if output.layout != torch.strided:
            raise UserError(
                f"{place}: forward returns a sparse tensor; return a dense one, with .to_dense()."
            )
    return found
