"""Differentiate one run with autograd through forward, and with the author's backward."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.returned_values import check_gradients, check_result
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.user_code import (
    Author,
    as_user_error,
    call,
    load_function,
)


def autograd_vjp(
    forward: Author,
    path: Path,
    tensors: dict[str, Tensor],
    needed: list[str],
    dtype: torch.dtype,
    dout: Tensor,
    limit: float,
    lift: Callable[[Tensor], Tensor] = lambda tensor: tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Forward's result, and its vector-Jacobian product with `dout` by autograd.

    tensors: one run's inputs as drawn; they are rounded to `dtype` first
    needed: the tensors to differentiate by
    dout: the cotangent, shape of forward's result
    lift: converts each rounded tensor before forward gets it, for example to a wider kind of tensor

    Raises
        UserError: if forward fails, or its result does not depend on a needed tensor.
    """
    leaves = {name: lift(cast(value, dtype)) for name, value in tensors.items()}
    for name in needed:
        leaves[name].requires_grad_()
    result = check_result(call(forward, path, leaves, limit), forward, path)
    # With a GPU, torch would run backward in several threads, in no fixed order.
    with as_user_error(path, limit), torch.autograd.set_multithreading_enabled(False):
        # A scalar's cotangent is 1 by default; passing it would make torch import sympy first.
        seed = () if result.dim() == 0 else (lift(cast(dout, dtype)).to(result.dtype),)
        result.backward(*seed)
    gradients = {}
    for name in needed:
        gradient = leaves[name].grad
        if gradient is None:
            raise UserError(
                f"{path}: forward's result does not depend on {name!r}; use it, or remove its "
                "requires_grad."
            )
        gradients[name] = gradient
    return result.detach(), gradients


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
        dout: Tensor,
        lift: Callable[[Tensor], Tensor] = lambda tensor: tensor,
    ) -> dict[str, Tensor]:
        """One run's "result" and gradients, "d<tensor>"; the arguments are those of `autograd_vjp`.

        Raises
            UserError: as `autograd_vjp` does.
        """
        result, found = autograd_vjp(
            self.function, self.path, tensors, self.needed, self.dtype, dout, self.limit, lift
        )
        return {"result": result} | {f"d{name}": found[name] for name in self.needed}


def load_forward(
    path: Path, given: Given, needed: list[str], dtype: torch.dtype, limit: float
) -> Forward:
    """Load the author's forward, whose parameters may be what is `given`.

    Raises
        UserError: as `load_function` does.
    """
    return Forward(load_function(path, "forward", given, limit), path, needed, dtype, limit)


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
    failed: the sentence on how it failed; empty if it has not
    """

    def __init__(
        self, function: Author, path: Path, needed: list[str], dtype: torch.dtype, limit: float
    ) -> None:
        self.function, self.dtype, self.failed = function, dtype, ""
        self._path, self._needed, self._limit = path, needed, limit

    def __call__(self, tensors: dict[str, Tensor], dout: Tensor) -> Answer:
        """Call backward on one run; if it fails, the answer's `refused` says why.

        tensors: one run's inputs as drawn; they are rounded to the dtype first
        dout: the cotangent, shape of forward's result
        """
        given = {name: cast(value, self.dtype) for name, value in tensors.items()} | {
            "dout": cast(dout, self.dtype)
        }
        kept = {name: value.clone() for name, value in given.items()}
        gradients, refused = dict[str, Tensor](), dict[str, str]()
        if not self.failed:
            try:
                with torch.no_grad():
                    returned = call(self.function, self._path, given, self._limit)
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

    def takes_cotangent(self) -> bool:
        """Whether `dout` is one of its parameters."""
        return "dout" in inspect.signature(self.function).parameters


def load_backward(
    path: Path, given: Given, needed: list[str], dtype: torch.dtype, limit: float
) -> Backward:
    """Load the author's backward, whose parameters may be what is `given` and `dout`.

    Raises
        UserError: as `load_function` does.
    """
    function = load_function(path, "backward", with_cotangent(given), limit)
    return Backward(function, path, needed, dtype, limit)


def with_cotangent(given: Given) -> Given:
    """What backward is called with: what forward is, and the cotangent."""
    return replace(given, tensors=(*given.tensors, "dout"))
