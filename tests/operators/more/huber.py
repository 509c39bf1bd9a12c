"""Linear layer and Huber loss, sum."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="huber",
    tensors={
        "x": {"shape": [9, 16], "draw": "randn", "requires_grad": True},
        "W": {"shape": [11, 16], "draw": "linear_default", "fan_in": 16, "requires_grad": True},
        "b": {"shape": [11], "draw": "linear_default", "fan_in": 16, "requires_grad": True},
        "target": {"shape": [9, 11], "draw": "randn"},
    },
    forward='''\
"""Sum of the Huber losses of a linear layer: r^2 / 2 up to delta, then delta (|r| - delta / 2)."""

from torch import Tensor
from torch.nn.functional import huber_loss, linear

DELTA = 0.7


def forward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> Tensor:
    y = linear(x, W, b)  # (9, 11)
    return huber_loss(y, target, reduction="sum", delta=DELTA)  # ()
''',
    backward='''\
"""The gradient of forward.py: dL/dr = r up to delta, then delta sign(r)."""

import torch
from torch import Tensor
from torch.nn.functional import linear

DELTA = 0.7


def backward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> dict[str, Tensor]:
    y = linear(x, W, b)  # (9, 11)
    r = y - target  # (9, 11)
    dy = torch.where(r.abs() <= DELTA, r, DELTA * r.sign())  # (9, 11)
    dx = dy @ W  # (9, 16)
    dW = dy.T @ x  # (11, 16)
    db = dy.sum(dim=0)  # (11,)
    return {"x": dx, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    y = linear",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, W, b, target = (t.float() for t in (x, W, b, target))\n"
                        "    y = linear"
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
                    "    y = linear(x, W, b)",
                    (
                        "    dtype = x.dtype\n"
                        "    x, W, b, target = (array(t) for t in (x, W, b, target))\n"
                        "    y = x @ W.T + b"
                    ),
                ),
                (
                    "torch.where(r.abs() <= DELTA, r, DELTA * r.sign())",
                    "np.where(np.abs(r) <= DELTA, r, DELTA * np.sign(r))",
                ),
                ("dy.sum(dim=0)", "dy.sum(axis=0)"),
                (
                    '    return {"x": dx, "W": dW, "b": db}',
                    (
                        '    grads = {"x": dx, "W": dW, "b": db}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "clamped residual",
            (
                (
                    "torch.where(r.abs() <= DELTA, r, DELTA * r.sign())",
                    "torch.clamp(r, -DELTA, DELTA)",
                ),
            ),
        ),
        Edit(
            "weights and bias by a loop over the batch, last example first",
            (
                (
                    "    dW = dy.T @ x  # (11, 16)\n    db = dy.sum(dim=0)  # (11,)\n",
                    (
                        "    dW, db = torch.zeros_like(W), torch.zeros_like(b)\n"
                        "    for i in reversed(range(len(x))):\n"
                        "        dW = dW + torch.outer(dy[i], x[i])\n"
                        "        db = db + dy[i]\n"
                    ),
                ),
            ),
        ),
        Edit(
            "batch in chunks of 4",
            (
                (
                    "dy.T @ x",
                    "sum(d.T @ a for d, a in zip(dy.split(4), x.split(4), strict=True))",
                ),
                ("dy.sum(dim=0)", "sum(d.sum(dim=0) for d in dy.split(4))"),
            ),
        ),
        Edit(
            "einsum",
            (
                ("dy @ W", 'torch.einsum("no,oi->ni", dy, W)'),
                ("dy.T @ x", 'torch.einsum("no,ni->oi", dy, x)'),
                ("dy.sum(dim=0)", 'torch.einsum("no->o", dy)'),
            ),
        ),
    ),
    mistakes=(
        Edit("mean for sum", (("DELTA * r.sign())", "DELTA * r.sign()) / r.numel()"),), "factor"),
        Edit(
            "divided by delta, as in smooth L1",
            (("DELTA * r.sign())", "DELTA * r.sign()) / DELTA"),),
            "factor",
        ),
        Edit("residual's sign", (("r = y - target", "r = target - y"),), "factor"),
        Edit("delta of 1", (("DELTA = 0.7", "DELTA = 1.0"),), "constant"),
        Edit(
            "delta of the branch mistyped", (("r.abs() <= DELTA", "r.abs() <= 0.07"),), "constant"
        ),
        Edit("linear branch without delta", (("DELTA * r.sign()", "r.sign()"),), "missing|factor"),
        Edit("linear branch without sign", (("DELTA * r.sign()", "DELTA"),), "missing"),
        Edit("linear branch gives zero", (("DELTA * r.sign()", "0.0"),), "missing"),
        Edit(
            "squared loss throughout",
            (("torch.where(r.abs() <= DELTA, r, DELTA * r.sign())", "r"),),
            "operation|missing",
        ),
        Edit(
            "absolute loss throughout",
            (("torch.where(r.abs() <= DELTA, r, DELTA * r.sign())", "DELTA * r.sign()"),),
            "operation|missing",
        ),
        Edit("branch on r for |r|", (("r.abs() <= DELTA", "r <= DELTA"),), "operation|missing"),
        Edit(
            "target of the next output", (("y - target", "y - target.roll(-1, dims=1)"),), "shifted"
        ),
        Edit(
            "dx read in the transposed memory order",
            (("dx = dy @ W", "dx = (dy @ W).T.reshape(x.shape)"),),
            "transposed",
        ),
        Edit(
            "db summed over the outputs",
            (("dy.sum(dim=0)", "dy.sum(dim=1).sum().expand(len(b)).clone()"),),
            "other sum",
        ),
        Edit(
            "float32 hard-coded for the residual",
            (("r = y - target", "r = (y.float() - target.float()).to(y.dtype)"),),
            "precision",
        ),
    ),
)
