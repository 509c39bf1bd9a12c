"""Call the author's backward as autograd may call it, where the trial's own calls do not.

Autograd promises neither that a cotangent is contiguous nor that a saved tensor is, and it makes
copies for no one. The layouts that are tried are those that it really hands over:

- stride 0: the derivative of a sum or a mean expands its cotangent, so `y.sum().backward()` gives y
  one number with strides of 0;
- transposed: the derivatives of `.T`, of a permutation and of a product with a transposed matrix
  permute the axes of what they are given;
- with gaps: those of `torch.stack`, `torch.cat` and indexing show a part of a larger tensor, with
  an offset and strides greater than the shape needs;
- inputs: a saved input is what forward was given, `h.T` or `h[:, 0]` as well as anything else.

A tensor and its contiguous copy are the same numbers, so the gradients must agree. A kernel may add
the summands in another order for another layout, so their bits need not.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.tensor_bits import same_bits
from autograd_by_hand.experiment.user_code import call
from autograd_by_hand.experiment.vjp import Answer, Backward, Forward
from autograd_by_hand.storage.safetensors_torch import Run
from autograd_by_hand.verdict.calls import LayoutFinding

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """A layout of the cotangents or of the inputs.

    kind: its name in calls.json
    of: a tensor in this layout, with its own numbers, and with others around them in memory
    constant: whether all numbers of a tensor must be the same
    inputs: whether the inputs are laid out so, and not the cotangents
    """

    kind: str
    of: Callable[[Tensor], Tensor]
    constant: bool = False
    inputs: bool = False


def transposed(tensor: Tensor) -> Tensor:
    """The tensor with its axes in memory in the opposite order."""
    axes = [*reversed(range(tensor.dim()))]
    return tensor.permute(axes).contiguous().permute(axes)


def with_gaps(tensor: Tensor) -> Tensor:
    """The tensor as the second of each two numbers in memory, as `torch.stack` gives it."""
    return torch.stack([tensor.flatten().flip(0).reshape(tensor.shape), tensor], -1)[..., 1]


def expanded(tensor: Tensor) -> Tensor:
    """A tensor of one number as this number with strides of 0.

    Its memory is as large as without: code that reads it as if it were contiguous finds other
    numbers there, and not the end of the memory.
    """
    memory = torch.linspace(2, 3, tensor.numel()).to(tensor.dtype) * tensor.flatten()[0]
    memory[0] = tensor.flatten()[0]
    return memory.as_strided(tensor.shape, [0] * tensor.dim())


def uneven(tensor: Tensor) -> Tensor:
    """A tensor that is not contiguous, if it has at least two elements."""
    long = sum(size > 1 for size in tensor.shape)
    return transposed(tensor) if long > 1 else with_gaps(tensor)


LAYOUTS = (
    Layout("expanded", expanded, constant=True),
    Layout("transposed", transposed),
    Layout("gaps", with_gaps),
    Layout("inputs", uneven, inputs=True),
)


def other_layouts(
    by_hand: Backward, forward: Forward, run: Run, first: Answer
) -> list[LayoutFinding]:
    """Call backward in each of `LAYOUTS`, and return what differs from the contiguous copy.

    by_hand: in one dtype; whether these calls fail does not count for it
    forward: in the same dtype; inputs that it does not take are no inputs for backward either
    first: what backward gave on the run
    """
    found = []
    for layout in LAYOUTS:
        takes = by_hand.takes([*run.tensors] if layout.inputs else [*run.douts])
        names = [name for name in takes if (run.tensors | run.douts)[name].numel() > 1]
        run_of, base = run, first
        if layout.constant and names:
            douts = {name: _constant(dout) for name, dout in run.douts.items()}
            run_of = Run(run.sample, run.number, run.tensors, douts)
            base = copy(by_hand)(run_of.tensors, run_of.douts)

        def arranged(given: Tensors, layout: Layout = layout, names: list[str] = names) -> Tensors:
            return given | {name: layout.of(given[name]) for name in names}

        rounded = {
            name: cast(one, by_hand.dtype) for name, one in (run_of.tensors | run_of.douts).items()
        }
        if all(layout.of(rounded[name]).is_contiguous() for name in names):
            continue
        if layout.inputs and not _runs(forward, arranged(rounded)):
            continue
        answer = copy(by_hand)(run_of.tensors, run_of.douts, arranged)
        refused = {
            name: sentence
            for name, sentence in answer.refused.items()
            if name in base.gradients and name not in base.refused
        }
        apart = {
            name: distance(value, base.gradients[name], first.gradients[name])
            for name, value in answer.gradients.items()
            if name not in answer.refused and name not in base.refused
        }
        apart = {name: one for name, one in apart.items() if one}
        if refused or apart:
            found.append(LayoutFinding(kind=layout.kind, apart=apart, refused=refused))
    return found


def kept_state(
    used: Backward, fresh: Backward, run: Run, others: list[Run], first: Answer
) -> dict[str, float]:
    """Call backward on a run again after another one, and return how far the gradients differ.

    used: has been called on the run before
    fresh: the same file, executed again and never called: it may keep what its first call computed
    others: further runs
    first: what backward gave on the run
    returns: by tensor, the distance relative to the gradient's norm; without those of equal bits
    """
    other = others[-1] if others else _elsewhere(run)
    apart: dict[str, float] = {}
    for by_hand in (used, fresh):
        copy(by_hand)(other.tensors, other.douts)
        again = copy(by_hand)(run.tensors, run.douts).gradients
        for name, value in first.gradients.items():
            if name not in first.refused and not same_bits(again[name], value):
                apart[name] = max(apart.get(name, 0.0), distance(again[name], value, value))
    return apart


def _constant(tensor: Tensor) -> Tensor:
    """A tensor of one number, as large as the tensor is on the whole."""
    return torch.full_like(tensor, float(tensor.abs().square().mean().sqrt()) or 1.0)


def _runs(forward: Forward, tensors: Tensors) -> bool:
    try:
        with torch.no_grad():
            call(forward.function, forward.path, tensors, forward.limit)
    except UserError:
        return False
    return True


def _elsewhere(run: Run) -> Run:
    """A run with the same numbers at other indices, and the opposite cotangents."""
    tensors = {name: one.flatten().roll(1).reshape(one.shape) for name, one in run.tensors.items()}
    return Run(run.sample, -1, tensors, {name: -dout for name, dout in run.douts.items()})


def distance(value: Tensor, base: Tensor, usual: Tensor) -> float:
    """How far a gradient is from another call's, relative to the gradient's norm.

    base: of the other call, such as that on a contiguous copy
    usual: the gradient of the trial's own call; the norm is that of the larger one, since the
        gradient of a constant cotangent may be zero
    returns: inf if the two are not finite in the same elements
    """
    wide = torch.complex128 if base.is_complex() else torch.float64
    value, base, usual = (one.to(wide) for one in (value, base, usual))
    finite = base.isfinite()
    if not torch.equal(value.isfinite(), finite):
        return torch.inf
    apart = float((value - base)[finite].norm())
    size = max(float(one[one.isfinite()].norm()) for one in (base, usual))
    return apart / size if size else (torch.inf if apart else 0.0)
