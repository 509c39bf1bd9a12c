"""The gradient of a singular value decomposition, by the formula of the textbooks.

Singular vectors are only known up to a sign, so forward returns what no sign changes: the singular
values, and the matrix with other singular values in place of its own. These are far apart.
"""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="svd",
    tensors={"A": {"from": "inputs.py", "requires_grad": True}},
    files={
        "inputs.py": """\
import torch


def inputs(generator):
    U, V = (
        torch.linalg.qr(torch.randn(n, 8, generator=generator, dtype=torch.float64))[0]
        for n in (40, 8)
    )
    return {"A": (U * torch.arange(8.0, 0.0, -1.0)) @ V.mT}
"""
    },
    forward="""\
import torch


def forward(A):
    U, S, Vh = torch.linalg.svd(A, full_matrices=False)
    return {"S": S, "M": (U * torch.log1p(S)) @ Vh}
""",
    backward="""\
import torch


def backward(A, dout_S, dout_M):
    U, S, Vh = torch.linalg.svd(A, full_matrices=False)
    V = Vh.mT
    f = torch.log1p(S)
    # M = U f(S) V^T
    dU = dout_M @ V * f
    dV = dout_M.mT @ U * f
    dS = dout_S + (U * (dout_M @ V)).sum(0) / (1 + S)
    # A = U S V^T: with F_ij = 1 / (s_j^2 - s_i^2) off the diagonal
    gaps = S**2 - (S**2)[:, None]
    gaps.fill_diagonal_(torch.inf)
    F = 1 / gaps
    skew_U, skew_V = U.mT @ dU, V.mT @ dV
    inner = (F * (skew_U - skew_U.mT)) * S + S[:, None] * (F * (skew_V - skew_V.mT))
    dA = U @ (inner + torch.diag(dS)) @ Vh
    dA = dA + (dU - U @ skew_U) / S @ Vh  # A has more rows than columns
    return {"A": dA}
""",
    mistakes=(
        Edit(
            "the part outside of the columns of U is forgotten",
            (("    dA = dA + (dU - U @ skew_U) / S @ Vh  # A has more rows than columns\n", ""),),
            "missing",
        ),
    ),
)
