"""A linear layer with weight normalisation."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="weight_norm",
    tensors={
        "x": {"shape": [5, 9], "draw": "randn", "requires_grad": True},
        "V": {"shape": [7, 9], "draw": "randn", "requires_grad": True},
        "g": {"shape": [7], "draw": "randn", "requires_grad": True},
        "b": {"shape": [7], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""Weight normalisation: y = x (g V / |V|)^T + b, |V| the norm of each row."""

from torch import Tensor


def forward(x: Tensor, V: Tensor, g: Tensor, b: Tensor) -> Tensor:
    norm = V.norm(dim=1, keepdim=True)  # (7, 1)
    W = g[:, None] * V / norm  # (7, 9)
    return x @ W.T + b  # (5, 7)
''',
    backward='''\
"""The gradient of forward.py, with the unit rows u = V / |V|."""

from torch import Tensor


def backward(x: Tensor, V: Tensor, g: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
    norm = V.norm(dim=1, keepdim=True)  # (7, 1)
    u = V / norm  # (7, 9)
    dW = dout.T @ x  # (7, 9)
    dx = dout @ (g[:, None] * u)  # (5, 9)
    dg = (dW * u).sum(dim=1)  # (7,)
    dV = g[:, None] / norm * (dW - dg[:, None] * u)  # (7, 9)
    db = dout.sum(dim=0)  # (7,)
    return {"x": dx, "V": dV, "g": dg, "b": db}
''',
    variants=(
        Edit(
            "norm by squares",
            (("V.norm(dim=1, keepdim=True)", "V.square().sum(dim=1, keepdim=True).sqrt()"),),
        ),
        Edit(
            "projection as a matrix",
            (
                ("from torch import Tensor\n", "import torch\nfrom torch import Tensor\n"),
                ("(dW - dg[:, None] * u)", '(dW - torch.einsum("oi,oj,oj->oi", u, u, dW))'),
            ),
        ),
        Edit(
            "scaled first",
            (
                (
                    "g[:, None] / norm * (dW - dg[:, None] * u)",
                    "(g[:, None] * dW - g[:, None] * dg[:, None] * u) / norm",
                ),
            ),
        ),
    ),
    mistakes=(
        Edit("projection left out", (("(dW - dg[:, None] * u)", "dW"),), "missing"),
        Edit(
            "projection added",
            (("dW - dg[:, None] * u", "dW + dg[:, None] * u"),),
            "operation|factor",
        ),
        Edit(
            "division by the norm left out in dV",
            (("g[:, None] / norm * (", "g[:, None] * ("),),
            "missing",
        ),
        Edit("gain left out in dV", (("g[:, None] / norm * (", "1 / norm * ("),), "missing"),
        Edit(
            "V for the unit row in the projection",
            (("dg[:, None] * u)", "dg[:, None] * V)"),),
            "operation|missing",
        ),
        Edit(
            "norm not squared: V in dg",
            (("(dW * u).sum(dim=1)", "(dW * V).sum(dim=1)"),),
            "operation|missing",
        ),
        Edit(
            "norm over the columns",
            (("V.norm(dim=1, keepdim=True)", "V.norm(dim=0, keepdim=True)"),),
            "other sum",
        ),
        Edit(
            "norm of the whole matrix", (("V.norm(dim=1, keepdim=True)", "V.norm()"),), "other sum"
        ),
        Edit(
            "mean square for the norm",
            (("V.norm(dim=1, keepdim=True)", "V.square().mean(dim=1, keepdim=True).sqrt()"),),
            "factor|operation",
        ),
        Edit("gain left out in dx", (("dout @ (g[:, None] * u)", "dout @ u"),), "missing"),
        Edit(
            "unnormalised weights in dx",
            (("dout @ (g[:, None] * u)", "dout @ (g[:, None] * V)"),),
            "missing|operation",
        ),
        Edit(
            "divided by the norm squared",
            (("g[:, None] / norm * (", "g[:, None] / norm.square() * ("),),
            "operation|missing",
        ),
        Edit("db averaged", (("dout.sum(dim=0)", "dout.mean(dim=0)"),), "factor"),
        Edit(
            "dg over all",
            (("(dW * u).sum(dim=1)", "(dW * u).sum().expand(7).clone()"),),
            "other sum",
        ),
    ),
)
