"""Batch normalisation of images in training, with the statistics and formulas of many libraries."""

from tests.operators.case import Edit, Operator

STATISTICS = """\
    mu = x.mean(dim=AXES, keepdim=True)  # (1, 3, 1, 1)
    xc = x - mu  # (4, 3, 4, 4)
    var = (xc * xc).mean(dim=AXES, keepdim=True)  # (1, 3, 1, 1)
"""
GRADIENT = """\
    xhat = xc * rstd  # (4, 3, 4, 4)
    dbeta = dout.sum(dim=AXES)  # (3,)
    dgamma = (dout * xhat).sum(dim=AXES)  # (3,)
    dxhat = dout * gamma[:, None, None]  # (4, 3, 4, 4)
    m1 = dxhat.mean(dim=AXES, keepdim=True)  # (1, 3, 1, 1)
    m2 = (dxhat * xhat).mean(dim=AXES, keepdim=True)  # (1, 3, 1, 1)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (4, 3, 4, 4)
"""
SUMS = """\
    dbeta = dout.sum(dim=AXES)  # (3,)
    dgamma = (dout * xhat).sum(dim=AXES)  # (3,)
"""
FROM_SUMS = """\
    n = x.numel() // len(gamma)  # 64
    mean, slope = (one[:, None, None] / n for one in (dbeta, dgamma))  # (3, 1, 1) each
    dx = gamma[:, None, None] * rstd * (dout - mean - xhat * slope)  # (4, 3, 4, 4)
"""

