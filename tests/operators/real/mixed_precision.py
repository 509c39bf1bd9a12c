"""A block under autocast: bfloat16 inside, whatever comes in."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="mixed_precision",
    tensors={
        "x": {"shape": [4, 3], "draw": "randn", "requires_grad": True},
        "W": {"shape": [5, 3], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(x, W):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=x.dtype == torch.float32):
        y = torch.nn.functional.linear(x, W)
    return torch.sigmoid(y.to(x.dtype))
""",
    backward="""\
import torch


def backward(x, W, dout):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=x.dtype == torch.float32):
        y = torch.nn.functional.linear(x, W)
        s = torch.sigmoid(y.to(x.dtype))
        dy = dout * s * (1 - s)
        dx, dW = dy @ W, dy.T @ x
    return {"x": dx.to(x.dtype), "W": dW.to(x.dtype)}
""",
    mistakes=(
        Edit("the slope of tanh", (("dout * s * (1 - s)", "dout * (1 - s**2)"),), "operation"),
    ),
)
