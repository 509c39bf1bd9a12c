"""Sinkhorn's iterations: rows and columns of a matrix normalised in turn, in log space."""

from tests.operators.case import Edit, Operator

BODY = """\
    steps, z = [], x  # (2, 4, 5) each
    for _ in range(STEPS):
        for dim in (2, 1):
            z = z - torch.logsumexp(z, dim=dim, keepdim=True)
            steps.append((dim, z))
    dz = dout * z.exp()  # (2, 4, 5)
    for dim, normal in reversed(steps):
        dz = dz - normal.exp() * dz.sum(dim=dim, keepdim=True)
    return {"x": dz}
"""

OPERATOR = Operator(
    name="sinkhorn",
    tensors={"x": {"shape": [2, 4, 5], "draw": "randn", "requires_grad": True}},
    forward='''\
"""Three of Sinkhorn's iterations from exp(x)."""

import torch
from torch import Tensor


def forward(x: Tensor) -> Tensor:
    for _ in range(3):
        x = x - torch.logsumexp(x, dim=2, keepdim=True)
        x = x - torch.logsumexp(x, dim=1, keepdim=True)
    return x.exp()  # (2, 4, 5)
''',
    backward="""\
import torch
from torch import Tensor

STEPS = 3


def backward(x: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "log_softmax, probabilities kept",
            (
                (
                    BODY,
                    """\
    kept, z = [], x
    for _ in range(STEPS):
        for dim in (2, 1):
            z = torch.log_softmax(z, dim=dim)
            kept.append((dim, z.exp()))
    dz = dout * kept[-1][1]  # (2, 4, 5)
    for dim, p in kept[::-1]:
        dz = dz - p * dz.sum(dim=dim, keepdim=True)
    return {"x": dz}
""",
                ),
            ),
        ),
        Edit(
            "potentials of rows and columns",
            (
                (
                    BODY,
                    """\
    f, g = torch.zeros_like(x[:, :, :1]), torch.zeros_like(x[:, :1])  # (2, 4, 1), (2, 1, 5)
    kept = []
    for _ in range(STEPS):
        f = -torch.logsumexp(x + g, dim=2, keepdim=True)
        rows = torch.exp(x + g + f)  # (2, 4, 5), its rows sum to 1
        g = -torch.logsumexp(x + f, dim=1, keepdim=True)
        kept.append((rows, torch.exp(x + f + g)))
    dx = dout * kept[-1][1]  # (2, 4, 5)
    df, dg = dx.sum(dim=2, keepdim=True), dx.sum(dim=1, keepdim=True)
    for rows, columns in reversed(kept):
        by_g = columns * dg  # (2, 4, 5)
        df = df - by_g.sum(dim=2, keepdim=True)
        by_f = rows * df
        dx = dx - by_g - by_f
        dg = -by_f.sum(dim=1, keepdim=True)
        df = torch.zeros_like(df)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "potentials run again on the way back",
            (
                (
                    BODY,
                    """\
    def after(count: int) -> Tensor:
        z = x
        for k in range(count):
            z = torch.log_softmax(z, dim=2 - k % 2)
        return z  # (2, 4, 5)

    dz = dout * after(2 * STEPS).exp()  # (2, 4, 5)
    for k in reversed(range(2 * STEPS)):
        p = torch.softmax(after(k), dim=2 - k % 2)
        dz = dz - p * dz.sum(dim=2 - k % 2, keepdim=True)
    return {"x": dz}
""",
                ),
            ),
        ),
        Edit(
            "divisions of matrices, not in log space after the first step",
            (
                (
                    BODY,
                    """\
    p = torch.softmax(x, dim=2)  # (2, 4, 5)
    kept = [(2, p, None)]
    for k in range(1, 2 * STEPS):
        dim = 2 - k % 2
        total = p.sum(dim=dim, keepdim=True)
        p = p / total
        kept.append((dim, p, total))
    dp = dout
    for dim, p, total in kept[:0:-1]:
        dp = (dp - (dp * p).sum(dim=dim, keepdim=True)) / total
    p = kept[0][1]
    return {"x": p * (dp - (dp * p).sum(dim=2, keepdim=True))}
""",
                ),
            ),
        ),
        Edit(
            "Jacobian of each step",
            (
                (
                    "        dz = dz - normal.exp() * dz.sum(dim=dim, keepdim=True)\n",
                    """\
        p = normal.exp().movedim(dim, 2)  # (2, 4, 5) or (2, 5, 4)
        J = torch.eye(p.shape[2], dtype=p.dtype) - p[:, :, None, :]
        dz = torch.einsum("nij,nijk->nik", dz.movedim(dim, 2), J).movedim(2, dim)
""",
                ),
            ),
        ),
        Edit(
            "forward mode, element by element",
            (
                (
                    BODY,
                    """\
    dot = torch.eye(20, dtype=x.dtype).view(20, 1, 4, 5).expand(20, 2, 4, 5)
    z = x
    for _ in range(STEPS):
        for dim in (2, 1):
            p = torch.softmax(z, dim=dim)  # (2, 4, 5)
            dot = dot - (p * dot).sum(dim=dim + 1, keepdim=True)  # (20, 2, 4, 5)
            z = torch.log_softmax(z, dim=dim)
    dx = torch.einsum("enij,nij->ne", dot, dout * z.exp())  # (2, 20)
    return {"x": dx.view(2, 4, 5)}
""",
                ),
            ),
        ),
        Edit(
            "numpy, matrix by matrix",
            (
                (
                    BODY,
                    """\
    wide = torch.promote_types(x.dtype, torch.float32)
    dx = []
    for z, g in zip(x.detach().to(wide).numpy(), dout.detach().to(wide).numpy(), strict=True):
        kept = []
        for k in range(2 * STEPS):
            top = z.max(axis=1 - k % 2, keepdims=True)
            total = np.exp(z - top).sum(axis=1 - k % 2, keepdims=True)
            z = z - top - np.log(total)
            kept.append(np.exp(z))
        d = g * kept[-1]  # (4, 5)
        for k in reversed(range(2 * STEPS)):
            d = d - kept[k] * d.sum(axis=1 - k % 2, keepdims=True)
        dx.append(torch.from_numpy(d))
    return {"x": torch.stack(dx).to(x.dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
