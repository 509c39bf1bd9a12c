"""Operations in ball arithmetic against torch's own: its test inputs for every operator it has."""

from collections import Counter

import pytest
import torch

from autograd_by_hand.enclosure.differentiate import enclose
from autograd_by_hand.enclosure.failures import NotEnclosed, Undefined
from tests.bench.op_db.derivatives import cases, entries
from tests.conftest import thoroughly

FLOAT64, COMPLEX128 = torch.float64, torch.complex128
SOME = [
    "_batch_norm_with_update",
    "add",
    "addmm",
    "addmv",
    "amax",
    "atan2",
    "baddbmm",
    "bmm",
    "cat",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
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
    "index_reduce.amax",
    "index_reduce.mean",
    "index_reduce.prod",
    "index_select",
    "kron",
    "linalg.det",
    "linalg.householder_product",
    "linalg.inv",
    "linalg.lstsq.grad_oriented",
    "linalg.lu",
    "linalg.lu_factor",
    "linalg.lu_solve",
    "linalg.pinv",
    "linalg.qr",
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
    "nn.functional.embedding_bag",
    "nn.functional.gelu",
    "nn.functional.grid_sample",
    "nn.functional.instance_norm",
    "nn.functional.layer_norm",
    "nn.functional.max_pool2d",
    "nn.functional.pad.constant",
    "nn.functional.softplus",
    "norm",
    "ormqr",
    "prod",
    "put",
    "roll",
    "scatter",
    "scatter_add",
    "scatter_reduce.amin",
    "scatter_reduce.prod",
    "sort",
    "std",
    "topk",
    "trace",
    "tril",
    "unfold",
    "where",
]
# In complex numbers: what has a rule of its own, or a definition that is not that for real ones.
COMPLEX = [
    "_unsafe_masked_index_put_accumulate",
    "abs",
    "acosh",
    "add",
    "angle",
    "asin",
    "asinh",
    "atan",
    "cat",
    "conj",
    "cumsum",
    "div.no_rounding_mode",
    "dot",
    "fft.fft2",
    "fft.hfft",
    "fft.ifft",
    "fft.irfft2",
    "index_add",
    "index_put",
    "linalg.det",
    "linalg.householder_product",
    "linalg.inv",
    "linalg.lu_factor",
    "linalg.pinv",
    "linalg.qr",
    "linalg.slogdet",
    "linalg.vector_norm",
    "log",
    "logsumexp",
    "lu_solve",
    "masked_fill",
    "matmul",
    "matrix_exp",
    "mul",
    "nn.functional.conv1d",
    "polar",
    "pow",
    "prod",
    "real",
    "rsub",
    "scatter_add",
    "sgn",
    "sigmoid",
    "sqrt",
    "std",
    "tanh",
    "triangular_solve",
    "vdot",
    "view_as_complex",
    "view_as_real",
    "where",
]
# Autograd's own derivative is off: it takes 1/6 in float32.
AUTOGRAD_IS_OFF = {"nn.functional.hardsigmoid"}
OF_REAL, OF_COMPLEX = entries(FLOAT64), entries(COMPLEX128)


def compare(op, dtype, most):
    """How its samples end: "same", "other" or the kind of refusal."""
    ends = Counter[str]()
    for case in cases(op, dtype, most):
        known = case.by_autograd()
        if known is None:
            continue
        try:
            found = case.enclosed()
        except NotEnclosed as refused:
            ends[type(refused).__name__] += 1
            continue
        result, gradients = known
        away = abs(float(result) - found.outputs["result"].head)
        same = away <= 1e-9 * (1 + abs(float(result)))
        for name, gradient in gradients.items():
            bounds = found.gradients[name]
            size = abs(bounds.head).max(initial=0) + 1e-3
            same &= bool((abs(gradient.numpy() - bounds.head) <= bounds.radius + 1e-9 * size).all())
        ends["same" if same else "other"] += 1
    return ends


@pytest.mark.parametrize("name", [*SOME[::3], *thoroughly(SOME[1::3] + SOME[2::3])])
def test_an_operation_has_torchs_value_and_gradient(name):
    ends = compare(OF_REAL[name], FLOAT64, 4)
    assert ends["same"] > 0
    assert not ends["other"]


@pytest.mark.parametrize("name", [*COMPLEX[::3], *thoroughly(COMPLEX[1::3] + COMPLEX[2::3])])
def test_an_operation_on_complex_numbers_has_torchs_value_and_gradient(name):
    dtype = COMPLEX128 if name in OF_COMPLEX else FLOAT64
    ends = compare((OF_COMPLEX if name in OF_COMPLEX else OF_REAL)[name], dtype, 4)
    assert ends["same"] > 0
    assert not ends["other"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("dtype", "share"), [(FLOAT64, 0.94), (COMPLEX128, 0.92)], ids=["float64", "complex128"]
)
def test_most_of_torchs_operators_are_covered_and_none_is_wrong(dtype, share):
    ends = {name: compare(op, dtype, 4) for name, op in entries(dtype).items()}
    ends = {name: found for name, found in ends.items() if found}
    off = {name for name, found in ends.items() if found["other"]}
    assert off == (AUTOGRAD_IS_OFF if dtype == FLOAT64 else set())
    covered = [name for name, found in ends.items() if found["same"] or found["other"]]
    assert len(covered) >= share * len(ends), sorted(ends.keys() - set(covered))


def test_where_torch_gives_nan_too_nothing_is_enclosed():
    tensors = {"x": torch.tensor([1.0, -1.0], dtype=FLOAT64)}
    with pytest.raises(Undefined, match="log"):
        enclose(lambda t: t["x"].log().sum(), tensors, ["x"], torch.ones((), dtype=FLOAT64))
