"""A Gaussian process' log-likelihood by a Cholesky factor, which has no kernel in half formats."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="gaussian_process",
    tensors={
        "M": {"shape": [4, 4], "draw": "randn", "requires_grad": True},
        "y": {"shape": [4], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import torch


def forward(M, y):
    A = M @ M.T + torch.eye(4, dtype=M.dtype)
    if A.dtype in (torch.float16, torch.bfloat16):
        A, y = A.to(torch.float32), y.to(torch.float32)
    L = torch.linalg.cholesky(A)
    alpha = torch.cholesky_solve(y[:, None], L)[:, 0]
    nll = 0.5 * y @ alpha + L.diagonal().log().sum()
    return nll.to(M.dtype)
""",
    backward="""\
import torch


def backward(M, y, dout):
    A = M @ M.T + torch.eye(4, dtype=M.dtype)
    wide = torch.promote_types(M.dtype, torch.float32)
    A, b = A.to(wide), y.to(wide)
    L = torch.linalg.cholesky(A)
    alpha = torch.cholesky_solve(b[:, None], L)[:, 0]
    dA = 0.5 * (torch.cholesky_inverse(L) - torch.outer(alpha, alpha))
    dA = (dA * dout).to(M.dtype)
    return {"M": (dA + dA.T) @ M, "y": (alpha * dout).to(M.dtype)}
""",
    mistakes=(
        Edit("one half of the symmetric gradient", (("(dA + dA.T) @ M", "dA @ M"),), "factor"),
        Edit(
            "log-determinant forgotten",
            (
                (
                    "(torch.cholesky_inverse(L) - torch.outer(alpha, alpha))",
                    "-torch.outer(alpha, alpha)",
                ),
            ),
            "missing term",
        ),
    ),
)
