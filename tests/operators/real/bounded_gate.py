"""Bounds of infinity, and a nan that marks what is left out and never reaches the result."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="bounded_gate",
    tensors={
        "x": {"shape": [4, 6], "draw": "randn", "requires_grad": True},
        "w": {"shape": [6], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import math

import torch


def forward(x, w):
    y = (x * w).clamp(min=-0.5, max=math.inf)
    missing = torch.ones_like(x.detach()) * float("nan")
    kept = torch.where(torch.arange(6) % 3 == 0, missing, y)
    return torch.nansum(kept**2, dim=1)
""",
    backward="""\
import math

import torch


def backward(x, w, dout):
    y = (x * w).clamp(min=-0.5, max=math.inf)
    missing = torch.ones_like(x) * float("nan")
    kept = torch.where(torch.arange(6) % 3 == 0, missing, y)
    dkept = 2 * kept.nan_to_num(0.0) * dout[:, None]
    dy = dkept * (x * w >= -0.5)
    return {"x": dy * w, "w": (dy * x).sum(0)}
""",
    mistakes=(
        Edit("the clamp is forgotten", ((" * (x * w >= -0.5)", ""),), "missing"),
        Edit("nan reaches the gradient", ((".nan_to_num(0.0)", ""),), "nan"),
    ),
)
