"""One run through the author's functions: autograd's gradient of forward, and the hand's."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.returned_values import check_gradients, check_result
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import (
    Author,
    call,
    load_function,
    told_as_theirs,
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

    tensors: one run's inputs in float32 or int64; they are rounded to `dtype` first
    needed: the tensors to differentiate by
    dout: the cotangent, shape of forward's result
    lift: what a rounded tensor becomes before forward sees it (a wider kind of tensor, say)

    Raises
        UserError: if forward fails, or its result does not depend on a needed tensor.
    """
    leaves = {name: lift(cast(value, dtype)) for name, value in tensors.items()}
    for name in needed:
        leaves[name].requires_grad_()
    result = check_result(call(forward, path, leaves, limit), forward, path)
    # With a GPU torch would go back in several threads, in no fixed order.
    with told_as_theirs(path, limit), torch.autograd.set_multithreading_enabled(False):
        # A scalar's cotangent is 1 and goes unsaid: naming it makes torch import sympy first.
        seed = () if result.dim() == 0 else (lift(cast(dout, dtype)).to(result.dtype),)
        result.backward(*seed)
    gradients = {}
    for name in needed:
        gradient = leaves[name].grad
        if gradient is None:
            raise UserError(
                f"{path}: forward's result does not depend on {name!r}; use it, or take its "
                "requires_grad away."
            )
        gradients[name] = gradient
    return result.detach(), gradients


@dataclass(frozen=True)
class Forward:
    """The author's forward in one format, to be differentiated by autograd.

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
        """Its "result" and its gradients, "d<tensor>", in one run; arguments as `autograd_vjp`'s.

        Raises
            UserError: as `autograd_vjp` does.
        """
        result, found = autograd_vjp(
            self.function, self.path, tensors, self.needed, self.dtype, dout, self.limit, lift
        )
        return {"result": result} | {f"d{name}": found[name] for name in self.needed}


def load_forward(
    path: Path, names: list[str], needed: list[str], dtype: torch.dtype, limit: float
) -> Forward:
    """The forward of the author's file, which may take the tensors `names`.

    Raises
        UserError: as `load_function` does.
    """
    return Forward(load_function(path, "forward", names, limit), path, needed, dtype, limit)


@dataclass(frozen=True)
class Answer:
    """What one call of the hand's backward gave.

    gradients: by tensor; nan throughout where there is none
    refused: why there is none, in a sentence, by tensor, and what else backward gave unasked
    changed: the inputs that it changed in place
    """

    gradients: dict[str, Tensor]
    refused: dict[str, str]
    changed: list[str]

    def named(self) -> dict[str, Tensor]:
        """The gradients by their own names, "d<tensor>"."""
        return {f"d{name}": gradient for name, gradient in self.gradients.items()}


class Backward:
    """The hand-written backward in one format. Once it has failed, it is not called again.

    needed: the tensors whose gradients it must give
    failed: the sentence with which it failed, if it has
    """

    def __init__(
        self, function: Author, path: Path, needed: list[str], dtype: torch.dtype, limit: float
    ) -> None:
        self.function, self.failed = function, ""
        self._path, self._needed, self._dtype, self._limit = path, needed, dtype, limit

    def __call__(self, tensors: dict[str, Tensor], dout: Tensor) -> Answer:
        """Its answer to one run.

        tensors: one run's inputs in float32 or int64; they are rounded to the format first
        dout: the cotangent, shape of forward's result
        """
        given = {name: cast(value, self._dtype) for name, value in tensors.items()} | {
            "dout": cast(dout, self._dtype)
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
        """Whether it names `dout` among its parameters."""
        return "dout" in inspect.signature(self.function).parameters


def load_backward(
    path: Path, names: list[str], needed: list[str], dtype: torch.dtype, limit: float
) -> Backward:
    """The backward of the author's file, which may take the tensors `names` and `dout`.

    Raises
        UserError: as `load_function` does.
    """
    function = load_function(path, "backward", [*names, "dout"], limit)
    return Backward(function, path, needed, dtype, limit)


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors of one shape and dtype hold the same bits, nan and -0 included."""
    bits = [value.contiguous().reshape(-1).view(torch.uint8) for value in (first, second)]
    return torch.equal(*bits)
