"""A student's linear layer, distilled from a teacher's logits."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="distillation",
    tensors={
        "x": {"shape": [6, 8], "draw": "randn", "requires_grad": True},
        "W": {"shape": [10, 8], "draw": "linear_default", "fan_in": 8, "requires_grad": True},
        "teacher": {"shape": [6, 10], "draw": "randn"},
        "labels": {"shape": [6], "draw": "randint", "high": 10},
    },
    forward='''\
"""Distillation: 0.7 T^2 KL(teacher || student), softened by T = 3, and 0.3 cross-entropy."""

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

T = 3.0
ALPHA = 0.7
SMOOTHING = 0.1


def forward(x: Tensor, W: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    z = x @ W.T  # (6, 10)
    soft = kl_div(log_softmax(z / T, dim=1), softmax(teacher / T, dim=1), reduction="batchmean")
    hard = cross_entropy(z, labels, label_smoothing=SMOOTHING)
    return ALPHA * T * T * soft + (1 - ALPHA) * hard
''',
    backward='''\
"""The gradient of forward.py: both losses' are probabilities less targets."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

T = 3.0
ALPHA = 0.7
SMOOTHING = 0.1


def backward(
    x: Tensor, W: Tensor, teacher: Tensor, labels: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    n, classes = len(x), len(W)  # 6, 10
    z = x @ W.T  # (6, 10)
    p, q = torch.softmax(z / T, dim=1), torch.softmax(teacher / T, dim=1)
    dz = ALPHA * T * (p - q) / n  # (6, 10)
    target = one_hot(labels, classes).to(z.dtype) * (1 - SMOOTHING) + SMOOTHING / classes
    dz = dz + (1 - ALPHA) * (torch.softmax(z, dim=1) - target) / n
    dz = dout * dz
    return {"x": dz @ W, "W": dz.T @ x}
''',
    variants=(
        Edit("weights last", (("ALPHA * T * (p - q) / n", "(p - q) * (ALPHA * T / n)"),)),
        Edit(
            "softmax by exp",
            (
                (
                    "(torch.softmax(z, dim=1) - target)",
                    "((z - z.logsumexp(1, keepdim=True)).exp() - target)",
                ),
            ),
        ),
        Edit(
            "targets by scattering",
            (
                (
                    "one_hot(labels, classes).to(z.dtype)",
                    "torch.zeros_like(z).scatter(1, labels[:, None], 1.0)",
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "T squared not cancelled",
            (("ALPHA * T * (p - q)", "ALPHA * T * T * (p - q)"),),
            "factor|missing",
        ),
        Edit(
            "T forgotten altogether",
            (("ALPHA * T * (p - q)", "ALPHA * (p - q)"),),
            "factor|missing",
        ),
        Edit(
            "temperature not in the student's softmax",
            (("torch.softmax(z / T, dim=1)", "torch.softmax(z, dim=1)"),),
            "constant|missing|factor",
        ),
        Edit(
            "temperature not in the teacher's softmax",
            (("torch.softmax(teacher / T, dim=1)", "torch.softmax(teacher, dim=1)"),),
            "constant|missing|factor",
        ),
        Edit(
            "temperature in the hard loss as well",
            (("(torch.softmax(z, dim=1)", "(torch.softmax(z / T, dim=1)"),),
            "operation|constant|factor",
        ),
        Edit(
            "smoothing left out",
            (("* (1 - SMOOTHING) + SMOOTHING / classes", ""),),
            "missing|constant",
        ),
        Edit(
            "smoothing spread over the others only",
            (
                (
                    "* (1 - SMOOTHING) + SMOOTHING / classes",
                    "* (1 - SMOOTHING - SMOOTHING / 9) + SMOOTHING / 9",
                ),
            ),
            "constant|factor",
        ),
        Edit(
            "hard loss forgotten",
            (("    dz = dz + (1 - ALPHA) * (torch.softmax(z, dim=1) - target) / n\n", ""),),
            "missing",
        ),
        Edit(
            "weights of the losses swapped",
            (
                ("dz = ALPHA * T * (p", "dz = (1 - ALPHA) * T * (p"),
                ("dz + (1 - ALPHA) * (torch", "dz + ALPHA * (torch"),
            ),
            "constant|factor|operation",
        ),
        Edit("hard loss summed over the batch", (("- target) / n", "- target)"),), "factor"),
        Edit(
            "soft loss averaged over the classes as well",
            (("(p - q) / n", "(p - q) / (n * classes)"),),
            "factor",
        ),
        Edit("roles of teacher and student swapped", (("(p - q)", "(q - p)"),), "factor|operation"),
        Edit(
            "softmax over the batch",
            (("(torch.softmax(z, dim=1) -", "(torch.softmax(z, dim=0) -"),),
            "other sum",
        ),
        Edit(
            "labels off by one",
            (("one_hot(labels, classes)", "one_hot((labels + 1) % classes, classes)"),),
            "shifted",
        ),
    ),
)
