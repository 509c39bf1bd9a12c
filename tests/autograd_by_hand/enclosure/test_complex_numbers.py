"""Complex numbers in ball arithmetic: torch's convention, views, and what is refused."""

import numpy as np
import pytest
import torch

from autograd_by_hand.enclosure.differentiate import enclose
from autograd_by_hand.enclosure.failures import NoEnclosure, Undefined

FLOAT64, COMPLEX128 = torch.float64, torch.complex128
ONE = torch.ones((), dtype=FLOAT64)


def gradient(function, z, dout=ONE):
    found = enclose(lambda t: function(t["z"]), {"z": z}, ["z"], dout)
    return found.gradients["z"]


def assert_as_autograd(function, z, dout=ONE):
    """The enclosure holds autograd's gradient up to rounding, and is narrow."""
    leaf = z.clone().requires_grad_()
    function(leaf).backward(dout)
    known = torch.view_as_real(leaf.grad.resolve_conj()) if z.is_complex() else leaf.grad
    bounds = gradient(function, z, dout)
    np.testing.assert_allclose(bounds.head, known.numpy(), rtol=1e-12, atol=1e-13)
    assert (bounds.radius <= 1e-20).all()


def numbers(*shape, seed=0, dtype=COMPLEX128):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_the_gradient_is_the_conjugate_of_a_holomorphic_derivative():
    z = torch.tensor([1 + 2j], dtype=COMPLEX128)
    bounds = gradient(lambda z: (z**2).sum(), z, torch.ones((), dtype=COMPLEX128))
    assert bounds.head.tolist() == [[2.0, -4.0]]  # the conjugate of 2 z
    bounds = gradient(lambda z: z.abs().square().sum(), z)
    np.testing.assert_allclose(bounds.head, [[2.0, 4.0]], rtol=1e-15)  # 2 z


@pytest.mark.parametrize(
    "function",
    [
        lambda z: (z * z.conj()).real.sum(),
        lambda z: (z.mH @ z).abs().sum(),
        lambda z: (z.conj().imag * z.real).sum(),
        lambda z: (z.abs() * z.angle()).sum(),
        lambda z: torch.view_as_real(z)[..., 1].exp().sum(),
        lambda z: torch.fft.ifft(torch.fft.fft(z, dim=0) * 1j, norm="ortho").abs().sum(),
        lambda z: (1j * z - z / (2 + 1j) + z.conj() ** 2).tanh().imag.sum(),
        lambda z: torch.linalg.solve(z @ z.mH + 2, z).imag.sum(),
        lambda z: torch.linalg.vector_norm(z - z.mean()) + z.var(),
        lambda z: torch.einsum("ij,kj->ik", z, z.conj()).real.prod(),
        lambda z: z.log().exp().sgn().real.sum(),
    ],
)
def test_a_program_has_autograds_gradient(function):
    assert_as_autograd(function, numbers(3, 3))


def test_a_real_tensor_gets_the_real_part():
    x = numbers(3, 8, dtype=FLOAT64)
    assert_as_autograd(lambda x: torch.fft.irfft(torch.fft.rfft(x) ** 2, n=8).exp().sum(), x)
    assert_as_autograd(lambda x: (x * (1 + 2j)).exp().imag.sum(), x)
    assert_as_autograd(lambda x: torch.polar(x.exp(), x).imag.sum(), x)
    assert_as_autograd(lambda x: torch.view_as_complex(x.reshape(3, 4, 2)).sqrt().real.sum(), x)


def test_constants_are_conjugated_too():
    fixed = numbers(3, 3, seed=1)
    assert_as_autograd(lambda z: (z @ fixed.mH * fixed.conj().imag).abs().sum(), numbers(3, 3))


def test_writes_through_views_reach_the_parts():
    def program(z):
        y = z * 1
        y.real.mul_(2)
        torch.view_as_real(y)[..., 1] = y.real.exp()
        y[0].add_(1j)
        return y.abs().sum()

    assert_as_autograd(program, numbers(2, 2))


def test_several_dtypes_meet_in_complex128():
    z = numbers(3)
    weights, integers = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 2, 3])
    assert_as_autograd(lambda z: (z * weights.double() + integers).abs().sum(), z)
    with pytest.raises(NoEnclosure, match="less than float64"):
        gradient(lambda z: (z.sum() * weights.to(torch.complex64)).abs().sum(), z)


def test_a_conjugate_of_what_is_written_to_later_is_refused():
    def program(z):
        y = z * 1
        conjugate = y.conj()
        y.add_(1)
        return conjugate.abs().sum()

    with pytest.raises(NoEnclosure, match="written to after"):
        gradient(program, numbers(2))

    def through(z):
        y = z * 1
        y.conj().add_(1)
        return y.abs().sum()

    with pytest.raises(NoEnclosure, match="writes to a conjugate"):
        gradient(through, numbers(2))


@pytest.mark.parametrize(
    ("function", "z", "words"),
    [
        (lambda z: z.log().abs().sum(), -1, "log"),
        (lambda z: z.sqrt().abs().sum(), -4, "sqrt"),
        (lambda z: z.angle().sum(), -1, "atan2"),
        (lambda z: z.abs().sum(), 0, "hypot"),
        (lambda z: (1 / z).abs().sum(), 0, "reciprocal"),
        (lambda z: (z**0.5).imag.sum(), -2, "pow"),
        (lambda z: z.acos().real.sum(), 2, "acos"),
    ],
)
def test_on_a_cut_or_a_pole_it_is_said(function, z, words):
    with pytest.raises(Undefined, match=words):
        gradient(function, torch.tensor([z], dtype=COMPLEX128))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda z: torch.linalg.cholesky(z @ z.mH).abs().sum(), "complex"),
        (lambda z: torch.logaddexp(z, z).abs().sum(), "no certain value"),
        (lambda z: z.to(torch.complex64).abs().sum(), "converts to complex64"),
        (lambda z: torch.linalg.eigvals(z).abs().sum(), "linalg_eig"),
    ],
)
def test_what_is_not_covered_is_refused(function, words):
    with pytest.raises(NoEnclosure, match=words):
        gradient(function, numbers(2, 2))
