"""A square root found by iterating until it stands, differentiated by the implicit function theorem."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="newton_layer",
    tensors={
        "a": {"shape": [6], "draw": "uniform", "low": 0.5, "high": 2.0, "requires_grad": True},
    },
    forward="""\
import torch


def forward(a):
    z = torch.ones_like(a)
    for _ in range(8):
        step = (z * z - a) / (2 * z)
        z = z - step
        if step.abs().max() < 1e-9:
            break
    return z
""",
    backward="""\
import torch


def backward(a, dout):
    z, step, iterations = torch.ones_like(a), torch.full_like(a, float("inf")), 0
    while step.abs().max().item() >= 1e-9 and iterations < 8:
        step = (z * z - a) / (2 * z)
        z = z - step
        iterations += 1
    return {"a": dout / (2 * z)}
""",
    mistakes=(
        Edit("the factor of two", (("dout / (2 * z)", "dout / z"),), "factor"),
        Edit("the derivative at a", (("dout / (2 * z)", "dout / (2 * a)"),), "operation"),
    ),
)
