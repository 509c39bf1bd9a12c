"""The gradient of one run within proven bounds, as a reference and against autograd's."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from autograd_by_hand.enclosure.balls import Bounds
from autograd_by_hand.enclosure.differentiate import ACCURACY, NOTHING, Enclosure, enclose
from autograd_by_hand.experiment.output_names import output_of
from autograd_by_hand.experiment.returned_values import outputs_of
from autograd_by_hand.experiment.sampling import cast
from autograd_by_hand.experiment.user_code import call
from autograd_by_hand.experiment.vjp import Cotangents, Forward
from autograd_by_hand.floats.ulp import Array, difference
from autograd_by_hand.verdict.proof import AutogradAgainstProof


def enclosed(forward: Forward, tensors: dict[str, Tensor], douts: Cotangents) -> Enclosure:
    """Enclose forward's outputs and gradients of one run, from the inputs as its dtype rounds them.

    tensors, douts: of one run, as drawn

    Raises
        UserError: if forward fails, as it may where it takes too long in ball arithmetic.
        NotEnclosed: as `enclose` does.
    """
    rounded = {name: cast(value, forward.dtype) for name, value in tensors.items()}
    inputs = {name: cast(value, torch.float64) for name, value in rounded.items()}

    def program(leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        returned = call(forward.function, forward.path, leaves, forward.limit)
        return outputs_of(returned, forward.function, forward.path)

    cotangents = {
        output_of(name): cast(cast(dout, forward.dtype), torch.float64)
        for name, dout in douts.items()
    }
    return enclose(program, inputs, forward.needed, cotangents)


def as_reference(
    found: Enclosure, forward: Forward, tensors: dict[str, Tensor], douts: Cotangents
) -> dict[str, Tensor]:
    """Forward's outputs and the gradients "d<tensor>" in float64, each with ".tail".

    Where an element has no single derivative, being on a kink, it is autograd's; "<name>.radius"
    is how far from it another gradient may be there, and 0 elsewhere.
    """
    values = {name: _tensors(bounds) for name, bounds in found.outputs.items()}
    values |= {f"d{name}": _tensors(bounds) for name, bounds in found.gradients.items()}
    reference = {name: head for name, (head, _) in values.items()}
    reference |= {f"{name}.tail": tail for name, (_, tail) in values.items()}
    wide = {name: undetermined(bounds) for name, bounds in found.gradients.items()}
    reference |= {
        f"d{name}.radius": torch.zeros(bounds.head.shape, dtype=torch.float64)
        for name, bounds in found.gradients.items()
    }
    if not any(one.any() for one in wide.values()):
        return reference
    rounded, cotangents = (
        {name: cast(value, forward.dtype) for name, value in given.items()}
        for given in (tensors, douts)
    )
    autograd = replace(forward, dtype=torch.float64)(rounded, cotangents)
    for name, bounds in found.gradients.items():
        chosen = autograd[f"d{name}"]
        off = np.abs(difference(chosen.numpy(), bounds.head, bounds.tail))
        own = torch.from_numpy(np.asarray(wide[name] & (off <= bounds.radius)))
        radius = 2 * torch.from_numpy(bounds.radius)
        reference[f"d{name}"] = torch.where(own, chosen, reference[f"d{name}"])
        reference[f"d{name}.tail"] = torch.where(own, 0.0, reference[f"d{name}.tail"])
        reference[f"d{name}.radius"] = torch.where(torch.from_numpy(wide[name]), radius, 0.0)
    return reference


def undetermined(bounds: Bounds) -> Array:
    """Which elements have bounds so wide that they are on a kink."""
    return np.asarray(bounds.radius > max(ACCURACY**0.5 * _rms(bounds), NOTHING))


def autograd_against(
    bounds: Bounds, gradient: Tensor, tail: Tensor | None = None
) -> AutogradAgainstProof:
    """Compare a gradient by autograd with the proven one, of the same shape.

    tail: what the gradient has beyond float64, or None
    """
    off = _distance(bounds, gradient, tail)
    size = _rms(bounds) * np.sqrt(off.size)
    error = float(np.linalg.norm(off))
    worst = np.unravel_index(int(np.argmax(off)), off.shape) if off.size else ()
    return {
        "error": 0.0 if error == 0 else error / size if size else float("inf"),
        "index": [int(i) for i in worst],
        "true": float(bounds.head[worst]) if off.size else 0.0,
        "autograd": float(gradient.detach().numpy()[worst]) if off.size else 0.0,
        "undetermined": int(undetermined(bounds).sum()),
    }


def _distance(bounds: Bounds, gradient: Tensor, tail: Tensor | None) -> Array:
    """How far each element is from the bounds; 0 within them."""
    rest = bounds.tail if tail is None else bounds.tail - tail.numpy()
    off = np.abs(difference(gradient.detach().numpy(), bounds.head, rest))
    return np.maximum(off - bounds.radius, 0.0)


def _rms(bounds: Bounds) -> float:
    return float(np.linalg.norm(bounds.head) / max(1, bounds.head.size) ** 0.5)


def _tensors(bounds: Bounds) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(bounds.head), torch.from_numpy(bounds.tail)
