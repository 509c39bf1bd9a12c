"""An nn.Module tried by functional_call, and a backward that is an autograd.Function."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="torch_module",
    tensors={
        "x": {"shape": [4, 3], "draw": "randn", "requires_grad": True},
        "weight": {"shape": [5, 3], "draw": "linear_default", "fan_in": 3, "requires_grad": True},
        "bias": {"shape": [5], "draw": "linear_default", "fan_in": 3, "requires_grad": True},
    },
    forward="""\
import torch
from torch import nn


class Swish(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 5)

    def forward(self, x):
        return torch.nn.functional.silu(self.linear(x))


module = Swish()


def forward(x, weight, bias):
    parameters = {"linear.weight": weight, "linear.bias": bias}
    return torch.func.functional_call(module, parameters, (x,))
""",
    backward="""\
import torch


class SwishFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        z = x @ weight.t() + bias
        ctx.save_for_backward(x, weight, z)
        return z * torch.sigmoid(z)

    @staticmethod
    def backward(ctx, dout):
        x, weight, z = ctx.saved_tensors
        s = torch.sigmoid(z)
        dz = dout * (s + z * s * (1 - s))
        return dz @ weight, dz.t() @ x, dz.sum(0)


def backward(x, weight, bias, dout):
    with torch.enable_grad():
        leaves = [one.clone().requires_grad_() for one in (x, weight, bias)]
        SwishFunction.apply(*leaves).backward(dout)
    return dict(zip(("x", "weight", "bias"), (leaf.grad for leaf in leaves)))
""",
    mistakes=(
        Edit("the second term is forgotten", (("(s + z * s * (1 - s))", "s"),), "missing term"),
        Edit("the bias' sum over the wrong axis", (("dz.sum(0)", "dz.mean(0)"),), "factor"),
    ),
)
