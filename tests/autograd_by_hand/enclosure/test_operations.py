"""Operations in ball arithmetic against torch's own: its test inputs for every operator it has."""

import warnings
from collections import Counter

import pytest
import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

from autograd_by_hand.enclosure.differentiate import enclose
from autograd_by_hand.enclosure.failures import NotEnclosed, Undefined

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

FLOAT64 = torch.float64
SOME = [
    "add",
    "addmm",
    "addmv",
    "amax",
    "atan2",
    "baddbmm",
    "bmm",
    "cat",
    "cholesky",
    "clamp",
    "cumprod",
    "cumsum",
    "diag_embed",
    "diff",
    "div.no_rounding_mode",
    "einsum",
    "expand",
    "gather",
    "index_add",
    "index_put",
    "index_select",
    "kron",
    "linalg.det",
    "linalg.inv",
    "linalg.solve",
    "linalg.solve_triangular",
    "logdet",
    "logsumexp",
    "masked_fill",
    "matmul",
    "max.reduction_with_dim",
    "mean",
    "median",
    "nn.functional.batch_norm",
    "nn.functional.conv2d",
    "nn.functional.conv_transpose1d",
    "nn.functional.cross_entropy",
    "nn.functional.gelu",
    "nn.functional.grid_sample",
    "nn.functional.layer_norm",
    "nn.functional.max_pool2d",
    "nn.functional.pad.constant",
    "nn.functional.softplus",
    "norm",
    "prod",
    "roll",
    "scatter",
    "scatter_add",
    "sort",
    "std",
    "topk",
    "trace",
    "tril",
    "unfold",
    "where",
]
RANDOM = ("bernoulli", "normal", "dropout", "rrelu", "fractional_max_pool", "rand", "multinomial")
# Autograd's own derivative is off: it takes 1/6 in float32.
AUTOGRAD_IS_OFF = {"nn.functional.hardsigmoid"}
ENTRIES = [
    op
    for op in op_db
    if op.supports_dtype(FLOAT64, "cpu")
    and op.supports_autograd
    and not any(word in op.name for word in RANDOM)
]


def name_of(op):
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name


def _samples(op, most):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in list(op.sample_inputs("cpu", FLOAT64, requires_grad=True))[:most]:
            flat, form = tree_flatten((sample.input, sample.args, sample.kwargs))
            tensors = {
                f"t{i}": v.detach() for i, v in enumerate(flat) if isinstance(v, torch.Tensor)
            }
            needed = [
                key for i, v in enumerate(flat) if (key := f"t{i}") in tensors and v.requires_grad
            ]
            few = sum(value.numel() for value in tensors.values()) < 2000
            strided = all(value.layout == torch.strided for value in tensors.values())
            if needed and few and strided and all(tensors[k].dtype == FLOAT64 for k in needed):
                yield _function(op, flat, form), tensors, needed


def _function(op, flat, form):
    """The sum of all results times fixed weights."""

    def total(tensors):
        given = [tensors.get(f"t{i}", value) for i, value in enumerate(flat)]
        first, args, kwargs = tree_unflatten(given, form)
        results = [one for one in tree_flatten(op(first, *args, **kwargs))[0] if _counts(one)]
        generator = torch.Generator().manual_seed(1)
        weighted = [
            (one * torch.randn(one.shape, generator=generator, dtype=FLOAT64)).sum()
            for one in results
        ]
        return torch.stack(weighted).sum()

    return total


def _counts(value):
    return isinstance(value, torch.Tensor) and value.dtype == FLOAT64 and value.requires_grad


def _autograd(function, tensors, needed):
    """The result and gradients by autograd; None if torch itself fails or has no real result."""
    leaves = {k: v.clone().requires_grad_(k in needed) for k, v in tensors.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(leaves)
            found = torch.autograd.grad(
                result, [leaves[k] for k in needed], allow_unused=True, materialize_grads=True
            )
    except (RuntimeError, NotImplementedError):
        return None
    return result.detach(), dict(zip(needed, (one.detach() + 0 for one in found), strict=True))


def compare(op, most):
    """How its samples end: "same", "other" or the kind of refusal."""
    ends = Counter[str]()
    for function, tensors, needed in _samples(op, most):
        known = _autograd(function, tensors, needed)
        if known is None or not known[0].isfinite():
            continue
        try:
            found = enclose(function, tensors, needed, torch.ones((), dtype=FLOAT64))
        except NotEnclosed as refused:
            ends[type(refused).__name__] += 1
            continue
        same = abs(float(known[0]) - found.outputs["result"].head) <= 1e-9 * (
            1 + abs(float(known[0]))
        )
        for name in needed:
            bounds, gradient = found.gradients[name], known[1][name].numpy()
            size = abs(bounds.head).max(initial=0) + 1e-3
            same &= bool((abs(gradient - bounds.head) <= bounds.radius + 1e-9 * size).all())
        ends["same" if same else "other"] += 1
    return ends


@pytest.mark.parametrize("name", SOME)
def test_an_operation_has_torchs_value_and_gradient(name):
    (op,) = [one for one in ENTRIES if name_of(one) == name]
    ends = compare(op, 4)
    assert ends["same"] > 0
    assert not ends["other"]


@pytest.mark.thorough
def test_most_of_torchs_operators_are_covered_and_none_is_wrong():
    ends = {name_of(op): compare(op, 4) for op in ENTRIES}
    ends = {name: found for name, found in ends.items() if found}
    assert {name for name, found in ends.items() if found["other"]} == AUTOGRAD_IS_OFF
    covered = [name for name, found in ends.items() if found["same"] or found["other"]]
    missing = sorted(ends.keys() - set(covered))
    assert len(covered) >= 0.85 * len(ends), missing


def test_where_torch_gives_nan_too_nothing_is_enclosed():
    tensors = {"x": torch.tensor([1.0, -1.0], dtype=FLOAT64)}
    with pytest.raises(Undefined, match="log"):
        enclose(lambda t: t["x"].log().sum(), tensors, ["x"], torch.ones((), dtype=FLOAT64))
