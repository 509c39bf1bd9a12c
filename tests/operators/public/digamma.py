"""The derivative of digamma as a numerical library computes it; torch's own is off by 5e-10."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="digamma",
    tensors={
        "x": {
            "shape": [3, 8],
            "draw": "uniform",
            "low": 0.5,
            "high": 12.0,
            "requires_grad": True,
        }
    },
    forward="""\
import torch


def forward(x):
    return torch.digamma(x)
""",
    backward="""\
import torch

# Bernoulli's numbers B_2, B_4, ..., the coefficients of trigamma's asymptotic series
BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6]
FAR = 20  # where seven terms are as good as float64


def trigamma(x):
    wide = x.double()
    far = wide + FAR
    square = far**-2
    tail = torch.zeros_like(wide)
    for number in reversed(BERNOULLI):
        tail = (tail + number) * square
    total = 1 / far + (square / 2 + tail / far)
    for step in reversed(range(FAR)):  # trigamma(x) = trigamma(x + 1) + 1 / x^2
        total = total + (wide + step) ** -2
    return total.to(x.dtype)


def backward(x, dout):
    return {"x": dout * trigamma(x)}
""",
    variants=(
        Edit(
            "the largest terms are added first, which leaves 4e-16",
            (("for step in reversed(range(FAR)):", "for step in range(FAR):"),),
        ),
    ),
    mistakes=(
        Edit(
            "the step to a larger argument is forgotten",
            (("        total = total + (wide + step) ** -2\n", "        pass\n"),),
            "missing",
        ),
    ),
)
