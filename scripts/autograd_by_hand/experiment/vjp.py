"""Differentiate one run with autograd through forward, and with the author's backward.

Inside the pipeline a forward has outputs by name and a backward takes cotangents by name, whether
the author's functions have one or several (`experiment.returned_values`).
"""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dispatch import materialized
from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.complex_views import backward_of_real, load_forward_of_real
from autograd_by_hand.experiment.output_names import COTANGENT, RESULT, cotangent_of, output_of
from autograd_by_hand.experiment.returned_values import (
    check_gradients,
    converted,
    differentiable,
    outputs_of,
)
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.user_code import (
    Author,
    as_user_error,
    call,
    definition_of,
    load_function,
)

Cotangents = dict[str, Tensor]  # "dout", or "dout_<key>" for each of several outputs


def autograd_vjp(
    forward: Author,
    path: Path,
    tensors: dict[str, Tensor],
    needed: list[str],
    dtype: torch.dtype,
    douts: Cotangents,
    limit: float,
    lift: Callable[[Tensor], Tensor] = lambda tensor: tensor,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Forward's differentiable outputs, and their vector-Jacobian product with `douts` by autograd.

    tensors: one run's inputs as drawn; they are rounded to `dtype` first
    needed: the tensors to differentiate by
    douts: the cotangents, each of the shape of its output
    lift: converts each rounded tensor before forward gets it, for example to a wider kind of tensor

    Raises
        UserError: if forward fails, if it returns other outputs than those that the cotangents
            belong to, or if no output depends on a needed tensor.
    """
    one = douts.get(COTANGENT)  # a scalar's, as in `loss.backward()`
    is_one = one is not None and not one.dim() and one.item() == 1
    leaves = {name: lift(cast(value, dtype)) for name, value in tensors.items()}
    for name in needed:
        leaves[name].requires_grad_()
    outputs = outputs_of(call(forward, path, leaves, limit), forward, path)
    outputs = differentiable(outputs, forward, path)
    if strangers := {cotangent_of(name) for name in outputs} ^ douts.keys():
        raise UserError(
            f"{definition_of(forward, path)}: forward returns other differentiable outputs in one "
            f"call than in another ({', '.join(sorted(strangers))} is the cotangent of one that "
            "not every call has); return the same ones from every call."
        )
    # With a GPU, torch would run backward in several threads, in no fixed order.
    with as_user_error(path, limit, leaves), torch.autograd.set_multithreading_enabled(False):
        if is_one:
            # A scalar's cotangent is 1 by default; passing it would make torch import sympy first.
            outputs[RESULT].backward()
        else:
            pulled = [outputs[output_of(name)] for name in douts]
            seeds = [
                lift(cast(dout, dtype)).to(output.dtype)
                for dout, output in zip(douts.values(), pulled, strict=True)
            ]
            torch.autograd.backward(pulled, seeds)
    gradients = {}
    for name in needed:
        gradient = leaves[name].grad
        if gradient is None:
            raise UserError(
                f"{path}: forward's result does not depend on {name!r}; use it, or remove its "
                "requires_grad."
            )
        gradients[name] = materialized(gradient)
    return {name: output.detach() for name, output in outputs.items()}, gradients


@dataclass(frozen=True)
class Forward:
    """The author's forward in one dtype, to be differentiated by autograd.

    needed: the tensors to differentiate by
    """

    function: Author
    path: Path
    needed: list[str]
    dtype: torch.dtype
    limit: float

    def __call__(
        self,
        tensors: dict[str, Tensor],
        douts: Cotangents,
        lift: Callable[[Tensor], Tensor] = lambda tensor: tensor,
    ) -> dict[str, Tensor]:
        """One run's outputs and gradients, "d<tensor>"; the arguments are those of `autograd_vjp`.

        Raises
            UserError: as `autograd_vjp` does.
        """
        outputs, found = autograd_vjp(
            self.function, self.path, tensors, self.needed, self.dtype, douts, self.limit, lift
        )
        return outputs | {f"d{name}": found[name] for name in self.needed}


def load_forward(
    path: Path, given: Given, needed: list[str], dtype: torch.dtype, limit: float
) -> Forward:
    """Load the author's forward, whose parameters may be what is `given`.

    Raises
        UserError: as `load_function` does.
    """
    return Forward(load_forward_of_real(path, given, limit), path, needed, dtype, limit)


@dataclass(frozen=True)
class Answer:
    """The result of one call of the manual backward.

    gradients: by tensor; all nan if there is no usable gradient
    refused: a sentence for each gradient that is not usable or was not asked for, by its key
    changed: the inputs that backward modified in place
    """

    gradients: dict[str, Tensor]
    refused: dict[str, str]
    changed: list[str]

    def named(self) -> dict[str, Tensor]:
        """The gradients by their own names, "d<tensor>"."""
        return {f"d{name}": gradient for name, gradient in self.gradients.items()}


class Backward:
    """The manual backward in one dtype. Once it has failed, it is not called again.

    needed: the tensors whose gradients it must return
    dtype: of the tensors that it is called with
    computes_in: another dtype in which it may return them; they are converted
    failed: the sentence on how it failed; empty if it has not
    """

    def __init__(
        self,
        function: Author,
        path: Path,
        needed: list[str],
        dtype: torch.dtype,
        limit: float,
        computes_in: str | None = None,
    ) -> None:
        self.function, self.dtype, self.failed = function, dtype, ""
        self._computes_in = torch_dtype(computes_in) if computes_in else dtype
        self._path, self._needed, self._limit = path, needed, limit

    def __call__(
        self,
        tensors: dict[str, Tensor],
        douts: Cotangents,
        arrange: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda given: given,
    ) -> Answer:
        """Call backward on one run; if it fails, the answer's `refused` says why.

        tensors: one run's inputs as drawn; they are rounded to the dtype first
        douts: the cotangents, each of the shape of its output
        arrange: lays the rounded inputs and cotangents out otherwise in memory
        """
        rounded = {name: cast(value, self.dtype) for name, value in (tensors | douts).items()}
        given = arrange(rounded)
        kept = {name: value.clone() for name, value in given.items()}
        gradients, refused = dict[str, Tensor](), dict[str, str]()
        if not self.failed:
            try:
                with torch.no_grad():
                    returned = call(self.function, self._path, given, self._limit)
                    returned = converted(returned, kept, self._computes_in)
                gradients, refused = check_gradients(
                    returned, self.function, self._path, kept, self._needed
                )
            except UserError as error:
                self.failed = error.sentence
        if self.failed:
            refused = dict.fromkeys(self._needed, self.failed)
        return Answer(
            {
                name: gradients[name].clone()
                if name in gradients
                else torch.full_like(kept[name], torch.nan)
                for name in self._needed
            },
            refused,
            [name for name in given if not same_bits(given[name], kept[name])],
        )

    def takes(self, cotangents: Collection[str]) -> list[str]:
        """Those of the cotangents that are among its parameters."""
        parameters = inspect.signature(self.function).parameters
        return [name for name in cotangents if name in parameters]


def load_backward(
    path: Path,
    given: Given,
    cotangents: list[str],
    needed: list[str],
    dtype: torch.dtype,
    limit: float,
) -> Backward:
    """Load the author's backward in one dtype; the arguments are those of `backward_function`.

    Raises
        UserError: as `backward_function` does.
    """
    function = backward_function(path, given, cotangents, limit)
    return Backward(function, path, needed, dtype, limit, given.computes_in)


def backward_function(path: Path, given: Given, cotangents: list[str], limit: float) -> Author:
    """Load the author's backward, to be called with each cotangent by its name.

    given: what its parameters may be, besides the cotangents
    cotangents: "dout"; or the names of several, which it may also take together, as `dout`: a tuple
        if forward's outputs have numbers, a dict if they have names
    limit: seconds that executing the file may take

    Raises
        UserError: as `load_function` does.
    """
    known = (*given.tensors, *dict.fromkeys([COTANGENT, *cotangents]))
    function = load_function(path, "backward", replace(given, tensors=known), limit)
    parameters = inspect.signature(function).parameters
    if COTANGENT in cotangents or COTANGENT not in parameters:
        return backward_of_real(function, path, given)
    kept = [one for name, one in parameters.items() if name != COTANGENT and name not in cotangents]
    keyword = [one.replace(kind=one.KEYWORD_ONLY) for one in kept]
    taken = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in cotangents]
    keys = [name.removeprefix(f"{COTANGENT}_") for name in cotangents]
    numbered = all(key.isdigit() for key in keys)

    @wraps(function)
    def with_all(**tensors: Any) -> Any:
        own = {name: value for name, value in tensors.items() if name in parameters}
        douts = {key: tensors[f"{COTANGENT}_{key}"] for key in keys}
        together = tuple(douts[key] for key in sorted(keys, key=int)) if numbered else douts
        return function(**own, **{COTANGENT: together})

    with_all.__signature__ = inspect.Signature([*keyword, *taken])  # type: ignore[attr-defined]
    return backward_of_real(with_all, path, given)
