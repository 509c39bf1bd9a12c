"""Rotation of points by quaternions of any length."""

from tests.operators.case import Edit, Operator

BODY = """\
    length = q.norm(dim=1, keepdim=True)  # (8, 1)
    n = q / length  # (8, 4)
    w, u = n[:, :1], n[:, 1:]  # (8, 1), (8, 3)
    t = 2 * torch.linalg.cross(u, v)  # (8, 3)
    dt = w * dout + torch.linalg.cross(dout, u)  # (8, 3)
    dv = dout + 2 * torch.linalg.cross(dt, u)  # (8, 3)
    dw = (dout * t).sum(dim=1, keepdim=True)  # (8, 1)
    du = torch.linalg.cross(t, dout) + 2 * torch.linalg.cross(v, dt)  # (8, 3)
    dn = torch.cat((dw, du), dim=1)  # (8, 4)
    dq = (dn - n * (n * dn).sum(dim=1, keepdim=True)) / length  # (8, 4)
    return {"q": dq, "v": dv}
"""
UNIT = """\
    length = q.norm(dim=1, keepdim=True)  # (8, 1)
    n = q / length  # (8, 4)
"""
TANGENT = """\
    dq = (dn - n * (n * dn).sum(dim=1, keepdim=True)) / length  # (8, 4)
    return {"q": dq, "v": dv}
"""
PRODUCT = """\
def product(a: Tensor, b: Tensor) -> Tensor:
    aw, ax, ay, az = a.unbind(1)
    bw, bx, by, bz = b.unbind(1)
    return torch.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        dim=1,
    )


def conjugate(a: Tensor) -> Tensor:
    return torch.cat((a[:, :1], -a[:, 1:]), dim=1)


def backward("""

