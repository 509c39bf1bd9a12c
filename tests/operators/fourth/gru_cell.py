"""A step of a gated recurrent unit."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="gru_cell",
    tensors={
        "x": {"shape": [8, 6], "draw": "randn", "requires_grad": True},
        "h": {"shape": [8, 6], "draw": "randn", "requires_grad": True},
        "W": {"shape": [18, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "U": {"shape": [18, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "b": {"shape": [18], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "c": {"shape": [18], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
    },
    forward='''\
"""A GRU's next state: (1 - z) n + z h, n = tanh(W_n x + b_n + r (U_n h + c_n))."""

import torch
from torch import Tensor
from torch.nn.functional import linear


def forward(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor) -> Tensor:
    xr, xz, xn = linear(x, W, b).chunk(3, dim=1)  # (8, 6) each
    hr, hz, hn = linear(h, U, c).chunk(3, dim=1)  # (8, 6) each
    r = torch.sigmoid(xr + hr)
    z = torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    return (1 - z) * n + z * h  # (8, 6)
''',
    backward='''\
"""The gradient of forward.py: the gates one by one, then the two linear layers."""

import torch
from torch import Tensor
from torch.nn.functional import linear


def backward(
    x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, c: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    xr, xz, xn = linear(x, W, b).chunk(3, dim=1)  # (8, 6) each
    hr, hz, hn = linear(h, U, c).chunk(3, dim=1)  # (8, 6) each
    r = torch.sigmoid(xr + hr)
    z = torch.sigmoid(xz + hz)
    n = torch.tanh(xn + r * hn)
    dn = dout * (1 - z)
    dz = dout * (h - n)
    dan = dn * (1 - n * n)
    dr = dan * hn
    dar = dr * r * (1 - r)
    daz = dz * z * (1 - z)
    dx_gates = torch.cat((dar, daz, dan), dim=1)  # (8, 18)
    dh_gates = torch.cat((dar, daz, dan * r), dim=1)  # (8, 18)
    dx = dx_gates @ W  # (8, 6)
    dh = dout * z + dh_gates @ U  # (8, 6)
    dW = dx_gates.T @ x  # (18, 6)
    dU = dh_gates.T @ h  # (18, 6)
    db = dx_gates.sum(dim=0)  # (18,)
    dc = dh_gates.sum(dim=0)  # (18,)
    return {"x": dx, "h": dh, "W": dW, "U": dU, "b": db, "c": dc}
''',
    variants=(
        Edit(
            "gates' matrices one by one",
            (("dx = dx_gates @ W", "dx = dar @ W[:6] + daz @ W[6:12] + dan @ W[12:]"),),
        ),
        Edit("slopes multiplied out", (("dr * r * (1 - r)", "dr * (r - r * r)"),)),
        Edit(
            "update gate's product taken apart",
            (
                ("dz = dout * (h - n)", "dz = dout * h - dout * n"),
                ("dn = dout * (1 - z)", "dn = dout - dout * z"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "state's direct path forgotten",
            (("dh = dout * z + dh_gates @ U", "dh = dh_gates @ U"),),
            "missing",
        ),
        Edit(
            "state's path through the gates forgotten",
            (("dh = dout * z + dh_gates @ U", "dh = dout * z"),),
            "missing",
        ),
        Edit(
            "reset gate left out on the state's side",
            (("dan * r), dim=1)", "dan), dim=1)"),),
            "missing",
        ),
        Edit("tanh's slope left out", (("dan = dn * (1 - n * n)", "dan = dn"),), "missing"),
        Edit("tanh's slope without the square", (("(1 - n * n)", "(1 - n)"),), "operation|missing"),
        Edit(
            "sign of the update gate's gradient",
            (("dout * (h - n)", "dout * (n - h)"),),
            "factor|operation",
        ),
        Edit("candidate left out of the update gate", (("dout * (h - n)", "dout * h"),), "missing"),
        Edit("z for 1 - z", (("dn = dout * (1 - z)", "dn = dout * z"),), "operation"),
        Edit(
            "state for its product with U_n in the reset gate",
            (("dr = dan * hn", "dr = dan * h"),),
            "operation|missing",
        ),
        Edit(
            "sigmoid's slope of the reset gate left out",
            (("dar = dr * r * (1 - r)", "dar = dr"),),
            "missing",
        ),
        Edit(
            "update gate's slope for the reset gate's",
            (("dr * r * (1 - r)", "dr * z * (1 - z)"),),
            "operation",
        ),
        Edit(
            "gates in the other order on the state's side",
            (("torch.cat((dar, daz, dan * r)", "torch.cat((daz, dar, dan * r)"),),
            "transposed|operation",
        ),
        Edit(
            "dc from the input's gates",
            (("dc = dh_gates.sum", "dc = dx_gates.sum"),),
            "operation|missing",
        ),
        Edit("input for the state in dU", (("dh_gates.T @ h", "dh_gates.T @ x"),), "operation"),
        Edit(
            "state after for state before in dU",
            (("dh_gates.T @ h", "dh_gates.T @ ((1 - z) * n + z * h)"),),
            "shifted|operation",
        ),
        Edit(
            "candidate in bfloat16",
            (
                (
                    "n = torch.tanh(xn + r * hn)",
                    "n = torch.tanh((xn + r * hn).bfloat16()).to(x.dtype)",
                ),
            ),
            "precision",
        ),
    ),
)
