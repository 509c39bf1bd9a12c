"""Layer normalisation over the last axis, with gain and bias."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="layer_norm",
    tensors={
        "x": {"shape": [3, 5, 22], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [22], "draw": "randn", "requires_grad": True},
        "beta": {"shape": [22], "draw": "randn", "requires_grad": True},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import layer_norm


def forward(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return layer_norm(x, (22,), gamma, beta, eps=1e-5)  # (3, 5, 22)
""",
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, gamma: Tensor, beta: Tensor, dout: Tensor) -> dict[str, Tensor]:
    mu = x.mean(dim=-1, keepdim=True)  # (3, 5, 1)
    xc = x - mu  # (3, 5, 22)
    var = (xc * xc).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    rstd = torch.rsqrt(var + 1e-5)  # (3, 5, 1)
    xhat = xc * rstd  # (3, 5, 22)
    dxhat = dout * gamma  # (3, 5, 22)
    m1 = dxhat.mean(dim=-1, keepdim=True)  # (3, 5, 1)
    m2 = (dxhat * xhat).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)
    dgamma = (dout * xhat).sum(dim=(0, 1))  # (22,)
    dbeta = dout.sum(dim=(0, 1))  # (22,)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}
""",
    variants=(
        Edit(
            "chain through variance and mean",
            (
                (
                    """\
    m1 = dxhat.mean(dim=-1, keepdim=True)  # (3, 5, 1)
    m2 = (dxhat * xhat).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)
""",
                    """\
    D = x.shape[-1]
    dvar = -0.5 * (dxhat * xc).sum(dim=-1, keepdim=True) * rstd**3  # (3, 5, 1)
    dmu = -(dxhat * rstd).sum(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = dxhat * rstd + dvar * 2 * xc / D + dmu / D  # (3, 5, 22)
""",
                ),
            ),
        ),
        Edit(
            "Jacobian of each row written out",
            (
                (
                    """\
    m1 = dxhat.mean(dim=-1, keepdim=True)  # (3, 5, 1)
    m2 = (dxhat * xhat).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)
""",
                    """\
    D = x.shape[-1]
    eye = torch.eye(D, dtype=x.dtype)  # (22, 22)
    J = eye - (1 + xhat[..., :, None] * xhat[..., None, :]) / D  # (3, 5, 22, 22)
    dx = rstd * torch.einsum("abij,abj->abi", J, dxhat)  # (3, 5, 22)
""",
                ),
            ),
        ),
        Edit(
            "sums for means, rows added one after another",
            (
                (
                    """\
    m1 = dxhat.mean(dim=-1, keepdim=True)  # (3, 5, 1)
    m2 = (dxhat * xhat).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)
    dgamma = (dout * xhat).sum(dim=(0, 1))  # (22,)
    dbeta = dout.sum(dim=(0, 1))  # (22,)
""",
                    """\
    D = x.shape[-1]
    s1 = dxhat.sum(dim=-1, keepdim=True)  # (3, 5, 1)
    s2 = (dxhat * xhat).sum(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = rstd / D * (D * dxhat - s1 - xhat * s2)  # (3, 5, 22)
    dgamma = torch.zeros_like(gamma)
    dbeta = torch.zeros_like(beta)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            dgamma = dgamma + dout[i, j] * xhat[i, j]
            dbeta = dbeta + dout[i, j]
""",
                ),
            ),
        ),
        Edit(
            "mean taken off before the projection, one axis summed at a time, reversed",
            (
                (
                    """\
    m1 = dxhat.mean(dim=-1, keepdim=True)  # (3, 5, 1)
    m2 = (dxhat * xhat).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)
""",
                    """\
    g = dxhat - dxhat.flip(-1).mean(dim=-1, keepdim=True)  # (3, 5, 22)
    dx = rstd * (g - xhat * (g * xhat).flip(-1).mean(dim=-1, keepdim=True))  # (3, 5, 22)
