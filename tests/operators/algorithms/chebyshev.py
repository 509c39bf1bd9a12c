"""A Chebyshev series of squashed inputs, as in networks of learnt activations."""

from tests.operators.case import Edit, Operator

BODY = """\
    t = torch.tanh(x)  # (6, 7)
    T, U = [torch.ones_like(t), t], [torch.ones_like(t), 2 * t]
    for k in range(2, len(c)):
        T.append(2 * t * T[k - 1] - T[k - 2])
        U.append(2 * t * U[k - 1] - U[k - 2])
    dc = torch.stack([(dout * one).sum() for one in T])  # (6,)
    slope = sum(k * c[k] * U[k - 1] for k in range(1, len(c)))  # (6, 7)
    dx = dout * slope * (1 - t * t)  # (6, 7)
    return {"x": dx, "c": dc}
"""
DT = """\
    slope = sum(k * c[k] * U[k - 1] for k in range(1, len(c)))  # (6, 7)
"""
BASES = """\
    T, U = [torch.ones_like(t), t], [torch.ones_like(t), 2 * t]
    for k in range(2, len(c)):
        T.append(2 * t * T[k - 1] - T[k - 2])
        U.append(2 * t * U[k - 1] - U[k - 2])
"""
BASIS = """\
    T = [torch.ones_like(t), t]  # (6, 7) each
    for k in range(2, len(c)):
        T.append(2 * t * T[k - 1] - T[k - 2])
"""

OPERATOR = Operator(
    name="chebyshev",
    tensors={
        "x": {"shape": [6, 7], "draw": "randn", "requires_grad": True},
        "c": {"shape": [6], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""The series of c_k T_k(tanh x), k from 0 to 5."""

import torch
from torch import Tensor


def forward(x: Tensor, c: Tensor) -> Tensor:
    t = torch.tanh(x)  # (6, 7)
    T = [torch.ones_like(t), t]  # (6, 7) each
    for k in range(2, len(c)):
        T.append(2 * t * T[k - 1] - T[k - 2])
    return torch.stack(T, dim=-1) @ c  # (6, 7)
''',
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, c: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "Clenshaw's recurrence and its derivative",
            (
                (BASES, BASIS),
                (
                    DT,
                    """\
    b1 = b2 = d1 = d2 = torch.zeros_like(t)  # (6, 7) each
    for k in reversed(range(1, len(c))):
        b1, b2, d1, d2 = c[k] + 2 * t * b1 - b2, b1, 2 * b1 + 2 * t * d1 - d2, d1
    slope = b1 + t * d1 - d2  # (6, 7)
""",
                ),
            ),
        ),
        Edit(
            "the derivative's own coefficients, summed by Clenshaw",
            (
                (BASES, BASIS),
                (
                    DT,
                    """\
    d = [torch.zeros_like(c[0])] * (len(c) + 1)  # (), of the derivative
    for k in reversed(range(1, len(c))):
        d[k - 1] = d[k + 1] + 2 * k * c[k]
    d[0] = d[0] / 2
    b1 = b2 = torch.zeros_like(t)  # (6, 7) each
    for k in reversed(range(1, len(c) - 1)):
        b1, b2 = d[k] + 2 * t * b1 - b2, b1
    slope = d[0] + t * b1 - b2  # (6, 7)
""",
                ),
            ),
        ),
        Edit(
            "recurrence of the derivatives beside that of the basis",
            (
                (
                    BASES,
                    """\
    T, dT = [torch.ones_like(t), t], [torch.zeros_like(t), torch.ones_like(t)]
    for k in range(2, len(c)):
        T.append(2 * t * T[k - 1] - T[k - 2])
        dT.append(2 * T[k - 1] + 2 * t * dT[k - 1] - dT[k - 2])
""",
                ),
                (DT, "    slope = torch.stack(dT, dim=-1) @ c  # (6, 7)\n"),
            ),
        ),
        Edit(
            "reverse mode through the recurrence",
            (
                (BASES, BASIS),
                (
                    DT,
                    """\
    bar = [one * torch.ones_like(t) for one in c]  # (6, 7) each: the derivatives by T
    slope = torch.zeros_like(t)  # (6, 7)
    for k in reversed(range(2, len(c))):
        slope = slope + 2 * T[k - 1] * bar[k]
        bar[k - 1] = bar[k - 1] + 2 * t * bar[k]
        bar[k - 2] = bar[k - 2] - bar[k]
    slope = slope + bar[1]
""",
                ),
            ),
        ),
        Edit(
            "powers, by Horner's rule",
            (
                (BASES, BASIS),
                (
                    DT,
                    """\
    s = t * t  # (6, 7)
    even = 4 * c[2] + s * 32 * c[4] - 16 * c[4]  # (6, 7), to be times t
    odd = c[1] - 3 * c[3] + 5 * c[5] + s * (12 * c[3] - 60 * c[5] + s * 80 * c[5])
    slope = t * even + odd  # (6, 7)
""",
                ),
            ),
        ),
        Edit(
            "doubled indices",
            (
                (
                    BASES,
                    """\
    T2 = 2 * t * t - 1  # (6, 7)
    T3 = t * (2 * T2 - 1)
    T = [torch.ones_like(t), t, T2, T3, 2 * T2 * T2 - 1, 2 * T2 * T3 - t]
    U = [T[0], 2 * t, 1 + 2 * T2, 2 * (t + T3), 1 + 2 * (T2 + T[4])]
""",
                ),
            ),
        ),
        Edit(
            "matrix of the basis and einsum",
            (
                (BASES, BASIS),
                (
                    DT,
                    """\
    n = torch.arange(6)
    odd = (n[:, None] > n) & ((n[:, None] - n) % 2 == 1)  # (6, 6)
    D = (2 * n[:, None] * odd).to(c.dtype)  # T_n' = sum over k of D_nk T_k
    D[:, 0] /= 2
    slope = torch.einsum("n,nk,kab->ab", c, D, torch.stack(T))  # (6, 7)
""",
                ),
                (
                    "torch.stack([(dout * one).sum() for one in T])",
                    'torch.einsum("ab,kab->k", dout, torch.stack(T))',
                ),
            ),
        ),
        Edit(
            "numpy's chebval and chebder",
            (
                (
                    BODY,
                    """\
    dtype, wide = x.dtype, torch.promote_types(x.dtype, torch.float32)
    x, c, dout = (t.detach().to(wide).numpy() for t in (x, c, dout))
    t = np.tanh(x)  # (6, 7)
    dc = np.einsum("ab,abk->k", dout, chebyshev.chebvander(t, 5))  # (6,)
    dx = dout * chebyshev.chebval(t, chebyshev.chebder(c)) * (1 - t) * (1 + t)  # (6, 7)
    return {"x": torch.from_numpy(dx).to(dtype), "c": torch.from_numpy(dc).to(dtype)}
""",
                ),
                (
                    "import torch\n",
                    "import numpy as np\nimport torch\nfrom numpy.polynomial import chebyshev\n",
                ),
            ),
        ),
    ),
)
