"""Call the author's backward on every run, twice, and note what the calls showed."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.user_code import load_function
from autograd_by_hand.experiment.vjp import Backward, same_bits
from autograd_by_hand.storage.safetensors_torch import Stack
from autograd_by_hand.verdict.value_checks import off_zero, repetition


def call_backward(
    dtype: str,
    backward: Path,
    runs: list[tuple[str, int, dict[str, Tensor]]],
    needed: list[str],
    time_limit: float,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The gradients of every run in one format, and what the calls showed.

    runs: as `runs_of` gives them, the cotangent `dout` among the tensors
    returns: as compute_manual writes them, "<sample>/d<tensor>", shape (runs, *shape), nan where
        backward gave none; and `second_call`, `zero_cotangent`, `changed_inputs` and `refused`

    Raises
        UserError: if the file has no such function.
    """
    function = load_function(backward, "backward", list(runs[0][2]), time_limit)
    by_hand = Backward(function, backward, needed, torch_dtype(dtype), time_limit)
    stack, repeats, changed = Stack(), dict.fromkeys(needed, "same bits"), set[str]()
    zeros, refused = dict[str, str](), dict[str, str]()
    for sample, number, given in progress(runs, f"compute_manual {dtype}, runs"):
        tensors = {name: value for name, value in given.items() if name != "dout"}
        once, twice = (by_hand(tensors, given["dout"]) for _ in range(2))
        stack.add(sample, {f"d{name}": once.gradients[name] for name in needed})
        changed |= {*once.changed, *twice.changed}
        refused = once.refused | twice.refused | refused
        for name in needed:
            first, second = once.gradients[name], twice.gradients[name]
            if repeats[name] == "same bits" and not same_bits(first, second):
                repeats[name] = repetition(first.double().numpy(), second.double().numpy())
        if (sample, number) == ("trial", 0) and by_hand.takes_cotangent():
            of_zero = by_hand(tensors, torch.zeros_like(given["dout"])).gradients
            zeros = {name: off_zero(of_zero[name].double().numpy()) for name in needed}
    return stack.stacked(), {
        "second_call": repeats,
        "zero_cotangent": zeros,
        "changed_inputs": sorted(changed),
        "refused": refused,
    }
