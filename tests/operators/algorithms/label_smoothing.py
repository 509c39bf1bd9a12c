"""Cross-entropy with smoothed labels."""

from tests.operators.case import Edit, Operator

BODY = """\
    N, C = x.shape
    target = (1 - EPS) * one_hot(labels, C).to(x.dtype) + EPS / C  # (9, 7)
    dx = (torch.softmax(x, dim=1) - target) / N  # (9, 7)
    return {"x": dx}
"""

OPERATOR = Operator(
    name="label_smoothing",
    tensors={
        "x": {"shape": [9, 7], "draw": "randn", "requires_grad": True},
        "labels": {"shape": [9], "draw": "randint", "high": 7},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import cross_entropy


def forward(x: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(x, labels, label_smoothing=0.1)
""",
    backward="""\
import torch
from torch import Tensor
from torch.nn.functional import one_hot

EPS = 0.1


def backward(x: Tensor, labels: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "probabilities from the saved logsumexp",
            (
                (
                    "torch.softmax(x, dim=1)",
                    "torch.exp(x - torch.logsumexp(x, dim=1, keepdim=True))",
                ),
            ),
        ),
        Edit(
            "online softmax over blocks of three columns",
            (
                (
                    "    dx = (torch.softmax(x, dim=1) - target) / N  # (9, 7)\n",
                    """\
    m = torch.full_like(x[:, :1], -torch.inf)  # (9, 1)
    z = torch.zeros_like(m)  # (9, 1)
    for block in x.split(3, dim=1):
        new = torch.maximum(m, block.amax(dim=1, keepdim=True))
        z = z * torch.exp(m - new) + torch.exp(block - new).sum(dim=1, keepdim=True)
        m = new
    dx = (torch.exp(x - m) / z - target) / N  # (9, 7)
""",
                ),
            ),
        ),
        Edit(
            "the two losses' gradients weighed",
            (
                (
                    BODY,
                    """\
    N, C = x.shape
    p = torch.softmax(x, dim=1)  # (9, 7)
    dnll = p - one_hot(labels, C)  # (9, 7)
    dsmooth = C * p - 1  # (9, 7)
    dx = ((1 - EPS) * dnll + EPS / C * dsmooth) / N  # (9, 7)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "reverse mode over log_softmax",
            (
                (
                    BODY,
                    """\
    N, C = x.shape
    logp = torch.log_softmax(x, dim=1)  # (9, 7)
    dlogp = torch.full_like(logp, -EPS / C / N)  # (9, 7)
    dlogp.scatter_(1, labels[:, None], -(1 - EPS + EPS / C) / N)
    dx = dlogp - logp.exp() * dlogp.sum(dim=1, keepdim=True)  # (9, 7)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "Jacobian of log_softmax",
            (
                (
                    "    dx = (torch.softmax(x, dim=1) - target) / N  # (9, 7)\n",
                    """\
    p = torch.softmax(x, dim=1)  # (9, 7)
    J = torch.eye(C, dtype=x.dtype) - p[:, None, :]  # (9, 7, 7)
    dx = torch.einsum("nij,ni->nj", J, -target / N)  # (9, 7)
""",
                ),
            ),
        ),
        Edit(
            "label's share subtracted in place",
            (
                (
                    BODY,
                    """\
    N, C = x.shape
    dx = torch.softmax(x, dim=1)  # (9, 7)
    dx -= EPS / C
    dx[torch.arange(N), labels] -= 1 - EPS
    dx /= N
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "powers of two",
            (
                (
                    "    dx = (torch.softmax(x, dim=1) - target) / N  # (9, 7)\n",
                    """\
    e = torch.exp2(LOG2E * (x - x.amax(dim=1, keepdim=True)))  # (9, 7)
    dx = (e / e.sum(dim=1, keepdim=True) - target) / N  # (9, 7)
""",
                ),
                ("EPS = 0.1\n", "EPS = 0.1\nLOG2E = 1.4426950408889634\n"),
            ),
        ),
        Edit(
            "label's element from the other probabilities' sum",
            (
                (
                    BODY,
                    """\
    N, C = x.shape
    e = torch.exp(x - x.amax(dim=1, keepdim=True))  # (9, 7)
    p = e / e.sum(dim=1, keepdim=True)  # (9, 7)
    others = p.scatter(1, labels[:, None], 0.0).sum(dim=1, keepdim=True)  # (9, 1)
    dx = (p - EPS / C).scatter(1, labels[:, None], EPS - EPS / C - others) / N  # (9, 7)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "numpy, row by row",
            (
                (
                    BODY,
                    """\
    wide = torch.promote_types(x.dtype, torch.float32)
    dx = np.empty(x.shape, x.detach().to(wide).numpy().dtype)  # (9, 7)
    for row, label, out in zip(x.detach().to(wide).numpy(), labels.tolist(), dx, strict=True):
        e = np.exp(row - row.max())  # (7,)
        out[:] = e / e.sum() - EPS / len(row)
        out[label] -= 1 - EPS
    return {"x": torch.from_numpy(dx / len(dx)).to(x.dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
                ("from torch.nn.functional import one_hot\n", ""),
            ),
        ),
    ),
)
