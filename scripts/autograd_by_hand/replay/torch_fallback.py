"""Execute in torch an operation that numpy cannot reproduce bit for bit, on arrays of many runs."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autograd_by_hand.aten.dispatch import HALF, operation, summable
from autograd_by_hand.replay.interpreter import held
from autograd_by_hand.replay.program import Call, arguments, results_of

Array = NDArray[Any]


def execute_in_torch(call: Call, arrays: dict[int, Array], dtype: torch.dtype) -> None:
    """Execute one call on `arrays` (by number, held), run by run, and add its results to them.

    dtype: of the floating-point tensors among its arguments
    """
    runs = max([array.dtype["runs"].shape[0] for array in arrays.values()])
    made: dict[int, list[Array]] = {number: [] for number in results_of(call)}
    for run in range(runs):

        def tensor(number: int, run: int = run) -> Tensor:
            values = arrays[number]["runs"]
            one = torch.from_numpy(np.array(values[..., min(run, values.shape[-1] - 1)]))
            return one.to(call.get("device"), dtype if one.is_floating_point() else None)

        args, kwargs = arguments(call, tensor)
        args = [_given(value, dtype) for value in args]
        kwargs = {key: _given(value, dtype) for key, value in kwargs.items()}
        returned = operation(call["op"])(*args, **kwargs)
        every = returned if isinstance(returned, tuple | list) else [returned]
        results = [one for one in every if isinstance(one, Tensor)]
        for number, one in zip(made, results, strict=True):
            made[number].append(summable(one))
    arrays |= {number: held(np.stack(each, axis=-1)) for number, each in made.items()}


def _given(value: Any, dtype: torch.dtype) -> Any:
    """Return an argument as torch expects it, with `dtype` in place of a half format."""
    if not isinstance(value, str):
        return value
    named = getattr(torch, value.removeprefix("torch."), None)
    if not isinstance(named, torch.dtype | torch.layout | torch.memory_format):
        return value  # a device
    return dtype if named in HALF else named
