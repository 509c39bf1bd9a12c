"""A gated linear recurrence over all steps."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="gated_scan",
    tensors={
        "x": {"shape": [3, 6, 5], "draw": "randn", "requires_grad": True},
        "g": {"shape": [3, 6, 5], "draw": "randn", "requires_grad": True},
        "w": {"shape": [5], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""A scan: a_t = sigmoid(g_t), h_t = a_t h_(t-1) + (1 - a_t) x_t, y_t = w h_t + x_t."""

import torch
from torch import Tensor


def forward(x: Tensor, g: Tensor, w: Tensor) -> Tensor:
    a = torch.sigmoid(g)  # (3, 6, 5)
    h, states = torch.zeros_like(x[:, 0]), []  # (3, 5)
    for t in range(x.shape[1]):
        h = a[:, t] * h + (1 - a[:, t]) * x[:, t]
        states.append(h)
    return w * torch.stack(states, dim=1) + x  # (3, 6, 5)
''',
    backward='''\
"""The gradient of forward.py: a scan from the last step to the first."""

import torch
from torch import Tensor


def backward(x: Tensor, g: Tensor, w: Tensor, dout: Tensor) -> dict[str, Tensor]:
    a = torch.sigmoid(g)  # (3, 6, 5)
    T = x.shape[1]  # 6
    h = [torch.zeros_like(x[:, 0])]  # (3, 5) each
    for t in range(T):
        h.append(a[:, t] * h[t] + (1 - a[:, t]) * x[:, t])
    dx, da = torch.zeros_like(x), torch.zeros_like(x)
    dh = torch.zeros_like(h[0])
    for t in reversed(range(T)):
        dh = dh + w * dout[:, t]
        da[:, t] = dh * (h[t] - x[:, t])
        dx[:, t] = dh * (1 - a[:, t]) + dout[:, t]
        dh = dh * a[:, t]
    dg = da * a * (1 - a)
    dw = (dout * torch.stack(h[1:], dim=1)).sum(dim=(0, 1))
    return {"x": dx, "g": dg, "w": dw}
''',
    variants=(
        Edit("two terms of da", (("dh * (h[t] - x[:, t])", "dh * h[t] - dh * x[:, t]"),)),
        Edit(
            "dw by einsum",
            (
                (
                    "(dout * torch.stack(h[1:], dim=1)).sum(dim=(0, 1))",
                    'torch.einsum("ntc,ntc->c", dout, torch.stack(h[1:], dim=1))',
                ),
            ),
        ),
        Edit("slope as a - a^2", (("da * a * (1 - a)", "da * (a - a * a)"),)),
    ),
    mistakes=(
        Edit(
            "skip connection forgotten in dx",
            (("(1 - a[:, t]) + dout[:, t]", "(1 - a[:, t])"),),
            "missing",
        ),
        Edit(
            "later steps forgotten",
            (("dh = dh + w * dout[:, t]", "dh = w * dout[:, t]"),),
            "missing",
        ),
        Edit("x forgotten in da", (("(h[t] - x[:, t])", "h[t]"),), "missing"),
        Edit(
            "new state in da", (("(h[t] - x[:, t])", "(h[t + 1] - x[:, t])"),), "shifted|operation"
        ),
        Edit("a for 1 - a in dx", (("dh * (1 - a[:, t]) +", "dh * a[:, t] +"),), "operation"),
        Edit("gate left out of dx", (("dh * (1 - a[:, t]) +", "dh +"),), "missing"),
        Edit("state passed on without the gate", (("        dh = dh * a[:, t]\n", ""),), "missing"),
        Edit(
            "state passed on by the next gate",
            (("dh = dh * a[:, t]", "dh = dh * a[:, min(t + 1, T - 1)]"),),
            "shifted",
        ),
        Edit("sigmoid's slope left out", (("da * a * (1 - a)", "da"),), "missing"),
        Edit("tanh's slope", (("da * a * (1 - a)", "da * (1 - a * a)"),), "operation"),
        Edit(
            "w left out on the way back", (("dh + w * dout[:, t]", "dh + dout[:, t]"),), "missing"
        ),
        Edit(
            "states before in dw",
            (("torch.stack(h[1:], dim=1)", "torch.stack(h[:-1], dim=1)"),),
            "shifted",
        ),
        Edit(
            "dw averaged over the batch",
            (("dim=1)).sum(dim=(0, 1))", "dim=1)).sum(dim=1).mean(dim=0)"),),
            "factor",
        ),
        Edit(
            "dw of the last step only",
            (
                (
                    "(dout * torch.stack(h[1:], dim=1)).sum(dim=(0, 1))",
                    "(dout[:, -1] * h[-1]).sum(dim=0)",
                ),
            ),
            "missing|confined|other sum",
        ),
        Edit(
            "scanned from the first step",
            (("for t in reversed(range(T)):", "for t in range(T):"),),
            "transposed|operation",
        ),
    ),
)
