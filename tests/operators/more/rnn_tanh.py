"""Three steps of a tanh RNN, the final state as result."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="rnn_tanh",
    tensors={
        "x": {"shape": [5, 3, 7], "draw": "randn", "requires_grad": True},
        "h0": {"shape": [5, 11], "draw": "randn", "requires_grad": True},
        "W": {"shape": [11, 7], "draw": "linear_default", "fan_in": 11, "requires_grad": True},
        "U": {"shape": [11, 11], "draw": "linear_default", "fan_in": 11, "requires_grad": True},
        "b": {"shape": [11], "draw": "linear_default", "fan_in": 11, "requires_grad": True},
    },
    forward='''\
"""A recurrent net: h_t = tanh(W x_t + U h_(t-1) + b), three steps, the last state."""

import torch
from torch import Tensor


def forward(x: Tensor, h0: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    h = h0  # (5, 11)
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ W.T + h @ U.T + b)  # (5, 11)
    return h  # (5, 11)
''',
    backward='''\
"""The gradient of forward.py, back through time."""

import torch
from torch import Tensor


def backward(
    x: Tensor, h0: Tensor, W: Tensor, U: Tensor, b: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    T = x.shape[1]  # 3
    h = [h0]  # (5, 11) each
    for t in range(T):
        h.append(torch.tanh(x[:, t] @ W.T + h[t] @ U.T + b))
    dx = torch.zeros_like(x)  # (5, 3, 7)
    dW = torch.zeros_like(W)  # (11, 7)
    dU = torch.zeros_like(U)  # (11, 11)
    db = torch.zeros_like(b)  # (11,)
    dh = dout  # (5, 11)
    for t in reversed(range(T)):
        dz = dh * (1 - h[t + 1] * h[t + 1])  # (5, 11)
        dx[:, t] = dz @ W
        dW += dz.T @ x[:, t]
        dU += dz.T @ h[t]
        db += dz.sum(dim=0)
        dh = dz @ U
    return {"x": dx, "h0": dh, "W": dW, "U": dU, "b": db}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    T = x",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, h0, dout = x.float(), h0.float(), dout.float()\n"
                        "        W, U, b = W.float(), U.float(), b.float()\n"
                        "    T = x"
                    ),
                ),
                (
                    '    return {"x": dx, "h0": dh, "W": dW, "U": dU, "b": db}',
                    (
                        '    grads = {"x": dx, "h0": dh, "W": dW, "U": dU, "b": db}\n'
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
                    "    T = x",
                    (
                        "    dtype = x.dtype\n"
                        "    x, h0, W, U, b, dout = (array(a) for a in (x, h0, W, U, b, dout))\n"
                        "    T = x"
                    ),
                ),
                ("torch.tanh(", "np.tanh("),
                ("torch.zeros_like(x)", "np.zeros_like(x)"),
                ("torch.zeros_like(W)", "np.zeros_like(W)"),
                ("torch.zeros_like(U)", "np.zeros_like(U)"),
                ("torch.zeros_like(b)", "np.zeros_like(b)"),
                ("dz.sum(dim=0)", "dz.sum(axis=0)"),
                (
                    '    return {"x": dx, "h0": dh, "W": dW, "U": dU, "b": db}',
                    (
                        '    grads = {"x": dx, "h0": dh, "W": dW, "U": dU, "b": db}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "slope as (1 - h)(1 + h)",
            (("(1 - h[t + 1] * h[t + 1])", "((1 - h[t + 1]) * (1 + h[t + 1]))"),),
        ),
        Edit(
            "all steps' sums at once, by einsum",
            (
                (
                    (
                        "    dx = torch.zeros_like(x)  # (5, 3, 7)\n"
                        "    dW = torch.zeros_like(W)  # (11, 7)\n"
                        "    dU = torch.zeros_like(U)  # (11, 11)\n"
                        "    db = torch.zeros_like(b)  # (11,)\n"
                    ),
                    "    steps = []\n",
                ),
                (
                    (
                        "        dx[:, t] = dz @ W\n"
                        "        dW += dz.T @ x[:, t]\n"
                        "        dU += dz.T @ h[t]\n"
                        "        db += dz.sum(dim=0)\n"
                    ),
                    "        steps.insert(0, dz)\n",
                ),
                (
                    "        dh = dz @ U\n",
                    (
                        "        dh = dz @ U\n"
                        "    dzs = torch.stack(steps, dim=1)  # (5, 3, 11)\n"
                        "    hs = torch.stack(h[:-1], dim=1)  # (5, 3, 11)\n"
                        "    dx = dzs @ W  # (5, 3, 7)\n"
                        '    dW = torch.einsum("nto,nti->oi", dzs, x)  # (11, 7)\n'
                        '    dU = torch.einsum("nto,nti->oi", dzs, hs)  # (11, 11)\n'
                        "    db = dzs.sum(dim=(0, 1))  # (11,)\n"
                    ),
                ),
            ),
        ),
        Edit(
            "one weight for input and state",
            (
                (
                    (
                        "        dx[:, t] = dz @ W\n"
                        "        dW += dz.T @ x[:, t]\n"
                        "        dU += dz.T @ h[t]\n"
                    ),
                    (
                        "        both = torch.cat([x[:, t], h[t]], dim=1)  # (5, 18)\n"
                        "        dWt, dUt = (dz.T @ both).split([7, 11], dim=1)\n"
                        "        WU = torch.cat([W, U], dim=1)  # (11, 18)\n"
                        "        dx[:, t], dh = (dz @ WU).split([7, 11], dim=1)\n"
                        "        dW, dU = dW + dWt, dU + dUt\n"
                    ),
                ),
                ("        dh = dz @ U\n", ""),
            ),
        ),
        Edit(
            "examples one by one, last first",
            (
                (
                    (
                        "        dW += dz.T @ x[:, t]\n"
                        "        dU += dz.T @ h[t]\n"
                        "        db += dz.sum(dim=0)\n"
                    ),
                    (
                        "        for i in reversed(range(len(x))):\n"
                        "            dW += torch.outer(dz[i], x[i, t])\n"
                        "            dU += torch.outer(dz[i], h[t][i])\n"
                        "            db += dz[i]\n"
                    ),
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "only the last step's dU",
            (("dU += dz.T @ h[t]", "dU += dz.T @ h[t] * (t == T - 1)"),),
            "missing",
        ),
        Edit("dW overwritten at every step", (("dW += dz.T", "dW = dz.T"),), "missing"),
        Edit(
            "U not transposed on the way back",
            (("dh = dz @ U", "dh = dz @ U.T"),),
            "operation|transposed",
        ),
        Edit("dU transposed", (('"U": dU', '"U": dU.T.contiguous()'),), "transposed"),
        Edit("slope of tanh dropped", (("dh * (1 - h[t + 1] * h[t + 1])", "dh"),), "missing"),
        Edit(
            "slope 1 - h for 1 - h^2",
            (("(1 - h[t + 1] * h[t + 1])", "(1 - h[t + 1])"),),
            "operation",
        ),
        Edit(
            "sigmoid's slope",
            (("(1 - h[t + 1] * h[t + 1])", "(h[t + 1] * (1 - h[t + 1]))"),),
            "operation",
        ),
        Edit(
            "slope at the state before",
            (("(1 - h[t + 1] * h[t + 1])", "(1 - h[t] * h[t])"),),
            "shifted",
        ),
        Edit(
            "state after for state before in dU", (("dz.T @ h[t]", "dz.T @ h[t + 1]"),), "shifted"
        ),
        Edit(
            "steps of dx in reverse",
            (("dx[:, t] = dz @ W", "dx[:, T - 1 - t] = dz @ W"),),
            "transposed",
        ),
        Edit(
            "first step of dx left zero",
            (("    return {", "    dx[:, 0] = 0\n    return {"),),
            "confined|missing",
        ),
        Edit("initial state detached", (('"h0": dh', '"h0": torch.zeros_like(h0)'),), "zero"),
        Edit(
            "db averaged over the batch",
            (("db += dz.sum(dim=0)", "db += dz.mean(dim=0)"),),
            "factor",
        ),
        Edit(
            "U accumulated between calls",
            (
                ("import Tensor\n", "import Tensor\n\nTOTALS: dict[torch.dtype, Tensor] = {}\n"),
                (
                    "    return {",
                    "    dU = TOTALS[U.dtype] = TOTALS.get(U.dtype, 0) + dU\n    return {",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "states saved in bfloat16",
            (
                (
                    "U.T + b))",
                    "U.T + b).bfloat16().to(x.dtype))",
                ),
            ),
            "precision",
        ),
    ),
)
