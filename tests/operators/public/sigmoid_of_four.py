"""A steep sigmoid, which forward may spell in two ways; backward is the same."""

from dataclasses import replace

from tests.operators.case import Operator

BY_NAME = Operator(
    name="sigmoid_of_four",
    tensors={"x": {"shape": [16, 25], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch


def forward(x):
    return torch.sigmoid(4 * x)
""",
    backward="""\
import torch


def backward(x, dout):
    s = torch.sigmoid(4 * x)
    return {"x": dout * 4 * s * (1 - s)}
""",
)
BY_FORMULA = replace(
    BY_NAME,
    name="sigmoid_of_four_by_exp",
    forward=BY_NAME.forward.replace("torch.sigmoid(4 * x)", "1 / (1 + torch.exp(-4 * x))"),
)
