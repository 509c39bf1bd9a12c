"""Ridge regression: the solution of its normal equations."""

from tests.operators.case import Edit, Operator

BODY = """\
    A = X.T @ X + RIDGE * torch.eye(4, dtype=X.dtype)  # (4, 4)
    w = torch.linalg.solve(A, X.T @ y)  # (4, 2)
    u = torch.linalg.solve(A, dout)  # (4, 2): the adjoint, A being symmetric
"""
SOLVED = """\
    w = torch.linalg.solve(A, X.T @ y)  # (4, 2)
    u = torch.linalg.solve(A, dout)"""
REST = """\
    dy = X @ u  # (9, 2)
    dX = (y - X @ w) @ u.T - dy @ w.T  # (9, 4)
"""

OPERATOR = Operator(
    name="ridge",
    tensors={
        "X": {"shape": [9, 4], "draw": "randn", "requires_grad": True},
        "y": {"shape": [9, 2], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""The weights w that minimise |y - X w|^2 + |w|^2 / 2; half formats are solved in float32."""

import torch
from torch import Tensor

RIDGE = 0.5


def forward(X: Tensor, y: Tensor) -> Tensor:
    dtype = X.dtype
    wide = torch.promote_types(dtype, torch.float32)
    X, y = X.to(wide), y.to(wide)
    A = X.T @ X + RIDGE * torch.eye(4, dtype=wide)  # (4, 4)
    return torch.linalg.solve(A, X.T @ y).to(dtype)  # (4, 2)
''',
    backward='''\
"""The gradient of forward.py by the implicit function theorem."""

import torch
from torch import Tensor

RIDGE = 0.5


def backward(X: Tensor, y: Tensor, dout: Tensor) -> dict[str, Tensor]:
    dtype = X.dtype
    wide = torch.promote_types(dtype, torch.float32)
    X, y, dout = X.to(wide), y.to(wide), dout.to(wide)
'''
    + BODY
    + REST
    + """\
    return {"X": dX.to(dtype), "y": dy.to(dtype)}
""",
    variants=(
        Edit(
            "Cholesky's factor",
            (
                (
                    SOLVED,
                    """\
    L = torch.linalg.cholesky(A)  # (4, 4)
    w = torch.cholesky_solve(X.T @ y, L)  # (4, 2)
    u = torch.cholesky_solve(dout, L)""",
                ),
            ),
        ),
        Edit(
            "QR of the matrix with the ridge below",
            (
                (
                    BODY,
                    """\
    below = RIDGE**0.5 * torch.eye(4, dtype=X.dtype)  # (4, 4)
    Q, R = torch.linalg.qr(torch.cat((X, below)))  # (13, 4), (4, 4)
    w = torch.linalg.solve_triangular(R, Q[:9].T @ y, upper=True)  # (4, 2)
    half = torch.linalg.solve_triangular(R.T, dout, upper=False)  # (4, 2)
    u = torch.linalg.solve_triangular(R, half, upper=True)  # (4, 2)
""",
                ),
            ),
        ),
        Edit(
            "singular values",
            (
                (
                    BODY,
                    """\
    U, s, Vh = torch.linalg.svd(X, full_matrices=False)  # (9, 4), (4,), (4, 4)
    d = (s * s + RIDGE)[:, None]  # (4, 1)
    w = Vh.T @ (s[:, None] / d * (U.T @ y))  # (4, 2)
    u = Vh.T @ ((Vh @ dout) / d)  # (4, 2)
""",
                ),
            ),
        ),
        Edit(
            "inverse",
            (
                (
                    SOLVED,
                    """\
    P = torch.linalg.inv(A)  # (4, 4)
    w = P @ X.T @ y  # (4, 2)
    u = P @ dout""",
                ),
            ),
        ),
        Edit(
            "reverse mode through the matrix of the normal equations",
            (
                (
                    REST,
                    """\
    dA = -u @ w.T  # (4, 4)
    dy = X @ u  # (9, 2)
    dX = X @ (dA + dA.T) + y @ u.T  # (9, 4)
""",
                ),
            ),
        ),
        Edit(
            "conjugate gradients until exact",
            (
                (
                    SOLVED,
                    """\
    w = conjugate_gradients(A, X.T @ y)  # (4, 2)
    u = conjugate_gradients(A, dout)""",
                ),
                (
                    "def backward(",
                    """\
def conjugate_gradients(A: Tensor, b: Tensor) -> Tensor:
    x = torch.zeros_like(b)
    for _ in range(3):  # from its own residual again
        r = b - A @ x
        p, rr = r, (r * r).sum(dim=0)
        for _ in range(len(A)):
            Ap = A @ p
            alpha = torch.nan_to_num(rr / (p * Ap).sum(dim=0))
            x, r = x + alpha * p, r - alpha * Ap
            new = (r * r).sum(dim=0)
            p, rr = r + torch.nan_to_num(new / rr) * p, new
    return x


def backward(""",
                ),
            ),
        ),
        Edit(
            "system of weights and residuals together",
            (
                (
                    BODY,
                    """\
    M = torch.zeros(13, 13, dtype=X.dtype)
    M[:9, :9], M[:9, 9:], M[9:, :9] = torch.eye(9), X, X.T
    M[9:, 9:] = -RIDGE * torch.eye(4, dtype=X.dtype)
    right = torch.zeros(13, 4, dtype=X.dtype)
    right[:9, :2], right[9:, 2:] = y, -dout
    w, u = torch.linalg.solve(M, right)[9:].chunk(2, dim=1)  # (4, 2) each
""",
                ),
            ),
        ),
        Edit(
            "numpy's lstsq for the weights",
            (
                (
                    BODY + REST,
                    """\
    X, y, dout = (t.detach().numpy() for t in (X, y, dout))
    below = np.eye(4, dtype=X.dtype) * X.dtype.type(RIDGE**0.5)  # (4, 4)
    tall = np.concatenate((X, below))  # (13, 4)
    w = np.linalg.lstsq(tall, np.concatenate((y, np.zeros_like(y[:4]))), rcond=None)[0]
    u = np.linalg.solve(tall.T @ tall, dout)  # (4, 2)
    dy = torch.from_numpy(X @ u)  # (9, 2)
    dX = torch.from_numpy(np.einsum("ij,kj->ik", y - X @ w, u) - X @ u @ w.T)  # (9, 4)
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