""",
                ),
                ("(dout * xhat).sum(dim=(0, 1))", "(dout * xhat).flip(0, 1).sum(dim=0).sum(dim=0)"),
                ("dout.sum(dim=(0, 1))", "dout.flip(0, 1).sum(dim=1).sum(dim=0)"),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "    mu = x.mean(dim=-1, keepdim=True)  # (3, 5, 1)\n",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, gamma, dout = (t.detach().to(wide).numpy() for t in (x, gamma, dout))
    mu = x.mean(axis=-1, keepdims=True)  # (3, 5, 1)
""",
                ),
                ("(xc * xc).mean(dim=-1, keepdim=True)", "(xc * xc).mean(axis=-1, keepdims=True)"),
                ("torch.rsqrt(var + 1e-5)", "1 / np.sqrt(var + 1e-5)"),
                ("dxhat.mean(dim=-1, keepdim=True)", "dxhat.mean(axis=-1, keepdims=True)"),
                ("* xhat).mean(dim=-1, keepdim=True)", "* xhat).mean(axis=-1, keepdims=True)"),
                ("(dout * xhat).sum(dim=(0, 1))", "(dout * xhat).sum(axis=(0, 1))"),
                ("dout.sum(dim=(0, 1))", "dout.sum(axis=(0, 1))"),
                (
                    'return {"x": dx, "gamma": dgamma, "beta": dbeta}',
                    (
                        'grads = {"x": dx, "gamma": dgamma, "beta": dbeta}\n'
                        "    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    mu = x",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, gamma, dout = x.float(), gamma.float(), dout.float()
    mu = x""",
                ),
                (
                    '{"x": dx, "gamma": dgamma, "beta": dbeta}',
                    '{"x": dx.to(dtype), "gamma": dgamma.to(dtype), "beta": dbeta.to(dtype)}',
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "gain's gradient averaged over the batch",
            (("(dout * xhat).sum(dim=(0, 1))", "(dout * xhat).mean(dim=(0, 1))"),),
            "factor",
        ),
        Edit(
            "input's two batch axes swapped in memory",
            (
                (
                    "dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)\n",
                    (
                        "dx = rstd * (dxhat - m1 - xhat * m2)  # (3, 5, 22)\n"
                        "    dx = dx.transpose(0, 1).reshape(x.shape)\n"
                    ),
                ),
            ),
            "transposed",
        ),
        Edit(
            "bias detached",
            (("dout.sum(dim=(0, 1))", "torch.zeros_like(beta)"),),
            "zero",
        ),
        Edit(
            "gain's gradient never cleared",
            (
                ("from torch import Tensor\n", "from torch import Tensor\n\nheld = {}\n"),
                (
                    "    dbeta = dout",
                    (
                        "    dgamma = held.get(x.dtype, 0) + dgamma\n"
                        "    held[x.dtype] = dgamma\n    dbeta = dout"
                    ),
                ),
            ),
            "accumulated",
        ),
        Edit(
            "projection averaged over the rows of a batch",
            (("* xhat).mean(dim=-1, keepdim=True)", "* xhat).mean(dim=1, keepdim=True)"),),
            "other sum",
        ),
        Edit("mean term dropped", (("dxhat - m1 - xhat * m2", "dxhat - xhat * m2"),), "missing"),
        Edit("projection term dropped", (("dxhat - m1 - xhat * m2", "dxhat - m1"),), "missing"),
        Edit("gain not multiplied", (("dxhat = dout * gamma", "dxhat = dout"),), "missing"),
        Edit(
            "features past the block of 16 not written",
            (("    dgamma = (dout", "    dx[..., 16:] = 0\n    dgamma = (dout"),),
            "confined",
        ),
        Edit(
            "variance with n - 1",
            (("(xc * xc).mean(dim=-1, keepdim=True)", "x.var(dim=-1, keepdim=True)"),),
            "constant",
        ),
        Edit(
            "eps added outside the root",
            (("torch.rsqrt(var + 1e-5)", "1 / (torch.sqrt(var) + 1e-5)"),),
            "constant",
        ),
        Edit("eps of 1e-3", (("1e-5", "1e-3"),), "constant"),
        Edit(
            "output in place of the normalised input",
            (("(dout * xhat)", "(dout * (gamma * xhat + beta))"),),
            "operation",
        ),
        Edit(
            "float32 hard-coded",
            (
                ("    mu = x.mean", "    dtype = x.dtype\n    x = x.float()\n    mu = x.mean"),
                ("dxhat = dout * gamma", "dxhat = (dout * gamma).float()"),
                ('"x": dx, "gamma": dgamma,', '"x": dx.to(dtype), "gamma": dgamma.to(dtype),'),
            ),
            "precision",
        ),
        Edit(
            "mean and inverse deviation saved in bfloat16",
            (
                ("xc = x - mu", "xc = x - mu.bfloat16().to(x.dtype)"),
                ("torch.rsqrt(var + 1e-5)", "torch.rsqrt(var + 1e-5).bfloat16().to(x.dtype)"),
            ),
            "precision",
        ),
    ),
)
