"""The likelihood of a normal distribution, by the Cholesky factor of its covariance."""

from tests.operators.case import Edit, Operator

BODY = """\
    P = torch.linalg.inv(S)  # (4, 4)
    dx = x @ P  # (5, 4)
    dS = (N * P - dx.T @ dx) / 2  # (4, 4)
    dA = 2 * dS @ A  # (4, 7)
"""

OPERATOR = Operator(
    name="gaussian_likelihood",
    tensors={
        "x": {"shape": [5, 4], "draw": "randn", "requires_grad": True},
        "A": {"shape": [4, 7], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""-log p(x) of x ~ N(0, A A^T + I / 2) without its constant; half formats in float32."""

import torch
from torch import Tensor


def forward(x: Tensor, A: Tensor) -> Tensor:
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, A = x.to(wide), A.to(wide)
    L = torch.linalg.cholesky(A @ A.T + torch.eye(4, dtype=wide) / 2)  # (4, 4)
    z = torch.linalg.solve_triangular(L, x.T, upper=False)  # (4, 5)
    return ((z * z).sum() / 2 + len(x) * L.diagonal().log().sum()).to(dtype)
''',
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, A: Tensor) -> dict[str, Tensor]:
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, A, N = x.to(wide), A.to(wide), len(x)
    S = A @ A.T + torch.eye(4, dtype=wide) / 2  # (4, 4)
"""
    + BODY
    + """\
    return {"x": dx.to(dtype), "A": dA.to(dtype)}
""",
    variants=(
        Edit(
            "whitened samples",
            (
                (
                    BODY,
                    """\
    L = torch.linalg.cholesky(S)  # (4, 4)
    z = torch.linalg.solve_triangular(L, x.T, upper=False)  # (4, 5)
    B = torch.linalg.solve_triangular(L, A, upper=False)  # (4, 7)
    dx = torch.linalg.solve_triangular(L.T, z, upper=True).T  # (5, 4)
    dA = torch.linalg.solve_triangular(L.T, N * B - z @ (z.T @ B), upper=True)  # (4, 7)
""",
                ),
            ),
        ),
        Edit(
            "solutions in place of the inverse",
            (
                (
                    BODY,
                    """\
    L = torch.linalg.cholesky(S)  # (4, 4)
    dx = torch.cholesky_solve(x.T, L).T  # (5, 4)
    dA = N * torch.cholesky_solve(A, L) - dx.T @ (dx @ A)  # (4, 7)
""",
                ),
            ),
        ),
        Edit(
            "reverse mode through the Cholesky factor",
            (
                (
                    BODY,
                    """\
    L = torch.linalg.cholesky(S)  # (4, 4)
    z = torch.linalg.solve_triangular(L, x.T, upper=False)  # (4, 5)
    dx = torch.linalg.solve_triangular(L.T, z, upper=True)  # (4, 5)
    dL = (torch.diag(N / L.diagonal()) - dx @ z.T).tril()  # (4, 4)
    phi = (L.T @ dL).tril()  # (4, 4)
    phi = phi - torch.diag(phi.diagonal()) / 2
    half = torch.linalg.solve_triangular(L.T, phi, upper=True)  # (4, 4)
    dS = torch.linalg.solve_triangular(L.T, half.T, upper=True)  # (4, 4)
    dA = (dS + dS.T) @ A  # (4, 7)
    dx = dx.T  # (5, 4)
""",
                ),
            ),
        ),
        Edit(
            "reverse mode through the elements of the Cholesky factor",
            (
                (
                    BODY,
                    """\
    L = torch.zeros_like(S)  # (4, 4)
    for j in range(4):
        L[j, j] = (S[j, j] - L[j, :j] @ L[j, :j]).sqrt()
        L[j + 1 :, j] = (S[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j]) / L[j, j]
    z, dx = torch.zeros_like(x.T), torch.zeros_like(x.T)  # (4, 5) each
    for i in range(4):
        z[i] = (x[:, i] - L[i, :i] @ z[:i]) / L[i, i]
    for i in reversed(range(4)):
        dx[i] = (z[i] - L[i + 1 :, i] @ dx[i + 1 :]) / L[i, i]
    dL = (torch.diag(N / L.diagonal()) - dx @ z.T).tril()  # (4, 4)
    dS = torch.zeros_like(S)  # (4, 4), its lower triangle
    for j in reversed(range(4)):
        dS[j + 1 :, j] = dL[j + 1 :, j] / L[j, j]
        dL[j, j] -= dS[j + 1 :, j] @ L[j + 1 :, j]
        dL[j + 1 :, :j] -= torch.outer(dS[j + 1 :, j], L[j, :j])
        dL[j, :j] -= dS[j + 1 :, j] @ L[j + 1 :, :j]
        dS[j, j] = dL[j, j] / (2 * L[j, j])
        dL[j, :j] -= 2 * dS[j, j] * L[j, :j]
    dA = (dS + dS.T) @ A  # (4, 7)
    dx = dx.T  # (5, 4)
""",
                ),
            ),
        ),
        Edit(
            "eigenvalues",
            (
                (
                    "    P = torch.linalg.inv(S)  # (4, 4)\n",
                    """\
    e, V = torch.linalg.eigh(S)  # (4,), (4, 4)
    P = (V / e) @ V.T  # (4, 4)
""",
                ),
            ),
        ),
        Edit(
            "singular values of A",
            (
                (
                    BODY,
                    """\
    U, s, Vh = torch.linalg.svd(A, full_matrices=False)  # (4, 4), (4,), (4, 7)
    e = s * s + 0.5  # (4,)
    dx = (x @ U / e) @ U.T  # (5, 4)
    dA = (N * U - dx.T @ (x @ U)) * (s / e) @ Vh  # (4, 7)
""",
                ),
                ("    S = A @ A.T + torch.eye(4, dtype=wide) / 2  # (4, 4)\n", ""),
            ),
        ),
        Edit(
            "inverse by Schur's complement",
            (
                (
                    "    P = torch.linalg.inv(S)  # (4, 4)\n",
                    """\
    def two(M: Tensor) -> Tensor:
        (a, b), (c, d) = M
        return torch.stack((d, -b, -c, a)).view(2, 2) / (a * d - b * c)

    E, F, G = S[:2, :2], S[:2, 2:], S[2:, 2:]  # (2, 2) each
    Ei = two(E)
    Ci = two(G - F.T @ Ei @ F)
    T = Ei @ F @ Ci
    P = torch.cat((torch.cat((Ei + T @ F.T @ Ei, -T), 1), torch.cat((-T.T, Ci), 1)))  # (4, 4)
""",
                ),
            ),
        ),
        Edit(
            "numpy, sample by sample",
            (
                (
                    BODY,
                    """\
    x, A, S = (t.detach().numpy() for t in (x, A, S))
    P = np.linalg.inv(S)  # (4, 4)
    dx, dA = np.zeros_like(x), np.zeros_like(A)
    for sample, out in zip(x, dx, strict=True):
        out[:] = np.linalg.solve(S, sample)
        dA += (P - np.outer(out, out)) @ A
    dx, dA = torch.from_numpy(dx), torch.from_numpy(dA)
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
                ("x, A, N = x.to(wide), A.to(wide), len(x)", "x, A = x.to(wide), A.to(wide)"),
            ),
        ),
    ),
)
