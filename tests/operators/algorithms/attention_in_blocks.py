"""Softmax attention, its gradient by tiles as in fused kernels and by whole matrices."""

from tests.operators.case import Edit, Operator

BODY = """\
    p = torch.softmax(SCALE * q @ k.transpose(1, 2), dim=2)  # (2, 6, 6)
    dv = p.transpose(1, 2) @ dout  # (2, 6, 4)
    dp = dout @ v.transpose(1, 2)  # (2, 6, 6)
    ds = p * (dp - (p * dp).sum(dim=2, keepdim=True))  # (2, 6, 6)
    dq = SCALE * ds @ k  # (2, 6, 4)
    dk = SCALE * ds.transpose(1, 2) @ q  # (2, 6, 4)
    return {"q": dq, "k": dk, "v": dv}
"""
ONLINE = """\
    m = torch.full_like(q[:, :, :1], -torch.inf)  # (2, 6, 1)
    z, o = torch.zeros_like(m), torch.zeros_like(q)  # (2, 6, 1), (2, 6, 4)
    for kj, vj in zip(k.split(2, dim=1), v.split(2, dim=1), strict=True):
        s = SCALE * q @ kj.transpose(1, 2)  # (2, 6, 2)
        new = torch.maximum(m, s.amax(dim=2, keepdim=True))
        e, decay = torch.exp(s - new), torch.exp(m - new)
        z, o, m = z * decay + e.sum(dim=2, keepdim=True), o * decay + e @ vj, new
    o, lse = o / z, m + torch.log(z)  # (2, 6, 4), (2, 6, 1)
    delta = (dout * o).sum(dim=2, keepdim=True)  # (2, 6, 1)
"""

OPERATOR = Operator(
    name="attention_in_blocks",
    tensors={name: {"shape": [2, 6, 4], "draw": "randn", "requires_grad": True} for name in "qkv"},
    forward="""\
import torch
from torch import Tensor


def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.softmax(q @ k.transpose(1, 2) / 2, dim=2) @ v  # (2, 6, 4)
""",
    backward="""\
import torch
from torch import Tensor

SCALE = 0.5


def backward(q: Tensor, k: Tensor, v: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "online softmax, then tiles of keys",
            (
                (
                    BODY,
                    ONLINE
                    + """\
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for j in range(0, k.shape[1], 2):
        kj, vj = k[:, j : j + 2], v[:, j : j + 2]  # (2, 2, 4) each
        p = torch.exp(SCALE * q @ kj.transpose(1, 2) - lse)  # (2, 6, 2)
        ds = p * (dout @ vj.transpose(1, 2) - delta) * SCALE  # (2, 6, 2)
        dq += ds @ kj
        dk[:, j : j + 2] = ds.transpose(1, 2) @ q
        dv[:, j : j + 2] = p.transpose(1, 2) @ dout
    return {"q": dq, "k": dk, "v": dv}
""",
                ),
            ),
        ),
        Edit(
            "online softmax, then tiles of queries and keys, in two passes",
            (
                (
                    BODY,
                    ONLINE
                    + """\
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    tiles = [slice(i, i + 3) for i in range(0, q.shape[1], 3)]
    for j in tiles:
        for i in tiles:
            p = torch.exp(SCALE * q[:, i] @ k[:, j].transpose(1, 2) - lse[:, i])  # (2, 3, 3)
            ds = p * (dout[:, i] @ v[:, j].transpose(1, 2) - delta[:, i])  # (2, 3, 3)
            dv[:, j] += p.transpose(1, 2) @ dout[:, i]
            dk[:, j] += SCALE * ds.transpose(1, 2) @ q[:, i]
    for i in tiles:
        for j in tiles:
            p = torch.exp(SCALE * q[:, i] @ k[:, j].transpose(1, 2) - lse[:, i])  # (2, 3, 3)
            ds = p * (dout[:, i] @ v[:, j].transpose(1, 2) - delta[:, i])  # (2, 3, 3)
            dq[:, i] += SCALE * ds @ k[:, j]
    return {"q": dq, "k": dk, "v": dv}
""",
                ),
            ),
        ),
        Edit(
            "centre from the output",
            (("(p * dp).sum(dim=2, keepdim=True)", "(dout * (p @ v)).sum(dim=2, keepdim=True)"),),
        ),
        Edit(
            "powers of two with the scale folded in",
            (
                (
                    "torch.softmax(SCALE * q @ k.transpose(1, 2), dim=2)",
                    "e / e.sum(dim=2, keepdim=True)",
                ),
                (
                    "    p = ",
                    """\
    s = q @ k.transpose(1, 2)  # (2, 6, 6)
    e = torch.exp2((s - s.amax(dim=2, keepdim=True)) * (SCALE * LOG2E))  # (2, 6, 6)
    p = """,
                ),
                ("SCALE = 0.5\n", "SCALE = 0.5\nLOG2E = 1.4426950408889634\n"),
            ),
        ),
        Edit(
            "Jacobian of each row's softmax",
            (
                (
                    "    ds = p * (dp - (p * dp).sum(dim=2, keepdim=True))  # (2, 6, 6)\n",
                    """\
    J = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]  # (2, 6, 6, 6)
    ds = torch.einsum("ntij,ntj->nti", J, dp)  # (2, 6, 6)
""",
                ),
            ),
        ),
        Edit(
            "query by query",
            (
                (
                    BODY,
                    """\
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for n in range(len(q)):
        for t in range(q.shape[1]):
            p = torch.softmax(k[n] @ q[n, t] * SCALE, dim=0)  # (6,)
            dp = v[n] @ dout[n, t]  # (6,)
            ds = p * (dp - torch.dot(p, dp)) * SCALE  # (6,)
            dq[n, t] = ds @ k[n]
            dk[n] += torch.outer(ds, q[n, t])
            dv[n] += torch.outer(p, dout[n, t])
    return {"q": dq, "k": dk, "v": dv}
""",
                ),
            ),
        ),
        Edit(
            "values centred by the output before the product",
            (
                (
                    """\
    dp = dout @ v.transpose(1, 2)  # (2, 6, 6)
    ds = p * (dp - (p * dp).sum(dim=2, keepdim=True))  # (2, 6, 6)
""",
                    """\
    off = v[:, None, :, :] - (p @ v)[:, :, None, :]  # (2, 6, 6, 4)
    ds = p * torch.einsum("ntd,ntsd->nts", dout, off)  # (2, 6, 6)
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                (
                    BODY,
                    """\
    dtype, wide = q.dtype, torch.promote_types(q.dtype, torch.float32)
    q, k, v, dout = (t.detach().to(wide).numpy() for t in (q, k, v, dout))
    s = np.einsum("ntd,nsd->nts", q, k) * SCALE  # (2, 6, 6)
    e = np.exp(s - s.max(axis=2, keepdims=True))  # (2, 6, 6)
    p = e / e.sum(axis=2, keepdims=True)  # (2, 6, 6)
    dv = np.einsum("nts,ntd->nsd", p, dout)  # (2, 6, 4)
    pdp = p * np.einsum("ntd,nsd->nts", dout, v)  # (2, 6, 6)
    ds = (pdp - p * pdp.sum(axis=2, keepdims=True)) * SCALE  # (2, 6, 6)
    grads = {
        "q": np.einsum("nts,nsd->ntd", ds, k),
        "k": np.einsum("nts,ntd->nsd", ds, q),
        "v": dv,
    }
    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
