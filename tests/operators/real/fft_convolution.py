"""A long convolution through the frequencies, as in state-space models."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="fft_convolution",
    tensors={
        "u": {"shape": [2, 3, 8], "draw": "randn", "requires_grad": True},
        "k": {"shape": [3, 8], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(u, k):
    L, dtype = u.shape[-1], u.dtype
    if dtype in (torch.float16, torch.bfloat16):
        u, k = u.float(), k.float()
    uf = torch.fft.rfft(u, n=2 * L)
    kf = torch.fft.rfft(k, n=2 * L)
    y = torch.fft.irfft(uf * kf, n=2 * L)[..., :L]
    return y.to(dtype)
""",
    backward="""\
import torch


def backward(u, k, dout):
    L, dtype = u.shape[-1], u.dtype
    wide = torch.promote_types(dtype, torch.float32)
    u, k, dy = u.to(wide), k.to(wide), dout.to(wide)
    uf, kf = torch.fft.rfft(u, n=2 * L), torch.fft.rfft(k, n=2 * L)
    dyf = torch.fft.rfft(dy, n=2 * L)
    du = torch.fft.irfft(dyf * kf.conj(), n=2 * L)[..., :L]
    dk = torch.fft.irfft((dyf * uf.conj()).sum(0), n=2 * L)[..., :L]
    return {"u": du.to(dtype), "k": dk.to(dtype)}
""",
    mistakes=(
        Edit("not conjugated", (("kf.conj()", "kf"),), "missing"),
        Edit(
            "a mean over the batch",
            (("(dyf * uf.conj()).sum(0)", "(dyf * uf.conj()).mean(0)"),),
            "factor",
        ),
    ),
)
