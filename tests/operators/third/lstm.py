"""Two steps of an LSTM, the last hidden state as result."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="lstm",
    tensors={
        "x": {"shape": [4, 2, 5], "draw": "randn", "requires_grad": True},
        "h0": {"shape": [4, 6], "draw": "randn", "requires_grad": True},
        "c0": {"shape": [4, 6], "draw": "randn", "requires_grad": True},
        "W": {"shape": [24, 5], "draw": "linear_default", "fan_in": 5, "requires_grad": True},
        "U": {"shape": [24, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "b": {"shape": [24], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
    },
    forward='''\
"""An LSTM: c_t = f c_(t-1) + i g, h_t = o tanh(c_t), two steps, the last hidden state."""

import torch
from torch import Tensor


def forward(x: Tensor, h0: Tensor, c0: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    h, c = h0, c0  # (4, 6)
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ W.T + h @ U.T + b).chunk(4, dim=1)  # (4, 6) each
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * torch.tanh(c)
    return h  # (4, 6)
''',
    backward='''\
"""The gradient of forward.py, back through time."""

import torch
from torch import Tensor


def backward(
    x: Tensor, h0: Tensor, c0: Tensor, W: Tensor, U: Tensor, b: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    h, c, saved = h0, c0, []  # (4, 6)
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ W.T + h @ U.T + b).chunk(4, dim=1)  # (4, 6) each
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        after = f * c + i * g
        saved.append((i, f, g, o, h, c, torch.tanh(after)))
        h, c = o * torch.tanh(after), after
    dx, dW, dU, db = (torch.zeros_like(one) for one in (x, W, U, b))
    dh, dc = dout, torch.zeros_like(c0)
    for t in reversed(range(x.shape[1])):
        i, f, g, o, h, c, tc = saved[t]
        do = dh * tc * o * (1 - o)
        dc = dc + dh * o * (1 - tc * tc)
        di = dc * g * i * (1 - i)
        df = dc * c * f * (1 - f)
        dg = dc * i * (1 - g * g)
        dz = torch.cat([di, df, dg, do], dim=1)  # (4, 24)
        dx[:, t] = dz @ W
        dW += dz.T @ x[:, t]
        dU += dz.T @ h
        db += dz.sum(dim=0)
        dh = dz @ U
        dc = dc * f
    return {"x": dx, "h0": dh, "c0": dc, "W": dW, "U": dU, "b": db}
''',
    variants=(
        Edit("slope of tanh as (1 - y)(1 + y)", (("(1 - g * g)", "((1 - g) * (1 + g))"),)),
        Edit(
            "gates one by one",
            (
                (
                    "dx[:, t] = dz @ W\n",
                    "dx[:, t] = sum(d @ w for d, w in zip(dz.chunk(4, 1), W.chunk(4)))\n",
                ),
                ("dW += dz.T @ x[:, t]", 'dW += torch.einsum("no,ni->oi", dz, x[:, t])'),
            ),
        ),
        Edit(
            "slope of sigmoid as y - y^2",
            (
                ("dc * c * f * (1 - f)", "dc * c * (f - f * f)"),
                ("dc * g * i * (1 - i)", "dc * g * (i - i * i)"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "cell's own path forgotten",
            (("dc = dc + dh * o * (1 - tc * tc)", "dc = dh * o * (1 - tc * tc)"),),
            "missing",
        ),
        Edit(
            "tanh's slope at the cell dropped", (("dh * o * (1 - tc * tc)", "dh * o"),), "missing"
        ),
        Edit("cell passed on without the forget gate", (("        dc = dc * f\n", ""),), "missing"),
        Edit("input gate passed the cell on", (("dc = dc * f\n", "dc = dc * i\n"),), "operation"),
        Edit(
            "new cell for old in df",
            (("dc * c * f * (1 - f)", "dc * (f * c + i * g) * f * (1 - f)"),),
            "shifted|operation",
        ),
        Edit(
            "sigmoid's slope for tanh's in dg",
            (("i * (1 - g * g)", "i * g * (1 - g)"),),
            "operation",
        ),
        Edit(
            "tanh's slope for sigmoid's in do",
            (("dh * tc * o * (1 - o)", "dh * tc * (1 - o * o)"),),
            "operation",
        ),
        Edit(
            "input and forget gates swapped",
            (("[di, df, dg, do]", "[df, di, dg, do]"),),
            "operation|transposed",
        ),
        Edit(
            "cell for its tanh in do",
            (("dh * tc * o * (1 - o)", "dh * (f * c + i * g) * o * (1 - o)"),),
            "operation|missing",
        ),
        Edit(
            "candidate for input gate in dg",
            (("dc * i * (1 - g * g)", "dc * g * (1 - g * g)"),),
            "operation",
        ),
        Edit(
            "dU only of the last step",
            (("dU += dz.T @ h", "dU += dz.T @ h * (t == 1)"),),
            "missing",
        ),
        Edit("W overwritten at every step", (("dW += dz.T", "dW = dz.T"),), "missing"),
        Edit("initial cell detached", (('"c0": dc', '"c0": torch.zeros_like(c0)'),), "zero"),
        Edit(
            "state after for state before in dU",
            (
                (
                    "saved.append((i, f, g, o, h, c,",
                    "saved.append((i, f, g, o, o * torch.tanh(after), c,",
                ),
            ),
            "shifted",
        ),
        Edit(
            "db averaged over the batch",
            (("db += dz.sum(dim=0)", "db += dz.mean(dim=0)"),),
            "factor",
        ),
    ),
)
