"""GELU by tanh, with sqrt(2 / pi) typed to ten digits in backward, as in many repositories."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="gelu_of_ten_digits",
    tensors={"x": {"shape": [6, 7], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch


def forward(x):
    return torch.nn.functional.gelu(x, approximate="tanh")
""",
    backward="""\
import torch


def backward(x, dout):
    inner = 0.7978845608 * (x + 0.044715 * x**3)
    t = torch.tanh(inner)
    slope = 0.7978845608 * (1 + 3 * 0.044715 * x**2)
    return {"x": dout * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope)}
""",
    variants=(
        Edit(
            "rounded to float32",
            (
                ("inner = 0.7978845608 *", "inner = 0.7978845834732056 *"),
                ("slope = 0.7978845608 *", "slope = 0.7978845834732056 *"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "a digit is mistyped",
            (
                ("inner = 0.7978845608 *", "inner = 0.7978854608 *"),
                ("slope = 0.7978845608 *", "slope = 0.7978854608 *"),
            ),
            "constant",
        ),
    ),
)
