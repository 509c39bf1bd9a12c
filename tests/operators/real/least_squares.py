"""A ridge regression solved in forward, with a log-determinant and an inverse beside it."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="least_squares",
    tensors={
        "X": {"shape": [6, 3], "draw": "randn", "requires_grad": True},
        "b": {"shape": [3], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(X, b):
    dtype = X.dtype
    if dtype.itemsize == 2:
        X, b = X.float(), b.float()
    H = X.T @ X + torch.eye(3)
    w = torch.linalg.solve(H, b)
    sign, logdet = torch.linalg.slogdet(H)
    assert sign > 0
    return (w.sum() + 0.5 * torch.logdet(H) + logdet + torch.linalg.inv(H).trace()).to(dtype)
""",
    backward="""\
import torch


def backward(X, b, dout):
    dtype = X.dtype
    if dtype.itemsize == 2:
        X, b = X.float(), b.float()
    H = X.T @ X + torch.eye(3)
    Hinv = torch.linalg.inv(H)
    w = Hinv @ b
    db = torch.linalg.solve(H.T, torch.ones_like(b))
    dH = -torch.outer(db, w) + 1.5 * Hinv.T - Hinv.T @ Hinv.T
    dX = X @ (dH + dH.T)
    return {"X": (dX * dout).to(dtype), "b": (db * dout).to(dtype)}
""",
    mistakes=(
        Edit("the sign of the solve", (("-torch.outer(db, w)", "torch.outer(db, w)"),), "sign"),
        Edit("one log-determinant of two", (("1.5 * Hinv.T", "0.5 * Hinv.T"),), "constant"),
    ),
)
