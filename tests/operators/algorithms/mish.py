"""Mish with a learnt gain."""

from tests.operators.case import Edit, Operator

BODY = """\
    t = torch.tanh(softplus(x))  # (6, 8)
    slope = t + x * torch.sigmoid(x) * (1 - t * t)  # (6, 8)
    return {"x": dout * gain * slope, "gain": (dout * x * t).sum(dim=0)}
"""
TORCH = "from torch import Tensor\n"

OPERATOR = Operator(
    name="mish",
    tensors={
        "x": {"shape": [6, 8], "draw": "randn", "requires_grad": True},
        "gain": {"shape": [8], "draw": "randn", "requires_grad": True},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import mish


def forward(x: Tensor, gain: Tensor) -> Tensor:
    return gain * mish(x)  # (6, 8)
""",
    backward="""\
import torch
from torch import Tensor
from torch.nn.functional import softplus


def backward(x: Tensor, gain: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "quotient of polynomials in exp(-|x|)",
            (
                (
                    BODY,
                    """\
    e = torch.exp(-x.abs())  # (6, 8), in (0, 1]
    up = x >= 0  # (6, 8)
    above = torch.where(up, 1 + 2 * e, e * (e + 2))  # (6, 8)
    below = above + torch.where(up, 2 * e * e, torch.full_like(e, 2.0))  # (6, 8)
    t = above / below  # (6, 8): tanh(log(1 + exp(x)))
    sech2 = 4 * torch.where(up, e * e, torch.ones_like(e)) * (1 + e) * (1 + e) / below / below
    s = torch.where(up, torch.ones_like(e), e) / (1 + e)  # (6, 8)
    slope = t + x * s * sech2  # (6, 8)
    return {"x": dout * gain * slope, "gain": (dout * x * t).sum(dim=0)}
""",
                ),
                (TORCH + "from torch.nn.functional import softplus\n", TORCH),
            ),
        ),
        Edit(
            "omega and delta of the paper, in exp(-|x|)",
            (
                (
                    "    slope = t + x * torch.sigmoid(x) * (1 - t * t)  # (6, 8)\n",
                    """\
    e = torch.exp(-x.abs())  # (6, 8)
    up = x >= 0  # (6, 8), where both are divided by powers of exp(x)
    omega = torch.where(
        up,
        1 + 4 * e + (4 * x + 6) * e**2 + 4 * (x + 1) * e**3,
        4 * (x + 1) + (4 * x + 6) * e + 4 * e**2 + e**3,
    )
    delta = torch.where(up, 1 + 2 * e + 2 * e**2, 2 + 2 * e + e**2)
    slope = torch.where(up, 1, e) * omega / delta**2  # (6, 8)
""",
                ),
            ),
        ),
        Edit(
            "slope by hyperbolic cosine's square",
            (
                (
                    "(1 - t * t)",
                    "torch.cosh(softplus(x)).pow(-2)",
                ),
            ),
        ),
        Edit(
            "mish itself for the gain, factors of 1 - t^2",
            (
                ("(1 - t * t)", "(1 - t) * (1 + t)"),
                ("(dout * x * t).sum(dim=0)", "(dout * mish(x)).sum(dim=0)"),
                ("import softplus", "import mish, softplus"),
            ),
        ),
        Edit(
            "softplus by log1p and a maximum",
            (
                (
                    "torch.tanh(softplus(x))",
                    "torch.tanh(x.clamp(min=0) + torch.log1p(torch.exp(-x.abs())))",
                ),
                (TORCH + "from torch.nn.functional import softplus\n", TORCH),
            ),
        ),
        Edit(
            "hyperbolic tangent by expm1",
            (
                (
                    "    t = torch.tanh(softplus(x))  # (6, 8)\n",
                    """\
    m = torch.expm1(-2 * softplus(x))  # (6, 8)
    t = -m / (2 + m)  # (6, 8)
""",
                ),
            ),
        ),
        Edit(
            "reverse mode step by step",
            (
                (
                    BODY,
                    """\
    s = torch.logaddexp(x, torch.zeros_like(x))  # (6, 8)
    t = torch.tanh(s)  # (6, 8)
    dy = dout * gain  # (6, 8), of y = x t
    dt = dy * x  # (6, 8)
    ds = dt - dt * t * t  # (6, 8)
    dx = dy * t + ds * torch.exp(x - s)  # (6, 8)
    return {"x": dx, "gain": torch.einsum("nc,nc,nc->c", dout, x, t)}
""",
                ),
                (TORCH + "from torch.nn.functional import softplus\n", TORCH),
            ),
        ),
        Edit(
            "numpy's logaddexp",
            (
                (
                    BODY,
                    """\
    dtype, wide = x.dtype, torch.promote_types(x.dtype, torch.float32)
    x, gain, dout = (t.detach().to(wide).numpy() for t in (x, gain, dout))
    s = np.logaddexp(x, 0, dtype=x.dtype)  # (6, 8)
    t = np.tanh(s)  # (6, 8)
    dx = dout * gain * (t + x * np.exp(x - s) * (1 - t**2))  # (6, 8)
    dgain = np.sum(dout * x * t, axis=0)  # (8,)
    return {"x": torch.from_numpy(dx).to(dtype), "gain": torch.from_numpy(dgain).to(dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (TORCH + "from torch.nn.functional import softplus\n", TORCH),
            ),
        ),
    ),
)
