"""A causal convolution as long as its input, by the fast Fourier transform."""

from tests.operators.case import Edit, Operator

BODY = """\
    G, X, K = (torch.fft.rfft(t, n=24) for t in (dout, x, k))  # (3, 13), (3, 13), (13,)
    dx = torch.fft.irfft(G * K.conj(), n=24)[:, :12]  # (3, 12)
    dk = torch.fft.irfft((G * X.conj()).sum(dim=0), n=24)[:12]  # (12,)
"""

OPERATOR = Operator(
    name="long_convolution",
    tensors={
        "x": {"shape": [3, 12], "draw": "randn", "requires_grad": True},
        "k": {"shape": [12], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""y_t = sum of k_s x_(t-s), from the spectra; half formats in float32."""

import torch
from torch import Tensor


def forward(x: Tensor, k: Tensor) -> Tensor:
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    X, K = torch.fft.rfft(x.to(wide), n=24), torch.fft.rfft(k.to(wide), n=24)  # (3, 13), (13,)
    return torch.fft.irfft(X * K, n=24)[:, :12].to(dtype)  # (3, 12)
''',
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, k: Tensor, dout: Tensor) -> dict[str, Tensor]:
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, k, dout = x.to(wide), k.to(wide), dout.to(wide)
"""
    + BODY
    + """\
    return {"x": dx.to(dtype), "k": dk.to(dtype)}
""",
    variants=(
        Edit(
            "causal convolutions of what is turned round",
            (
                (
                    BODY,
                    """\
    g = dout.flip(1)  # (3, 12)
    G, X, K = (torch.fft.rfft(t, n=24) for t in (g, x, k))  # (3, 13), (3, 13), (13,)
    dx = torch.fft.irfft(G * K, n=24)[:, :12].flip(1)  # (3, 12)
    dk = torch.fft.irfft((G * X).sum(dim=0), n=24)[:12].flip(0)  # (12,)
""",
                ),
            ),
        ),
        Edit(
            "Toeplitz's matrices",
            (
                (
                    BODY,
                    """\
    lag = torch.arange(12)[:, None] - torch.arange(12)  # (12, 12)
    dx = dout @ torch.where(lag >= 0, k[lag.clamp(min=0)], 0)  # (3, 12)
    past = torch.where(lag >= 0, x[:, lag.clamp(min=0)], 0)  # (3, 12, 12)
    dk = torch.einsum("nt,nts->s", dout, past)  # (12,)
""",
                ),
            ),
        ),
        Edit(
            "conv1d",
            (
                (
                    BODY,
                    """\
    dx = conv1d(pad(dout, (0, 11))[:, None], k[None, None])[:, 0]  # (3, 12)
    dk = conv1d(pad(dout, (0, 11))[None], x[None])[0, 0]  # (12,)
""",
                ),
                (
                    "from torch import Tensor\n",
                    "from torch import Tensor\nfrom torch.nn.functional import conv1d, pad\n",
                ),
            ),
        ),
        Edit(
            "lag by lag",
            (
                (
                    BODY,
                    """\
    dx, dk = torch.zeros_like(x), torch.zeros_like(k)
    for s in range(12):
        dx[:, : 12 - s] += k[s] * dout[:, s:]
        dk[s] = (dout[:, s:] * x[:, : 12 - s]).sum()
""",
                ),
            ),
        ),
        Edit(
            "complex transforms, two signals in one",
            (
                (
                    BODY,
                    """\
    Z = torch.fft.fft(torch.complex(dout, x), n=24)  # (3, 24)
    back = Z.flip(1).roll(1, dims=1).conj()  # (3, 24), at the negative frequency
    G, X = (Z + back) / 2, (Z - back) / 2j  # (3, 24) each
    K = torch.fft.fft(k, n=24)  # (24,)
    both = torch.cat((G * K.conj(), (G * X.conj()).sum(dim=0, keepdim=True)))  # (4, 24)
    corr = torch.fft.ifft(both).real[:, :12]  # (4, 12)
    dx, dk = corr[:3], corr[3]  # (3, 12), (12,)
""",
                ),
            ),
        ),
        Edit(
            "matrices of cosines and sines",
            (
                (
                    BODY,
                    """\
    turn = torch.arange(13)[:, None] * torch.arange(12) % 24  # (13, 12)
    angle = turn.to(torch.float64) * (torch.pi / 12)
    C, S = angle.cos().to(wide), angle.sin().to(wide)  # (13, 12) each
    (Gr, Gi), (Xr, Xi), (Kr, Ki) = ((t @ C.T, t @ S.T) for t in (dout, x, k))
    weight = torch.full((13,), 2.0, dtype=wide)
    weight[0] = weight[12] = 1
    weight = weight / 24
    dx = ((Gr * Kr + Gi * Ki) * weight) @ C + ((Gi * Kr - Gr * Ki) * weight) @ S  # (3, 12)
    real, imaginary = (Gr * Xr + Gi * Xi).sum(dim=0), (Gi * Xr - Gr * Xi).sum(dim=0)
    dk = (real * weight) @ C + (imaginary * weight) @ S  # (12,)
""",
                ),
            ),
        ),
        Edit(
            "blocks of four, overlapping sums",
            (
                (
                    BODY,
                    """\
    K = torch.fft.rfft(k.flip(0), n=16)  # (9,)
    X = torch.fft.rfft(x.flip(1), n=16)  # (3, 9)
    full, corr = torch.zeros_like(x.repeat(1, 2)), torch.zeros_like(x.repeat(1, 2))
    for i in range(0, 12, 4):
        G = torch.fft.rfft(dout[:, i : i + 4], n=16)  # (3, 9)
        full[:, i : i + 15] += torch.fft.irfft(G * K, n=16)[:, :15]
        corr[:, i : i + 15] += torch.fft.irfft(G * X, n=16)[:, :15]
    dx = full[:, 11:23]  # (3, 12)
    dk = corr.sum(dim=0)[11:23]  # (12,)
""",
                ),
            ),
        ),
        Edit(
            "numpy's transforms at the shortest length",
            (
                (
                    BODY,
                    """\
    G, X, K = (np.fft.rfft(t.detach().numpy(), n=23) for t in (dout, x, k))
    dx = np.fft.irfft(G * np.conj(K), n=23)[:, :12]  # (3, 12)
    dk = np.fft.irfft(np.einsum("nf,nf->f", G, np.conj(X)), n=23)[:12]  # (12,)
    dx, dk = torch.from_numpy(dx), torch.from_numpy(dk)
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
