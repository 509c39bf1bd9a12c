"""Definitions of compound operations in terms of simpler ones, as programs of torch.

Here are those that torch's own table of decompositions lacks, or where it takes a rounded constant
or a step that only keeps floats in range. Their arguments are those of the ATen operation.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograd_by_hand.enclosure.failures import NoEnclosure

aten = torch.ops.aten


def softplus(value: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """Torch's softplus, which is the identity beyond a threshold."""
    smooth = -torch.nn.functional.logsigmoid(-value * beta) / beta
    return torch.where(value * beta > threshold, value, smooth)


def clamp(value: Tensor, min: Any = None, max: Any = None) -> Tensor:
    result = value
    if min is not None:
        result = torch.maximum(result, _constant(min))
    if max is not None:
        result = torch.minimum(result, _constant(max))
    return result


def _constant(number: Any) -> Tensor:
    return (
        number if isinstance(number, Tensor) else torch.tensor(float(number), dtype=torch.float64)
    )


def _hardtanh(value: Tensor, min_val: float = -1, max_val: float = 1) -> Tensor:
    return clamp(value, min_val, max_val)


def _division(first: Any, second: Any, *, rounding_mode: str | None = None) -> Tensor:
    quotient: Tensor = aten.div.Tensor(first, _constant(second))
    if rounding_mode is None:
        return quotient
    return quotient.floor() if rounding_mode == "floor" else quotient.trunc()


def _remainder(first: Any, second: Any) -> Tensor:
    one, two = _constant(first), _constant(second)
    return one.sub(two * (one / two).floor())


def _fmod(first: Any, second: Any) -> Tensor:
    one, two = _constant(first), _constant(second)
    return one.sub(two * (one / two).trunc())


def _copysign(first: Any, second: Any) -> Tensor:
    magnitude = _constant(first).abs()
    return torch.where(_constant(second) < 0, -magnitude, magnitude)


def _logit(value: Tensor, eps: float) -> Tensor:
    return torch.logit(clamp(value, eps, 1 - eps))


def _prelu(value: Tensor, weight: Tensor) -> Tensor:
    return torch.relu(value) - weight * torch.relu(-value)


def _nan_to_num(value: Tensor, *_: Any, **__: Any) -> Tensor:
    if not value.isfinite().all():
        raise NoEnclosure("nan_to_num of inf or nan has no rule in ball arithmetic.")
    return value.clone()


def nll_loss(
    scores: Tensor, target: Tensor, weight: Any, reduction: int, ignore_index: int
) -> tuple[Tensor, Tensor]:
    """The loss of log-probabilities (classes), (rows, classes) or (rows, classes, ...)."""
    axis = 0 if scores.dim() == 1 else 1
    counts = target != ignore_index
    index = torch.where(counts, target, 0).unsqueeze(axis)
    picked = scores.gather(axis, index).squeeze(axis)
    each = (
        counts.double()
        if weight is None
        else torch.where(
            counts, weight.take(index.squeeze(axis)), torch.zeros((), dtype=torch.float64)
        )
    )
    losses = -picked * each
    total = each.sum()
    return [losses, losses.sum() / total, losses.sum()][reduction], total


def _embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, by_frequency: bool = False, *_: Any
) -> Tensor:
    if padding_idx != -1 or by_frequency:
        raise NoEnclosure("an embedding whose gradient is not that of its values.")
    return weight.index_select(0, indices.reshape(-1)).reshape(*indices.shape, weight.shape[1])


def _angle(value: Tensor) -> Tensor:
    return torch.where(value < 0, torch.acos(-value.new_ones(())), value.new_zeros(()))


def _rounded(value: Tensor, *, decimals: int) -> Tensor:
    scale = float(10 ** abs(decimals))
    return (value * scale).round() / scale if decimals > 0 else (value / scale).round() * scale


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "softplus": softplus,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": lambda value, most: clamp(value, None, most),
    "hardtanh": _hardtanh,
    "div": _division,
    "remainder": _remainder,
    "fmod": _fmod,
    "copysign": _copysign,
    "logit": _logit,
    "_prelu_kernel": _prelu,
    "nan_to_num": _nan_to_num,
    "nll_loss_forward": nll_loss,
    "nll_loss2d_forward": nll_loss,
    "embedding": _embedding,
    "angle": _angle,
    "round": _rounded,
    "aminmax": lambda value, dim=None, keepdim=False: (
        value.amin([] if dim is None else [dim], keepdim),
        value.amax([] if dim is None else [dim], keepdim),
    ),
    "fmax": torch.maximum,
    "fmin": torch.minimum,
}