OPERATOR = Operator(
    name="batch_norm_2d",
    tensors={
        "x": {"shape": [4, 3, 4, 4], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [3], "draw": "randn", "requires_grad": True},
        "beta": {"shape": [3], "draw": "randn", "requires_grad": True},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import batch_norm


def forward(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)  # (4, 3, 4, 4)
""",
    backward="""\
import torch
from torch import Tensor

AXES = (0, 2, 3)
EPS = 1e-5


def backward(x: Tensor, gamma: Tensor, beta: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + STATISTICS
    + """\
    rstd = torch.rsqrt(var + EPS)  # (1, 3, 1, 1)
"""
    + GRADIENT
    + """\
    return {"x": dx, "gamma": dgamma, "beta": dbeta}
""",
    variants=(
        Edit(
            "Apex: means of dy and of dy (x - mu)",
            (
                (
                    GRADIENT,
                    """\
    dbeta = dout.sum(dim=AXES)  # (3,)
    dot = (dout * xc).sum(dim=AXES)  # (3,)
    dgamma = dot * rstd.flatten()  # (3,)
    n = x.numel() // len(gamma)  # 64
    mean_dy, mean_dy_xmu = (one[:, None, None] / n for one in (dbeta, dot))  # (3, 1, 1) each
    dx = (dout - mean_dy - xc * rstd * rstd * mean_dy_xmu) * rstd * gamma[:, None, None]
""",
                ),
            ),
        ),
        Edit(
            "Keras: chain through variance and mean",
            (
                (
                    GRADIENT,
                    """\
    dbeta = dout.sum(dim=AXES)  # (3,)
    dgamma = (dout * xc * rstd).sum(dim=AXES)  # (3,)
    dxhat = dout * gamma[:, None, None]  # (4, 3, 4, 4)
    n = x.numel() // len(gamma)  # 64
    dvar = (dxhat * xc).sum(dim=AXES, keepdim=True) * -0.5 * rstd * rstd * rstd
    dmu = -(dxhat * rstd).sum(dim=AXES, keepdim=True)  # (1, 3, 1, 1)
    dx = dxhat * rstd + dvar * (2 / n) * xc + dmu / n  # (4, 3, 4, 4)
""",
                ),
            ),
        ),
        Edit(
            "Welford's statistics, one sample after another",
            (
                (
                    STATISTICS,
                    """\
    mu = torch.zeros_like(x[:1, :, :1, :1])  # (1, 3, 1, 1)
    M2 = torch.zeros_like(mu)  # (1, 3, 1, 1)
    for k, one in enumerate(x.transpose(0, 1).flatten(1).T, start=1):
        delta = one[:, None, None] - mu
        mu = mu + delta / k
        M2 = M2 + delta * (one[:, None, None] - mu)
    var = M2 / (x.numel() // len(gamma))
    xc = x - mu  # (4, 3, 4, 4)
""",
                ),
            ),
        ),
        Edit(
            "statistics of each image, merged as between devices",
            (
                (
                    STATISTICS,
                    """\
    means = x.mean(dim=(2, 3), keepdim=True)  # (4, 3, 1, 1)
    within = ((x - means) ** 2).mean(dim=(2, 3), keepdim=True)  # (4, 3, 1, 1)
    mu = means.mean(dim=0, keepdim=True)  # (1, 3, 1, 1)
    var = within.mean(dim=0, keepdim=True) + ((means - mu) ** 2).mean(dim=0, keepdim=True)
    xc = x - mu  # (4, 3, 4, 4)
""",
                ),
                (
                    GRADIENT,
                    """\
    xhat = xc * rstd  # (4, 3, 4, 4)
    dbeta = dout.sum(dim=(2, 3)).sum(dim=0)  # (3,)
    dgamma = (dout * xhat).sum(dim=(2, 3)).sum(dim=0)  # (3,)
"""
                    + FROM_SUMS,
                ),
            ),
        ),
        Edit(
            "Kahan's sums",
            (
                (
                    "def backward(",
                    """\
def kahan(t: Tensor) -> Tensor:
    total = torch.zeros_like(t[0, :, 0, 0])  # (3,)
    lost = torch.zeros_like(total)  # (3,)
    for one in t.transpose(0, 1).flatten(1).T:
        term = one - lost
        new = total + term
        lost = (new - total) - term
        total = new
    return total


def backward(""",
                ),
                (
                    STATISTICS,
                    """\
    n = x.numel() // len(gamma)  # 64
    xc = x - (kahan(x) / n)[:, None, None]  # (4, 3, 4, 4)
    var = (kahan(xc * xc) / n)[None, :, None, None]  # (1, 3, 1, 1)
""",
                ),
                (
                    GRADIENT,
                    """\
    xhat = xc * rstd  # (4, 3, 4, 4)
    dbeta, dgamma = kahan(dout), kahan(dout * xhat)  # (3,) each
"""
                    + FROM_SUMS.partition("\n")[2],
                ),
            ),
        ),
        Edit(
            "pairwise sums",
            (
                (
                    "def backward(",
                    """\
def pairwise(t: Tensor) -> Tensor:
    rows = t.transpose(0, 1).flatten(1)  # (3, 64)
    while rows.shape[1] > 1:
        rows = rows[:, 0::2] + rows[:, 1::2]
    return rows[:, 0]  # (3,)


def backward(""",
                ),
                (
                    GRADIENT,
                    """\
    xhat = xc * rstd  # (4, 3, 4, 4)
    dbeta, dgamma = pairwise(dout), pairwise(dout * xhat)  # (3,) each
"""
                    + FROM_SUMS,
                ),
            ),
        ),
        Edit(
            "projection onto what is orthogonal to ones and to the input",
            (
                (
                    GRADIENT,
                    """\
    xhat = xc * rstd  # (4, 3, 4, 4)
    dbeta = dout.sum(dim=AXES)  # (3,)
    dgamma = (dout * xhat).sum(dim=AXES)  # (3,)
    rows = (xhat.transpose(0, 1).flatten(1), dout.transpose(0, 1).flatten(1))  # (3, 64) each
    n = x.numel() // len(gamma)  # 64
    outer = rows[0][:, :, None] * rows[0][:, None, :]  # (3, 64, 64)
    P = torch.eye(n, dtype=x.dtype) - (1 + outer) / n  # (3, 64, 64)
    dx = (P @ rows[1][:, :, None])[:, :, 0] * (gamma * rstd.flatten())[:, None]  # (3, 64)
    dx = dx.view(3, 4, 4, 4).transpose(0, 1)  # (4, 3, 4, 4)
""",
                ),
            ),
        ),
        Edit(
            "reverse mode step by step",
            (
                (
                    GRADIENT,
                    """\
    std = torch.sqrt(var + EPS)  # (1, 3, 1, 1)
    xhat = xc / std  # (4, 3, 4, 4)
    dbeta = dout.sum(dim=AXES)  # (3,)
    dgamma = (dout * xhat).sum(dim=AXES)  # (3,)
    dxhat = dout * gamma[:, None, None]  # (4, 3, 4, 4)
    dxc = dxhat / std  # (4, 3, 4, 4)
    dstd = -(dxhat * xhat / std).sum(dim=AXES, keepdim=True)  # (1, 3, 1, 1)
    dvar = dstd / (2 * std)  # (1, 3, 1, 1)
    dxc = dxc + 2 * xc * dvar / (x.numel() // len(gamma))  # (4, 3, 4, 4)
    dx = dxc - dxc.mean(dim=AXES, keepdim=True)  # (4, 3, 4, 4)
""",
                ),
                ("    rstd = torch.rsqrt(var + EPS)  # (1, 3, 1, 1)\n", ""),
            ),
        ),
        Edit(
            "einsum on channels last",
            (
                (
                    GRADIENT,
                    """\
    g, xhat = (t.permute(0, 2, 3, 1).flatten(0, 2) for t in (dout, xc * rstd))  # (64, 3) each
    dbeta = torch.einsum("nc->c", g)  # (3,)
    dgamma = torch.einsum("nc,nc->c", g, xhat)  # (3,)
    factor = gamma * rstd.flatten() / len(g)  # (3,)
    dx = factor * (len(g) * g - dbeta - xhat * dgamma)  # (64, 3)
    dx = dx.view(4, 4, 4, 3).permute(0, 3, 1, 2)  # (4, 3, 4, 4)
""",
                ),
            ),
        ),
    ),
)
