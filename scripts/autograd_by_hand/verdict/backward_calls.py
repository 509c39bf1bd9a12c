"""Call the author's backward twice on every run, and record what the calls reveal."""

from copy import copy
from math import inf
from pathlib import Path

import torch
from torch import Tensor

from autograd_by_hand.aten.dtypes import torch_dtype
from autograd_by_hand.core.progress import progress
from autograd_by_hand.experiment.autograd_use import AutogradUse
from autograd_by_hand.experiment.autograd_watch import AutogradWatch
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.vjp import Answer, Backward, load_backward, load_forward
from autograd_by_hand.storage.safetensors_torch import Run, Stack
from autograd_by_hand.verdict.calls import Calls, LayoutFinding
from autograd_by_hand.verdict.other_calls import distance, kept_state, other_layouts
from autograd_by_hand.verdict.value_checks import off_zero, repetition


def call_backward(
    dtype: str,
    forward: Path,
    backward: Path,
    runs: list[Run],
    given: Given,
    needed: list[str],
    time_limit: float,
) -> tuple[dict[str, Tensor], Calls]:
    """Compute the gradients of every run in one dtype, and record what the calls reveal.

    forward: the author's, which tells whether it takes inputs that are not contiguous
    given: what backward may be called with
    needed: the tensors whose gradients are required
    time_limit: seconds per call
    returns: the gradients as compute_manual writes them, "<sample>/d<tensor>", shape (runs,
        *shape), nan where backward returns none, and "<sample>/d<tensor>.second" of the second
        calls if one of them gave other bits; and what the calls revealed

    Raises
        UserError: if the file has no such function.
    """
    rest = (given, [*runs[0].douts], needed, torch_dtype(dtype), time_limit)
    by_hand = load_backward(backward, *rest)
    stack, repeats, changed = Stack(), dict.fromkeys(needed, "same bits"), set[str]()
    zeros, refused = dict[str, str](), dict[str, str]()
    shares = dict[str, float]()
    use: AutogradUse | None = None
    start: tuple[Run, Answer] | None = None  # the trial's first run
    unlike: list[tuple[Run, str, Tensor]] = []  # the gradients of second calls that differ
    for run in progress(runs, f"compute_manual {dtype}, runs"):
        once, twice = (by_hand(run.tensors, run.douts) for _ in range(2))
        stack.add(run.sample, once.named())
        if (run.sample, run.number) == ("trial", 0):
            start = run, once
            zeros, shares = _of_zeros(by_hand, run, once)
            if not by_hand.failed:
                use = _use_of_autograd(by_hand, backward, run)
        changed |= {*once.changed, *twice.changed}
        refused = once.refused | twice.refused | refused
        for name in needed:
            first, second = once.gradients[name], twice.gradients[name]
            if not same_bits(first, second):
                unlike.append((run, name, second))
                if repeats[name] == "same bits":
                    repeats[name] = repetition(first.double().numpy(), second.double().numpy())
    layouts, stale = list[LayoutFinding](), dict[str, float]()
    if start and not (by_hand.failed or changed):
        run, answer = start
        theirs = load_forward(forward, given, needed, torch_dtype(dtype), time_limit)
        layouts = other_layouts(by_hand, theirs, run, answer)
        others = [one for one in runs if one is not run]
        stale = kept_state(by_hand, load_backward(backward, *rest), run, others, answer)
        wavering = {name: stale.pop(name) for name in [*stale] if repeats[name] != "same bits"}
        if wavering:
            layouts.append({"kind": "other inputs", "apart": wavering, "refused": {}})
    calls: Calls = {
        "second_call": repeats,
        "zero_cotangent": zeros,
        "changed_inputs": sorted(changed),
        "refused": refused,
    }
    if shares:
        calls["zero_share"] = shares
    if use:
        calls["autograd"] = use
    if layouts:
        calls["other_layouts"] = layouts
    if stale:
        calls["kept_state"] = [*stale]
    gradients = stack.stacked()
    return gradients | _second_calls(gradients, unlike), calls


def _of_zeros(
    by_hand: Backward, run: Run, first: Answer
) -> tuple[dict[str, str], dict[str, float]]:
    """What a cotangent of zeros gives, if backward takes one: `zero_cotangent` and `zero_share`.

    first: what backward gave on the run
    """
    if not by_hand.takes(run.douts):
        return {}, {}
    nothing = {name: torch.zeros_like(dout) for name, dout in run.douts.items()}
    of_zero = by_hand(run.tensors, nothing).gradients
    shares = {}
    for name, usual in first.gradients.items():
        if of_zero[name].any():
            apart = distance(of_zero[name], torch.zeros_like(usual), usual)
            shares[name] = apart if usual.isfinite().all() else inf
    return {name: off_zero(one.double().numpy()) for name, one in of_zero.items()}, shares


def _second_calls(
    gradients: dict[str, Tensor], unlike: list[tuple[Run, str, Tensor]]
) -> dict[str, Tensor]:
    """The gradients of the second calls, of each tensor for which one of them has other bits.

    gradients: of the first calls
    """
    names = {f"d{name}" for _, name, _ in unlike}
    found = {
        f"{key}.second": value.clone()
        for key, value in gradients.items()
        if key.split("/", 1)[1] in names
    }
    for run, name, second in unlike:
        found[f"{run.sample}/d{name}.second"][run.number] = second
    return found


def _use_of_autograd(by_hand: Backward, path: Path, run: Run) -> AutogradUse | None:
    """Call backward once more, watched; a failure of this call is not one of backward."""
    apart = copy(by_hand)
    watch = AutogradWatch(path, [cast(dout, by_hand.dtype) for dout in run.douts.values()])
    with watch:
        answer = apart(run.tensors, run.douts)
    return watch.found(answer.gradients)
