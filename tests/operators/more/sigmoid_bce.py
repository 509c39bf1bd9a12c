"""Linear layer and binary cross-entropy with logits, mean."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="sigmoid_bce",
    tensors={
        "x": {"shape": [6, 32], "draw": "randn", "requires_grad": True},
        "W": {"shape": [17, 32], "draw": "linear_default", "fan_in": 32, "requires_grad": True},
        "b": {"shape": [17], "draw": "linear_default", "fan_in": 32, "requires_grad": True},
        "target": {"shape": [6, 17], "draw": "uniform"},
    },
    forward='''\
"""Mean binary cross-entropy of a linear layer's logits against soft labels."""

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, linear


def forward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> Tensor:
    z = linear(x, W, b)  # (6, 17)
    return binary_cross_entropy_with_logits(z, target)  # ()
''',
    backward='''\
"""The gradient of forward.py: dL/dz = (sigmoid(z) - target) / (number of logits)."""

import torch
from torch import Tensor
from torch.nn.functional import linear


def backward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> dict[str, Tensor]:
    z = linear(x, W, b)  # (6, 17)
    p = torch.sigmoid(z)  # (6, 17)
    dz = (p - target) / z.numel()  # (6, 17)
    dx = dz @ W  # (6, 32)
    dW = dz.T @ x  # (17, 32)
    db = dz.sum(dim=0)  # (17,)
    return {"x": dx, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    z = linear",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, W, b, target = (t.float() for t in (x, W, b, target))\n"
                        "    z = linear"
                    ),
                ),
                (
                    '{"x": dx, "W": dW, "b": db}',
                    '{"x": dx.to(dtype), "W": dW.to(dtype), "b": db.to(dtype)}',
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                ("from torch.nn.functional import linear\n", ""),
                (
                    "def backward(",
                    (
                        "def array(t: Tensor) -> np.ndarray:\n"
                        "    return (t.float() if t.element_size() == 2 else t).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    z = linear(x, W, b)",
                    (
                        "    dtype = x.dtype\n"
                        "    x, W, b, target = (array(t) for t in (x, W, b, target))\n"
                        "    z = x @ W.T + b"
                    ),
                ),
                ("torch.sigmoid(z)", "1 / (1 + np.exp(-z))"),
                ("z.numel()", "z.size"),
                ("dz.sum(dim=0)", "dz.sum(axis=0)"),
                (
                    '    return {"x": dx, "W": dW, "b": db}',
                    (
                        '    grads = {"x": dx, "W": dW, "b": db}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit("sigmoid through tanh", (("torch.sigmoid(z)", "(1 + torch.tanh(z / 2)) / 2"),)),
        Edit(
            "W and b by a loop over the batch, last example first",
            (
                (
                    "    dW = dz.T @ x  # (17, 32)\n    db = dz.sum(dim=0)  # (17,)\n",
                    (
                        "    dW, db = torch.zeros_like(W), torch.zeros_like(b)\n"
                        "    for i in reversed(range(len(x))):\n"
                        "        dW = dW + torch.outer(dz[i], x[i])\n"
                        "        db = db + dz[i]\n"
                    ),
                ),
            ),
        ),
        Edit(
            "einsum, divided by the count at the end",
            (
                ("(p - target) / z.numel()", "p - target"),
                ("dz @ W", 'torch.einsum("no,oi->ni", dz, W) / z.numel()'),
                ("dz.T @ x", 'torch.einsum("no,ni->oi", dz, x) / z.numel()'),
                ("dz.sum(dim=0)", 'torch.einsum("no->o", dz) / z.numel()'),
            ),
        ),
        Edit(
            "two softplus-free halves: t (p - 1) + (1 - t) p",
            (("(p - target)", "((1 - target) * p - target * torch.sigmoid(-z))"),),
        ),
    ),
    mistakes=(
        Edit("divided by the batch only", (("z.numel()", "len(x)"),), "factor"),
        Edit("sum for mean", (("(p - target) / z.numel()", "p - target"),), "factor"),
        Edit("sign", (("p - target", "target - p"),), "factor"),
        Edit("divided by the number of inputs", (("z.numel()", "x.numel()"),), "factor"),
        Edit("target not subtracted", (("(p - target)", "p"),), "missing"),
        Edit(
            "times the derivative of the sigmoid, as for a squared error",
            (("(p - target)", "(p - target) * p * (1 - p)"),),
            "operation",
        ),
        Edit(
            "softmax for sigmoid", (("torch.sigmoid(z)", "torch.softmax(z, dim=1)"),), "operation"
        ),
        Edit("z for its sigmoid", (("(p - target)", "(z - target)"),), "operation"),
        Edit(
            "labels made hard",
            (("(p - target)", "(p - (target > 0.5).to(p.dtype))"),),
            "operation",
        ),
        Edit("bias left out of the logits", (("linear(x, W, b)", "linear(x, W)"),), "missing"),
        Edit(
            "labels of the next class",
            (("(p - target)", "(p - target.roll(1, dims=1))"),),
            "shifted",
        ),
        Edit(
            "last example left out of db",
            (("dz.sum(dim=0)", "dz[:-1].sum(dim=0)"),),
            "missing|confined",
        ),
        Edit(
            "W accumulated between calls",
            (
                ("import linear\n", "import linear\n\nTOTALS: dict[torch.dtype, Tensor] = {}\n"),
                (
                    "    return {",
                    "    dW = TOTALS[W.dtype] = TOTALS.get(W.dtype, 0) + dW\n    return {",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "sigmoid in bfloat16",
            (("torch.sigmoid(z)", "torch.sigmoid(z.bfloat16()).to(z.dtype)"),),
            "precision",
        ),
        Edit(
            "float32 hard-coded for the probabilities",
            (("torch.sigmoid(z)", "torch.sigmoid(z.float()).to(z.dtype)"),),
            "precision",
        ),
    ),
)
