"""Cumulative products along the last axis."""

from tests.operators.case import Edit, Operator

BODY = """\
    T = x.shape[1]  # 7
    before = torch.ones_like(x[:, 0])  # (5,)
    products = []
    for t in range(T):
        products.append(before)
        before = before * x[:, t]
    dx = torch.zeros_like(x)  # (5, 7)
    dy = torch.zeros_like(x[:, 0])  # (5,)
    for t in reversed(range(T)):
        dy = dout[:, t] + (dy * x[:, t + 1] if t + 1 < T else 0)
        dx[:, t] = dy * products[t]
    return {"x": dx}
"""

OPERATOR = Operator(
    name="cumprod",
    tensors={"x": {"shape": [5, 7], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch
from torch import Tensor


def forward(x: Tensor) -> Tensor:
    return torch.cumprod(x, dim=1)  # (5, 7)
""",
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "sum from the end, divided by the input",
            (
                (
                    BODY,
                    """\
    dy = dout * torch.cumprod(x, dim=1)  # (5, 7)
    dx = dy.flip(1).cumsum(dim=1).flip(1) / x  # (5, 7)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "products ahead of each element",
            (
                (
                    BODY,
                    """\
    dx = torch.empty_like(x)  # (5, 7)
    y = torch.cumprod(x, dim=1)  # (5, 7)
    for t in range(x.shape[1]):
        ahead = torch.ones_like(x[:, t:])  # (5, 7 - t)
        ahead[:, 1:] = torch.cumprod(x[:, t + 1 :], dim=1)
        if t > 0:
            ahead = ahead * y[:, t - 1 : t]
        dx[:, t] = (dout[:, t:] * ahead).sum(dim=1)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "Jacobian, each product without one of its factors",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 7
    one = torch.eye(T, dtype=torch.bool)  # (7, 7)
    left_out = x[:, None, :].masked_fill(one, 1)  # (5, 7, 7)
    J = torch.cumprod(left_out, dim=2).triu()  # (5, 7, 7)
    dx = torch.einsum("nit,nt->ni", J, dout)  # (5, 7)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "logarithms of magnitudes and signs apart",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 7
    wide = x.to(torch.promote_types(x.dtype, torch.float32))  # (5, 7)
    log, sign = wide.abs().log().cumsum(dim=1), wide.sign().cumprod(dim=1)  # (5, 7) each
    ratio = log[:, None, :] - wide.abs().log()[:, :, None]  # (5, 7, 7)
    J = (ratio.exp() * sign[:, None, :] * wide.sign()[:, :, None]).triu()  # (5, 7, 7)
    dx = (J @ dout.to(wide.dtype)[:, :, None])[:, :, 0]  # (5, 7)
    return {"x": dx.to(x.dtype)}
""",
                ),
            ),
        ),
        Edit(
            "Hillis and Steele's scan from both ends",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 7
    before = pad(x[:, :-1], (1, 0), value=1.0)  # (5, 7)
    a, dy = pad(x[:, 1:], (0, 1)), dout  # (5, 7) each
    step = 1
    while step < T:
        before = before * pad(before, (step, 0), value=1.0)[:, :T]
        dy = dy + a * pad(dy, (0, step))[:, step:]
        a = a * pad(a, (0, step))[:, step:]
        step *= 2
    return {"x": before * dy}
""",
                ),
                (
                    "from torch import Tensor\n",
                    "from torch import Tensor\nfrom torch.nn.functional import pad\n",
                ),
            ),
        ),
        Edit(
            "blocks of three columns with the product carried over",
            (
                (
                    BODY,
                    """\
    blocks = list(zip(x.split(3, dim=1), dout.split(3, dim=1), strict=True))
    carry = [torch.ones_like(x[:, :1])]  # (5, 1) each
    for xs, _ in blocks:
        carry.append(carry[-1] * xs.prod(dim=1, keepdim=True))
    pieces, later = [], torch.zeros_like(x[:, 0])  # (5,): the derivative by what is carried over
    for (xs, g), c in zip(reversed(blocks), reversed(carry[:-1]), strict=True):
        K = xs.shape[1]
        own = torch.eye(K, dtype=torch.bool)
        J = torch.cumprod(xs[:, None, :].masked_fill(own, 1), dim=2)  # (5, K, K)
        total = (g[:, None, :] * J.triu()).sum(dim=2) + later[:, None] * J[:, :, -1]
        pieces.append(c * total)
        y = torch.cumprod(xs, dim=1)
        later = (g * y).sum(dim=1) + later * y[:, -1]
    return {"x": torch.cat(pieces[::-1], dim=1)}
""",
                ),
            ),
        ),
        Edit(
            "forward mode, input by input",
            (
                (
                    BODY,
                    """\
    dx = torch.zeros_like(x)  # (5, 7)
    for i in range(x.shape[1]):
        y, dot = torch.ones_like(x[:, 0]), torch.zeros_like(x[:, 0])  # (5,) each
        for t in range(x.shape[1]):
            dot = dot * x[:, t] + (y if t == i else 0)
            y = y * x[:, t]
            dx[:, i] += dout[:, t] * dot
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                (
                    BODY,
                    """\
    dtype, wide = x.dtype, torch.promote_types(x.dtype, torch.float32)
    x, dout = x.detach().to(wide).numpy(), dout.detach().to(wide).numpy()
    N, T = x.shape
    before = np.cumprod(np.concatenate((np.ones((N, 1), x.dtype), x[:, :-1]), 1), axis=1)
    dx = np.zeros_like(x)  # (5, 7)
    for i in range(T):
        after = np.concatenate((np.ones((N, 1), x.dtype), x[:, i + 1 :]), axis=1)
        dx[:, i] = before[:, i] * (dout[:, i:] * np.cumprod(after, axis=1)).sum(axis=1)
    return {"x": torch.from_numpy(dx).to(dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
