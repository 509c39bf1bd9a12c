"""Kernels as the steps that they are made of: the same function, with the same derivative."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from autograd_by_hand.aten.decompositions import decomposition_of

aten = torch.ops.aten
X = torch.randn(4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGES = X.reshape(2, 2, 6)
SIX = torch.linspace(0.5, 2, 6, dtype=torch.float64)
TWO = torch.tensor([0.5, 2.0], dtype=torch.float64)
CUBE = torch.linspace(-1, 1, 72, dtype=torch.float64).reshape(2, 6, 6)
FUSED = aten._scaled_dot_product_flash_attention_for_cpu.default
FUSED_BACKWARD = aten._scaled_dot_product_flash_attention_for_cpu_backward.default
HEADS = X.reshape(2, 1, 3, 4)
KERNELS = [
    (aten._softmax.default, (X, 1, False), {}),
    (aten._softmax.default, (X, 0, False), {}),
    (aten._log_softmax.default, (X, -1, False), {}),
    (aten.mean.default, (X,), {}),
    (aten.mean.dim, (X, [0]), {}),
    (aten.mean.dim, (X, [0, 1], True), {}),
    (aten.mean.dim, (X, None), {}),
    (aten.var.correction, (X,), {}),
    (aten.var.correction, (X, [1]), {"correction": 0}),
    (aten.var.correction, (X, [0]), {"correction": 1, "keepdim": True}),
    (aten.var.correction, (X, [0]), {"correction": 2}),
    (aten.var.dim, (X, [1]), {}),
    (aten.var.dim, (X, [1], False), {}),
    (aten.var.dim, (X, [1], True, True), {}),
    (aten.var_mean.correction, (X, [1]), {"correction": 0}),
    (aten.var_mean.dim, (X, [1], False, True), {}),
    (aten._trilinear.default, (X, CUBE, X, [1, 3], [0], [1, 2], [2, 3]), {}),
    (aten._trilinear.default, (X, X, X, [], [], [], []), {}),
    (FUSED, (HEADS, HEADS.flip(1), HEADS.exp()), {}),
    (FUSED, (HEADS, HEADS.flip(1), HEADS.exp(), 0.0, True), {"scale": 0.7}),
    (FUSED, (HEADS, HEADS.flip(1), HEADS.exp()), {"attn_mask": CUBE[:, :3, :3][:, None]}),
    (aten.native_layer_norm.default, (X, [6], SIX, SIX, 1e-5), {}),
    (aten.native_group_norm.default, (IMAGES, TWO, TWO, 2, 2, 6, 1, 1e-5), {}),
    (aten.gelu.default, (X,), {}),
    (aten.gelu.default, (X,), {"approximate": "tanh"}),
    (aten.silu.default, (X,), {}),
    (aten.mse_loss.default, (X, X.flip(0)), {}),
    (aten.huber_loss.default, (X, X.flip(0)), {}),
    (aten.smooth_l1_loss.default, (X, X.flip(0)), {}),
    (aten.binary_cross_entropy_with_logits.default, (X, X.sigmoid()), {}),
]


def first(made):
    value = made[0] if isinstance(made, tuple) else made
    assert isinstance(value, Tensor)
    return value


def with_gradient(function, args, kwargs):
    """The (first) result, and the gradient of its weighted sum by the first argument."""
    leaf = args[0].clone().requires_grad_()
    value = first(function(leaf, *args[1:], **kwargs))
    weights = torch.linspace(1, 2, value.numel(), dtype=torch.float64).reshape(value.shape)
    (gradient,) = torch.autograd.grad((value * weights).sum(), leaf)
    return value.detach(), gradient


@pytest.mark.parametrize(("func", "args", "kwargs"), KERNELS)
def test_the_steps_are_the_kernels_function_with_its_derivative(func, args, kwargs):
    apart = decomposition_of(func)
    assert apart is not None
    for of_steps, of_kernel in zip(
        with_gradient(apart, args, kwargs), with_gradient(func, args, kwargs), strict=True
    ):
        torch.testing.assert_close(of_steps, of_kernel, rtol=1e-12, atol=1e-13)


def test_all_results_of_a_kernel_are_made():
    apart = decomposition_of(aten.var_mean.correction)
    assert apart is not None
    variance, mean = apart(X, [1], correction=0, keepdim=True)
    assert torch.allclose(variance, X.var(1, correction=0, keepdim=True))
    assert torch.allclose(mean, X.mean(1, keepdim=True))


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    st.data(),
    st.booleans(),
)
def test_a_mean_is_over_the_axes_that_are_named(shape, data, keepdim):
    value = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    axes = st.integers(-len(shape), len(shape) - 1)
    dim = data.draw(st.lists(axes, unique_by=lambda axis: axis % len(shape), min_size=1))
    apart = decomposition_of(aten.mean.dim)
    assert apart is not None
    torch.testing.assert_close(apart(value, dim, keepdim), value.mean(dim, keepdim))


@given(st.integers(3, 6), st.integers(0, 2), st.booleans())
def test_a_variance_is_corrected_as_told(count, correction, keepdim):
    value = torch.arange(float(2 * count), dtype=torch.float64).reshape(2, count) ** 2
    apart = decomposition_of(aten.var.correction)
    assert apart is not None
    found = apart(value, [1], correction=correction, keepdim=keepdim)
    torch.testing.assert_close(found, value.var(1, correction=correction, keepdim=keepdim))


@pytest.mark.parametrize(
    "func",
    [
        aten.add.Tensor,
        aten.mul.Tensor,
        aten.div.Tensor,
        aten.exp.default,
        aten.log.default,
        aten.tanh.default,
        aten.sqrt.default,
        aten.pow.Tensor_Scalar,
        aten.sum.dim_IntList,
        aten.mm.default,
        aten.addmm.default,
        aten.convolution.default,
        aten.amax.default,
        aten.logsumexp.default,
        aten.t.default,
        aten.view.default,
        aten.expand.default,
        aten.select.int,
        aten.gather.default,
        aten.relu.default,
        aten.leaky_relu.default,
        aten.elu.default,
        aten.embedding.default,
    ],
    ids=str,
)
def test_one_operation_is_not_taken_apart(func):
    assert decomposition_of(func) is None


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("options", [{}, {"scale": 0.7}], ids=["", "scale"])
def test_fused_attention_gives_what_its_derivative_reads_and_the_same_derivative(causal, options):
    decomposed, derived = decomposition_of(FUSED), decomposition_of(FUSED_BACKWARD)
    assert decomposed
    assert derived
    q, k, v = HEADS, torch.cat([HEADS, HEADS.flip(1)], 2), torch.cat([HEADS.exp(), HEADS], 2)
    own = FUSED(q, k, v, 0.0, causal, **options)
    given = (HEADS.cos(), q, k, v, *own, 0.0, causal)
    pairs = [
        (decomposed(q, k, v, 0.0, causal, **options), own),
        (derived(*given, **options), FUSED_BACKWARD(*given, **options)),
    ]
    for made, due in pairs:
        for one, other in zip(made, due, strict=True):
            assert torch.allclose(one, other)


def test_fused_attention_that_drops_some_weights_stays_whole():
    decomposed = decomposition_of(FUSED)
    assert decomposed
    assert decomposed(HEADS, HEADS, HEADS, 0.5) is NotImplemented
