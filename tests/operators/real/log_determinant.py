"""A log-determinant and a solution by Cholesky, of a positive-definite matrix from inputs.py."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="log_determinant",
    tensors={
        "A": {"from": "inputs.py", "requires_grad": True},
        "b": {"shape": [4], "draw": "randn", "requires_grad": True},
    },
    files={
        "inputs.py": """\
import torch


def inputs(generator):
    B = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    return {"A": B @ B.mT + 4 * torch.eye(4)}
"""
    },
    forward="""\
import torch


def forward(A, b):
    dtype = A.dtype
    A = ((A + A.mT) / 2).to(torch.promote_types(dtype, torch.float32))
    L = torch.linalg.cholesky(A)
    z = torch.linalg.solve_triangular(L, b.to(A.dtype)[:, None], upper=False)
    return (2 * L.diagonal().log().sum() + (z * z).sum()).to(dtype)
""",
    backward="""\
import torch


def backward(A, b, dout):
    dtype = A.dtype
    wide = torch.promote_types(dtype, torch.float32)
    S = ((A + A.mT) / 2).to(wide)
    w = torch.linalg.solve(S, b.to(wide))
    dA = torch.linalg.inv(S) - torch.outer(w, w)
    return {"A": (dA * dout).to(dtype), "b": (2 * w * dout).to(dtype)}
""",
    mistakes=(
        Edit(
            "the quadratic term's sign", (("- torch.outer(w, w)", "+ torch.outer(w, w)"),), "sign"
        ),
        Edit("half of db", (("2 * w * dout", "w * dout"),), "factor"),
    ),
)
