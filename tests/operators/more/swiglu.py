"""SwiGLU feed-forward block."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="swiglu",
    tensors={
        "x": {"shape": [3, 4, 16], "draw": "randn", "requires_grad": True},
        "W1": {"shape": [24, 16], "draw": "linear_default", "fan_in": 16, "requires_grad": True},
        "W2": {"shape": [24, 16], "draw": "linear_default", "fan_in": 16, "requires_grad": True},
        "W3": {"shape": [20, 24], "draw": "linear_default", "fan_in": 24, "requires_grad": True},
    },
    forward='''\
"""SwiGLU: y = (silu(x W1^T) * (x W2^T)) W3^T."""

from torch import Tensor
from torch.nn.functional import silu


def forward(x: Tensor, W1: Tensor, W2: Tensor, W3: Tensor) -> Tensor:
    a = x @ W1.T  # (3, 4, 24)
    g = x @ W2.T  # (3, 4, 24)
    h = silu(a) * g  # (3, 4, 24)
    return h @ W3.T  # (3, 4, 20)
''',
    backward='''\
"""The gradient of forward.py, with silu(a) = a s, s = sigmoid(a), silu' = s (1 + a (1 - s))."""

import torch
from torch import Tensor


def backward(x: Tensor, W1: Tensor, W2: Tensor, W3: Tensor, dout: Tensor) -> dict[str, Tensor]:
    a = x @ W1.T  # (3, 4, 24)
    g = x @ W2.T  # (3, 4, 24)
    s = torch.sigmoid(a)  # (3, 4, 24)
    u = a * s  # (3, 4, 24)
    h = u * g  # (3, 4, 24)
    dh = dout @ W3  # (3, 4, 24)
    slope = s * (1 + a * (1 - s))  # (3, 4, 24)
    da = dh * g * slope  # (3, 4, 24)
    dg = dh * u  # (3, 4, 24)
    dx = da @ W1 + dg @ W2  # (3, 4, 16)
    rows = x.flatten(0, 1)  # (12, 16)
    dW1 = da.flatten(0, 1).T @ rows  # (24, 16)
    dW2 = dg.flatten(0, 1).T @ rows  # (24, 16)
    dW3 = dout.flatten(0, 1).T @ h.flatten(0, 1)  # (20, 24)
    return {"x": dx, "W1": dW1, "W2": dW2, "W3": dW3}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    a = x @ W1.T",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, W1, W2, W3, dout = (t.float() for t in (x, W1, W2, W3, dout))\n"
                        "    a = x @ W1.T"
                    ),
                ),
                (
                    '    return {"x": dx, "W1": dW1, "W2": dW2, "W3": dW3}',
                    (
                        '    grads = {"x": dx, "W1": dW1, "W2": dW2, "W3": dW3}\n'
                        "    return {name: g.to(dtype) for name, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "def backward(",
                    (
                        "def array(t: Tensor) -> np.ndarray:\n"
                        "    return (t.float() if t.element_size() == 2 else t).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    a = x @ W1.T",
                    (
                        "    dtype = x.dtype\n"
                        "    x, W1, W2, W3, dout = (array(t) for t in (x, W1, W2, W3, dout))\n"
                        "    a = x @ W1.T"
                    ),
                ),
                ("torch.sigmoid(a)", "1 / (1 + np.exp(-a))"),
                ("x.flatten(0, 1)", "x.reshape(-1, 16)"),
                ("da.flatten(0, 1)", "da.reshape(-1, 24)"),
                ("dg.flatten(0, 1)", "dg.reshape(-1, 24)"),
                ("dout.flatten(0, 1)", "dout.reshape(-1, 20)"),
                ("h.flatten(0, 1)", "h.reshape(-1, 24)"),
                (
                    '    return {"x": dx, "W1": dW1, "W2": dW2, "W3": dW3}',
                    (
                        '    grads = {"x": dx, "W1": dW1, "W2": dW2, "W3": dW3}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "einsum over both batch axes",
            (
                ("    rows = x.flatten(0, 1)  # (12, 16)\n", ""),
                ("da.flatten(0, 1).T @ rows", 'torch.einsum("bto,bti->oi", da, x)'),
                ("dg.flatten(0, 1).T @ rows", 'torch.einsum("bto,bti->oi", dg, x)'),
                (
                    "dout.flatten(0, 1).T @ h.flatten(0, 1)",
                    'torch.einsum("bto,bti->oi", dout, h)',
                ),
            ),
        ),
        Edit(
            "slope as s + silu(a) (1 - s)",
            (("s * (1 + a * (1 - s))", "s + u * torch.sigmoid(-a)"),),
        ),
        Edit(
            "both projections as one product",
            (
                (
                    "da @ W1 + dg @ W2",
                    "torch.cat([da, dg], dim=-1) @ torch.cat([W1, W2])",
                ),
                (
                    (
                        "    dW1 = da.flatten(0, 1).T @ rows  # (24, 16)\n"
                        "    dW2 = dg.flatten(0, 1).T @ rows  # (24, 16)\n"
                    ),
                    (
                        "    both = torch.cat([da, dg], dim=-1).flatten(0, 1)  # (12, 48)\n"
                        "    dW1, dW2 = (both.T @ rows).split(len(W1))  # (24, 16) each\n"
                    ),
                ),
            ),
        ),
        Edit(
            "weights by a loop over the sequences, last first",
            (
                ("    rows = x.flatten(0, 1)  # (12, 16)\n", ""),
                (
                    "da.flatten(0, 1).T @ rows",
                    "sum(da[i].T @ x[i] for i in reversed(range(len(x))))",
                ),
                (
                    "dg.flatten(0, 1).T @ rows",
                    "sum(dg[i].T @ x[i] for i in reversed(range(len(x))))",
                ),
                (
                    "dout.flatten(0, 1).T @ h.flatten(0, 1)",
                    "sum(dout[i].T @ h[i] for i in reversed(range(len(x))))",
                ),
            ),
        ),
    ),
    mistakes=(
        Edit("slope of silu taken as sigmoid", (("s * (1 + a * (1 - s))", "s"),), "missing"),
        Edit(
            "slope of sigmoid for slope of silu",
            (("s * (1 + a * (1 - s))", "s * (1 - s)"),),
            "operation",
        ),
        Edit("slope with + for - inside", (("a * (1 - s))", "a * (1 + s))"),), "operation"),
        Edit(
            "slope with silu for its input",
            (("(1 + a * (1 - s))", "(1 + u * (1 - s))"),),
            "operation",
        ),
        Edit("slope of silu dropped", (("dh * g * slope", "dh * g"),), "missing"),
        Edit("gate left out of da", (("dh * g * slope", "dh * slope"),), "missing"),
        Edit("no gate path in dx", (("da @ W1 + dg @ W2", "da @ W1"),), "missing"),
        Edit(
            "a for silu(a) in the gate's gradient",
            (("dg = dh * u", "dg = dh * a"),),
            "operation|missing",
        ),
        Edit(
            "W1 and W2 swapped in the result",
            (('"W1": dW1, "W2": dW2', '"W1": dW2, "W2": dW1'),),
            "operation",
        ),
        Edit("silu without its sigmoid in h", (("h = u * g", "h = a * g"),), "operation|missing"),
        Edit(
            "sigmoid of 1.702 a, as in the fast GELU",
            (("torch.sigmoid(a)", "torch.sigmoid(1.702 * a)"),),
            "constant",
        ),
        Edit(
            "tokens off by one in dW1",
            (("da.flatten(0, 1).T @ rows", "da.flatten(0, 1).T @ rows.roll(1, 0)"),),
            "shifted",
        ),
        Edit(
            "W3 averaged over the rows",
            (("h.flatten(0, 1)  #", "h.flatten(0, 1) / len(rows)  #"),),
            "factor",
        ),
        Edit(
            "activations in float16",
            (("torch.sigmoid(a)", "torch.sigmoid(a.half()).to(a.dtype)"),),
            "precision",
        ),
        Edit(
            "dh rounded to bfloat16",
            (("dh = dout @ W3", "dh = (dout.bfloat16() @ W3.bfloat16()).to(x.dtype)"),),
            "precision",
        ),
    ),
)
