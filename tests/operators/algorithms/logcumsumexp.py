"""Logarithms of cumulative sums of exponentials."""

from tests.operators.case import Edit, Operator

BODY = """\
    y = torch.logcumsumexp(x, dim=1)  # (5, 9)
    p = torch.exp(x[:, :, None] - y[:, None, :]).triu()  # (5, 9, 9)
    dx = (p * dout[:, None, :]).sum(dim=2)  # (5, 9)
    return {"x": dx}
"""

OPERATOR = Operator(
    name="logcumsumexp",
    tensors={"x": {"shape": [5, 9], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch
from torch import Tensor


def forward(x: Tensor) -> Tensor:
    return torch.logcumsumexp(x, dim=1)  # (5, 9)
""",
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "log space, positive and negative gradients apart",
            (
                (
                    BODY,
                    """\
    y = torch.logcumsumexp(x, dim=1)  # (5, 9)

    def weighed(g: Tensor) -> Tensor:
        log = torch.where(g > 0, g.log(), -torch.inf) - y  # (5, 9)
        return torch.exp(log.flip(1).logcumsumexp(dim=1).flip(1) + x)

    return {"x": weighed(dout) - weighed(-dout)}
""",
                ),
            ),
        ),
        Edit(
            "reverse mode over logaddexp",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 9
    y = [x[:, 0]]  # (5,) each
    for t in range(1, T):
        y.append(torch.logaddexp(y[-1], x[:, t]))
    dx = torch.empty_like(x)  # (5, 9)
    dy = torch.zeros_like(x[:, 0])  # (5,)
    for t in reversed(range(T)):
        dy = dy + dout[:, t]
        dx[:, t] = dy * torch.exp(x[:, t] - y[t])
        if t > 0:
            dy = dy * torch.exp(y[t - 1] - y[t])
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "sigmoids of the steps, no logarithms kept",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 9
    y, share = x[:, 0], [torch.ones_like(x[:, 0])]  # (5,) each
    keep = [torch.zeros_like(y)]
    for t in range(1, T):
        d = x[:, t] - y
        share.append(torch.sigmoid(d))
        keep.append(torch.sigmoid(-d))
        y = torch.maximum(y, x[:, t]) + torch.log1p(torch.exp(-d.abs()))
    dx = torch.empty_like(x)  # (5, 9)
    dy = torch.zeros_like(y)
    for t in reversed(range(T)):
        dy = dy + dout[:, t]
        dx[:, t] = dy * share[t]
        dy = dy * keep[t]
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "a softmax for each prefix",
            (
                (
                    BODY,
                    """\
    dx = torch.zeros_like(x)  # (5, 9)
    for t in range(x.shape[1]):
        dx[:, : t + 1] += dout[:, t : t + 1] * torch.softmax(x[:, : t + 1], dim=1)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "masked softmax of the whole square",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 9
    later = torch.ones(T, T, dtype=torch.bool).triu(1)  # (9, 9)
    s = x[:, None, :].expand(-1, T, -1).masked_fill(later, -torch.inf)  # (5, 9, 9)
    dx = (dout[:, None, :] @ torch.softmax(s, dim=2))[:, 0]  # (5, 9)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "running maximum and running sum",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 9
    m, z = x[:, 0], torch.ones_like(x[:, 0])  # (5,) each
    maxima, sums = [m], [z]
    for t in range(1, T):
        new = torch.maximum(m, x[:, t])
        m, z = new, z * torch.exp(m - new) + torch.exp(x[:, t] - new)
        maxima.append(m)
        sums.append(z)
    M, Z = torch.stack(maxima, dim=1), torch.stack(sums, dim=1)  # (5, 9) each
    dx = torch.empty_like(x)  # (5, 9)
    for i in range(T):
        p = torch.exp(x[:, i : i + 1] - M[:, i:]) / Z[:, i:]  # (5, 9 - i)
        dx[:, i] = (dout[:, i:] * p).sum(dim=1)
    return {"x": dx}
""",
                ),
            ),
        ),
        Edit(
            "Hillis and Steele's scan of the way back",
            (
                (
                    BODY,
                    """\
    T = x.shape[1]  # 9
    y = torch.logcumsumexp(x, dim=1)  # (5, 9)
    keep = torch.exp(y[:, :-1] - y[:, 1:])  # (5, 8)
    a, dy = pad(keep, (0, 1)), dout  # (5, 9) each
    step = 1
    while step < T:
        dy = dy + a * pad(dy, (0, step))[:, step:]
        a = a * pad(a, (0, step))[:, step:]
        step *= 2
    return {"x": dy * torch.exp(x - y)}
""",
                ),
                (
                    "from torch import Tensor\n",
                    "from torch import Tensor\nfrom torch.nn.functional import pad\n",
                ),
            ),
        ),
        Edit(
            "numpy's logaddexp.accumulate",
            (
                (
                    BODY,
                    """\
    dtype, wide = x.dtype, torch.promote_types(x.dtype, torch.float32)
    x, dout = x.detach().to(wide).numpy(), dout.detach().to(wide).numpy()
    y = np.logaddexp.accumulate(x, axis=1)  # (5, 9)
    gap = np.minimum(x[:, :, None] - y[:, None, :], 0)  # (5, 9, 9)
    dx = np.einsum("nit,nt->ni", np.triu(np.exp(gap)), dout)  # (5, 9)
    return {"x": torch.from_numpy(dx).to(dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
