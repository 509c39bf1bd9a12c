"""A backward in numpy, adapted as the guide says; nothing of torch follows torch.from_numpy."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="numpy_backward",
    tensors={
        "x": {"shape": [5, 3], "draw": "randn", "requires_grad": True},
        "w": {"shape": [3], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(x, w):
    return torch.nn.functional.softplus(x) @ w
""",
    backward="""\
import numpy as np
import torch


def softplus_backward(x, w, dout):
    s = 1 / (1 + np.exp(-x))
    dx = s * w * dout[:, None]
    dw = np.log1p(np.exp(x)).T @ dout
    return dx, dw


def backward(x, w, dout):
    wide = torch.promote_types(x.dtype, torch.float32)
    dx, dw = softplus_backward(*(one.to(wide).numpy() for one in (x, w, dout)))
    return {"x": torch.from_numpy(dx).to(x.dtype), "w": torch.from_numpy(dw).to(x.dtype)}
""",
    mistakes=(
        Edit("the slope of softplus", (("1 / (1 + np.exp(-x))", "1 / (1 + np.exp(x))"),), "sign"),
        Edit("twice", (("dx = s * w", "dx = 2 * s * w"),), "factor"),
    ),
)