OPERATOR = Operator(
    name="rotation_by_quaternion",
    tensors={
        "q": {"shape": [8, 4], "draw": "randn", "requires_grad": True},
        "v": {"shape": [8, 3], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""The points v, turned by the quaternions q / |q|, real part first."""

import torch
from torch import Tensor


def forward(q: Tensor, v: Tensor) -> Tensor:
    n = q / q.norm(dim=1, keepdim=True)  # (8, 4)
    w, u = n[:, :1], n[:, 1:]  # (8, 1), (8, 3)
    t = 2 * torch.linalg.cross(u, v)  # (8, 3)
    return v + w * t + torch.linalg.cross(u, t)  # (8, 3)
''',
    backward="""\
import torch
from torch import Tensor


def backward(q: Tensor, v: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + BODY,
    variants=(
        Edit(
            "matrix of the rotation and its derivatives",
            (
                (
                    BODY,
                    UNIT
                    + """\
    w, x, y, z = n.unbind(1)  # (8,) each
    R = torch.stack(
        (
            torch.stack((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)), 1),
            torch.stack((2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)), 1),
            torch.stack((2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)), 1),
        ),
        1,
    )  # (8, 3, 3)
    dv = torch.einsum("nij,ni->nj", R, dout)  # (8, 3)
    dR = dout[:, :, None] * v[:, None, :]  # (8, 3, 3)
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(1) for row in dR.unbind(1))
    dw = 2 * (x * (zy - yz) + y * (xz - zx) + z * (yx - xy))
    dx = 2 * (w * (zy - yz) + y * (xy + yx) + z * (xz + zx)) - 4 * x * (yy + zz)
    dy = 2 * (w * (xz - zx) + x * (xy + yx) + z * (yz + zy)) - 4 * y * (xx + zz)
    dz = 2 * (w * (yx - xy) + x * (xz + zx) + y * (yz + zy)) - 4 * z * (xx + yy)
    dn = torch.stack((dw, dx, dy, dz), dim=1)  # (8, 4)
"""
                    + TANGENT,
                ),
            ),
        ),
        Edit(
            "Hamilton's products with conjugates",
            (
                (
                    BODY,
                    UNIT
                    + """\
    g, p = pad(dout, (1, 0)), pad(v, (1, 0))  # (8, 4) each
    back = conjugate(n)  # (8, 4)
    dv = product(product(back, g), n)[:, 1:]  # (8, 3)
    dn = product(product(g, n), conjugate(p))  # (8, 4): by the first factor of n p n*
    dn = dn + conjugate(product(conjugate(product(n, p)), g))  # and by the last
"""
                    + TANGENT,
                ),
                ("def backward(", PRODUCT),
                (
                    "from torch import Tensor\n",
                    "from torch import Tensor\nfrom torch.nn.functional import pad\n",
                ),
            ),
        ),
        Edit(
            "turn of the output by a small angle",
            (
                (
                    BODY,
                    UNIT
                    + """\
    w, u = n[:, :1], n[:, 1:]  # (8, 1), (8, 3)
    t = 2 * torch.linalg.cross(u, v)  # (8, 3)
    y = v + w * t + torch.linalg.cross(u, t)  # (8, 3)
    s = 2 * torch.linalg.cross(dout, u)  # (8, 3)
    dv = dout + w * s - torch.linalg.cross(u, s)  # (8, 3), turned back
    torque = 2 * torch.linalg.cross(y, dout) / length  # (8, 3)
    dw = -(torque * u).sum(dim=1, keepdim=True)  # (8, 1), of the product (0, torque) n
    du = w * torque + torch.linalg.cross(torque, u)  # (8, 3)
    return {"q": torch.cat((dw, du), dim=1), "v": dv}
""",
                ),
            ),
        ),
        Edit(
            "tensor of structure constants",
            (
                (
                    BODY,
                    UNIT
                    + """\
    M = torch.zeros(3, 4, 4, 3, dtype=q.dtype)  # out_i = n_a n_b M_iabj v_j
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        M[i, 0, 0, i] = M[i, i + 1, i + 1, i] = 1
        M[i, j + 1, j + 1, i] = M[i, k + 1, k + 1, i] = -1
        M[i, i + 1, j + 1, j] = M[i, j + 1, i + 1, j] = 1
        M[i, i + 1, k + 1, k] = M[i, k + 1, i + 1, k] = 1
        M[i, 0, j + 1, k] = M[i, j + 1, 0, k] = 1
        M[i, 0, k + 1, j] = M[i, k + 1, 0, j] = -1
    dv = torch.einsum("ni,na,nb,iabj->nj", dout, n, n, M)  # (8, 3)
    dn = 2 * torch.einsum("ni,nb,iabj,nj->na", dout, n, M, v)  # (8, 4)
"""
                    + TANGENT,
                ),
            ),
        ),
        Edit(
            "triple products by dot products",
            (
                (
                    BODY,
                    UNIT
                    + """\
    w, u = n[:, :1], n[:, 1:]  # (8, 1), (8, 3)

    def dot(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(dim=1, keepdim=True)  # (8, 1)

    uv, ug, gv = dot(u, v), dot(u, dout), dot(dout, v)
    gxu = torch.linalg.cross(dout, u)  # (8, 3)
    vxg = torch.linalg.cross(v, dout)  # (8, 3)
    dv = dout + 2 * (w * gxu + u * ug - dout * dot(u, u))  # (8, 3)
    dw = 2 * dot(u, vxg)  # (8, 1)
    du = 2 * (w * vxg + dout * uv + v * ug - 2 * u * gv)  # (8, 3)
    dn = torch.cat((dw, du), dim=1)  # (8, 4)
"""
                    + TANGENT,
                ),
            ),
        ),
        Edit(
            "Jacobian of the normalisation",
            (
                (
                    "    dq = (dn - n * (n * dn).sum(dim=1, keepdim=True)) / length  # (8, 4)\n",
                    """\
    J = torch.eye(4, dtype=q.dtype) - n[:, :, None] * n[:, None, :]  # (8, 4, 4)
    dq = torch.einsum("nij,nj->ni", J / length[:, :, None], dn)  # (8, 4)
""",
                ),
            ),
        ),
        Edit(
            "cross products as skew matrices",
            (
                (
                    BODY,
                    UNIT
                    + """\
    w = n[:, 0, None, None]  # (8, 1, 1)
    U, V = skew(n[:, 1:]), skew(v)  # (8, 3, 3) each
    R = torch.eye(3, dtype=q.dtype) + 2 * w * U + 2 * U @ U  # (8, 3, 3)
    dv = (R.transpose(1, 2) @ dout[:, :, None])[:, :, 0]  # (8, 3)
    dw = 2 * (dout[:, None, :] @ U @ v[:, :, None])[:, :, 0]  # (8, 1)
    J = -2 * (w * V + U @ V + skew((U @ v[:, :, None])[:, :, 0]))  # (8, 3, 3)
    du = (dout[:, None, :] @ J)[:, 0]  # (8, 3)
    dn = torch.cat((dw, du), dim=1)  # (8, 4)
"""
                    + TANGENT,
                ),
                (
                    "def backward(",
                    """\
def skew(a: Tensor) -> Tensor:
    x, y, z = a.unbind(1)
    zero = torch.zeros_like(x)
    rows = ((zero, -z, y), (z, zero, -x), (-y, x, zero))
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)  # (8, 3, 3)


def backward(""",
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
    q, v, dout = (t.detach().to(wide).numpy() for t in (q, v, dout))
    length = np.linalg.norm(q, axis=1, keepdims=True)  # (8, 1)
    n = q / length  # (8, 4)
    w, u = n[:, :1], n[:, 1:]  # (8, 1), (8, 3)
    t = np.cross(u, v)  # (8, 3)
    dt = w * dout + np.cross(dout, u)  # (8, 3)
    dn = np.empty_like(n)  # (8, 4)
    dn[:, 0] = 2 * np.einsum("ni,ni->n", dout, t)
    dn[:, 1:] = 2 * (np.cross(t, dout) + np.cross(v, dt))
    dq = (dn - n * np.einsum("ni,ni->n", n, dn)[:, None]) / length  # (8, 4)
    dv = dout + 2 * np.cross(dt, u)  # (8, 3)
    return {"q": torch.from_numpy(dq).to(dtype), "v": torch.from_numpy(dv).to(dtype)}
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
            ),
        ),
    ),
)
