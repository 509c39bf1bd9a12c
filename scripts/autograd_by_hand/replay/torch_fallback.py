"""Execute in torch an operation that numpy cannot reproduce bit for bit, on arrays of many runs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.dispatch import HALF, operation, summable
from autograd_by_hand.core.messages import Message
from autograd_by_hand.replay.interpreter import held
from autograd_by_hand.replay.program import Call, add_results, arguments, results_of

Array = NDArray[Any]


class NotRepeated(Exception):
    """Torch does not execute a recorded operation again; the message says which, and why."""


def execute_in_torch(
    call: Call,
    arrays: dict[int, Array],
    dtype: torch.dtype,
    others: Mapping[int, torch.dtype] | None = None,
    strides: Mapping[str, list[int]] | None = None,
) -> None:
    """Execute one call on `arrays` (by number, held), run by run, and add its results to them.

    dtype: of the floating-point tensors among its arguments
    others: the dtypes of those that have another one, by number
    strides: of the arguments that are not contiguous, by number; a kernel may compute by them

    Raises
        NotRepeated: if torch refuses, or returns something else than it did.
    """
    runs = max([array.dtype["runs"].shape[0] for array in arrays.values()])
    made: dict[int, list[Array]] = {number: [] for number in results_of(call)}
    for run in range(runs):

        def tensor(number: int, run: int = run) -> Tensor:
            values = arrays[number]["runs"]
            one = torch.from_numpy(np.array(values[..., min(run, values.shape[-1] - 1)]))
            own = (others or {}).get(number, dtype)
            one = one.to(call.get("device"), own if one.is_floating_point() else None)
            return _laid_out(one, (strides or {}).get(str(number)))

        args, kwargs = arguments(call, tensor)
        args = [_given(value, dtype) for value in args]
        kwargs = {key: _given(value, dtype) for key, value in kwargs.items()}
        try:
            returned = operation(call["op"])(*args, **kwargs)
            every = returned if isinstance(returned, tuple | list) else [returned]
            results = [summable(one) for one in every if isinstance(one, Tensor)]
            for number, one in zip(made, results, strict=True):
                made[number].append(one)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise NotRepeated(
                Message(
                    "torch does not execute {operation} again: {why}",
                    operation=call["op"].split(".")[1],
                    why=" ".join(str(error).split()).split(". ")[0].rstrip("."),
                )
            ) from error
    results_held = {number: held(np.stack(each, axis=-1)) for number, each in made.items()}
    add_results(call, arrays, results_held)


def _laid_out(tensor: Tensor, strides: list[int] | None) -> Tensor:
    """Return a tensor with these strides, or contiguous; elements may share memory on an axis."""
    if strides is None or len(strides) != tensor.dim():
        return tensor.contiguous()
    own = tuple(slice(None) if step else slice(1) for step in strides)
    once = tensor[own]  # what is the same along an axis
    end = 0
    for step, size in sorted(zip(strides, once.shape, strict=True)):
        if size > 1 and step <= end:  # the elements overlap in another way
            return tensor.contiguous()
        end += step * (size - 1)
    laid = torch.empty_strided(once.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return laid.copy_(once).expand(tensor.shape)


def _given(value: Any, dtype: torch.dtype) -> Any:
    """Return an argument as torch expects it, with a wider `dtype` in place of a half format."""
    if not isinstance(value, str):
        return value
    named = getattr(torch, value.removeprefix("torch."), None)
    if not isinstance(named, torch.dtype | torch.layout | torch.memory_format):
        return value  # a device
    return dtype if named in HALF and dtype not in HALF else named
