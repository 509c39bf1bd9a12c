"""Group norm with gain and bias per channel."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="group_norm",
    tensors={
        "x": {"shape": [5, 12, 7], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [12], "draw": "randn", "requires_grad": True},
        "beta": {"shape": [12], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""Group norm: 3 groups of 4 channels, mean and variance over a group's channels and positions."""

from torch import Tensor
from torch.nn.functional import group_norm

GROUPS = 3
EPS = 1e-5


def forward(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return group_norm(x, GROUPS, gamma, beta, EPS)  # (5, 12, 7)
''',
    backward='''\
"""The gradient of forward.py, with xhat = (x - mu) / sqrt(var + eps) within a group."""

import torch
from torch import Tensor

GROUPS = 3
EPS = 1e-5


def backward(x: Tensor, gamma: Tensor, beta: Tensor, dout: Tensor) -> dict[str, Tensor]:
    N = len(x)  # 5
    xg = x.reshape(N, GROUPS, -1)  # (5, 3, 28)
    mu = xg.mean(dim=2, keepdim=True)  # (5, 3, 1)
    centred = xg - mu  # (5, 3, 28)
    var = centred.square().mean(dim=2, keepdim=True)  # (5, 3, 1)
    r = torch.rsqrt(var + EPS)  # (5, 3, 1)
    xhat = centred * r  # (5, 3, 28)
    dgamma = (dout * xhat.reshape(x.shape)).sum(dim=(0, 2))  # (12,)
    dbeta = dout.sum(dim=(0, 2))  # (12,)
    dy = dout * gamma.unsqueeze(1)  # (5, 12, 7)
    dxhat = dy.reshape(xg.shape)  # (5, 3, 28)
    m = dxhat.mean(dim=2, keepdim=True)  # (5, 3, 1)
    c = (dxhat * xhat).mean(dim=2, keepdim=True)  # (5, 3, 1)
    dx = (r * (dxhat - m - xhat * c)).reshape(x.shape)  # (5, 12, 7)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    N = len(x)",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, gamma, dout = x.float(), gamma.float(), dout.float()\n"
                        "    N = len(x)"
                    ),
                ),
                (
                    '    return {"x": dx, "gamma": dgamma, "beta": dbeta}',
                    (
                        '    grads = {"x": dx, "gamma": dgamma, "beta": dbeta}\n'
                        "    return {name: g.to(dtype) for name, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "def backward(",
                    (
                        "def array(t: Tensor) -> np.ndarray:\n"
                        "    return (t.float() if t.element_size() == 2 else t).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    N = len(x)",
                    (
                        "    dtype = x.dtype\n"
                        "    x, gamma, dout = array(x), array(gamma), array(dout)\n"
                        "    N = len(x)"
                    ),
                ),
                ("xg.mean(dim=2, keepdim=True)", "xg.mean(axis=2, keepdims=True)"),
                (
                    "centred.square().mean(dim=2, keepdim=True)",
                    "np.square(centred).mean(axis=2, keepdims=True)",
                ),
                ("torch.rsqrt(var + EPS)", "1 / np.sqrt(var + EPS)"),
                (
                    "(dout * xhat.reshape(x.shape)).sum(dim=",
                    "(dout * xhat.reshape(x.shape)).sum(axis=",
                ),
                ("dout.sum(dim=", "dout.sum(axis="),
                ("gamma.unsqueeze(1)", "gamma[:, np.newaxis]"),
                ("dxhat.mean(dim=2, keepdim=True)", "dxhat.mean(axis=2, keepdims=True)"),
                (
                    "(dxhat * xhat).mean(dim=2, keepdim=True)",
                    "(dxhat * xhat).mean(axis=2, keepdims=True)",
                ),
                (
                    '    return {"x": dx, "gamma": dgamma, "beta": dbeta}',
                    (
                        '    grads = {"x": dx, "gamma": dgamma, "beta": dbeta}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "sums for means, divided once",
            (
                ("dxhat.mean(dim=2, keepdim=True)", "dxhat.sum(dim=2, keepdim=True)"),
                (
                    "(dxhat * xhat).mean(dim=2, keepdim=True)",
                    "(dxhat * xhat).sum(dim=2, keepdim=True)",
                ),
                ("r * (dxhat - m - xhat * c)", "r * (dxhat - (m + xhat * c) / xg.shape[2])"),
            ),
        ),
        Edit(
            "channels first, then the group, in four axes",
            (
                (
                    "dxhat.mean(dim=2, keepdim=True)",
                    "dxhat.unflatten(2, (4, 7)).mean(dim=3).mean(dim=2).unsqueeze(-1)",
                ),
                (
                    "(dxhat * xhat).mean(dim=2, keepdim=True)",
                    "(dxhat * xhat).unflatten(2, (4, 7)).mean(dim=3).mean(dim=2).unsqueeze(-1)",
                ),
                (
                    ".sum(dim=(0, 2))  # (12,)\n    dbeta = dout.sum(dim=(0, 2))",
                    ".sum(dim=2).sum(dim=0)  # (12,)\n    dbeta = dout.sum(dim=2).sum(dim=0)",
                ),
            ),
        ),
        Edit(
            "through the gradients of variance and mean",
            (
                (
                    (
                        "    m = dxhat.mean(dim=2, keepdim=True)  # (5, 3, 1)\n"
                        "    c = (dxhat * xhat).mean(dim=2, keepdim=True)  # (5, 3, 1)\n"
                        "    dx = (r * (dxhat - m - xhat * c)).reshape(x.shape)  # (5, 12, 7)\n"
                    ),
                    (
                        "    n = xg.shape[2]  # 28\n"
                        "    dvar = -0.5 * (dxhat * centred).sum(dim=2, keepdim=True) * r * r * r\n"
                        "    dmu = -(dxhat * r).sum(dim=2, keepdim=True)  # (5, 3, 1)\n"
                        "    dxg = dxhat * r + 2 * centred * dvar / n + dmu / n  # (5, 3, 28)\n"
                        "    dx = dxg.reshape(x.shape)  # (5, 12, 7)\n"
                    ),
                ),
            ),
        ),
        Edit(
            "gamma and beta by a loop over the batch, last first; einsum",
            (
                (
                    (
                        "    dgamma = (dout * xhat.reshape(x.shape)).sum(dim=(0, 2))  # (12,)\n"
                        "    dbeta = dout.sum(dim=(0, 2))  # (12,)\n"
                    ),
                    (
                        "    dgamma, dbeta = torch.zeros_like(gamma), torch.zeros_like(beta)\n"
                        "    for i in reversed(range(N)):\n"
                        "        rows = xhat[i].reshape(x.shape[1:])  # (12, 7)\n"
                        '        dgamma += torch.einsum("cl,cl->c", dout[i], rows)\n'
                        "        dbeta += dout[i].sum(dim=1)\n"
                    ),
                ),
            ),
        ),
    ),
    mistakes=(
        Edit("mean term left out", (("dxhat - m - xhat * c", "dxhat - xhat * c"),), "missing"),
        Edit("projection term left out", (("dxhat - m - xhat * c", "dxhat - m"),), "missing"),
        Edit("statistics taken as constants", (("dxhat - m - xhat * c", "dxhat"),), "missing"),
        Edit(
            "gamma multiplied after the norm's gradient",
            (
                ("dout * gamma.unsqueeze(1)", "dout"),
                ("xhat * c)).reshape(x.shape)", "xhat * c)).reshape(x.shape) * gamma.unsqueeze(1)"),
            ),
            "operation",
        ),
        Edit(
            "x centred but not scaled in the projection",
            (("- xhat * c", "- centred * c"),),
            "operation",
        ),
        Edit(
            "groups of every third channel",
            (
                (
                    "dxhat = dy.reshape(xg.shape)",
                    "dxhat = dy.unflatten(1, (4, 3)).transpose(1, 2).reshape(xg.shape)",
                ),
            ),
            "operation",
        ),
        Edit(
            "instance norm's mean term",
            (
                (
                    "dxhat.mean(dim=2, keepdim=True)",
                    "dy.mean(dim=2, keepdim=True).expand(x.shape).reshape(xg.shape)",
                ),
            ),
            "other sum",
        ),
        Edit(
            "layer norm's mean term",
            (("dxhat.mean(dim=2, keepdim=True)", "dxhat.mean(dim=(1, 2), keepdim=True)"),),
            "other sum",
        ),
        Edit(
            "variance over n - 1",
            (
                (
                    "centred.square().mean(dim=2, keepdim=True)",
                    "centred.square().sum(dim=2, keepdim=True) / (xg.shape[2] - 1)",
                ),
            ),
            "constant",
        ),
        Edit("eps of 1e-3", (("EPS = 1e-5", "EPS = 1e-3"),), "constant"),
        Edit(
            "dgamma without the norm",
            (("(dout * xhat.reshape(x.shape))", "(dout * x)"),),
            "operation",
        ),
        Edit(
            "dbeta averaged over the positions",
            (("dbeta = dout.sum(dim=(0, 2))", "dbeta = dout.mean(dim=2).sum(dim=0)"),),
            "factor",
        ),
        Edit(
            "dgamma of the groups reversed",
            (
                (
                    "    return {",
                    "    dgamma = dgamma.unflatten(0, (3, 4)).flip(0).flatten()\n    return {",
                ),
            ),
            "transposed",
        ),
        Edit(
            "last group of dx left zero",
            (("    return {", "    dx[:, -4:] = 0\n    return {"),),
            "confined",
        ),
        Edit(
            "normalised in float16",
            (("xhat = centred * r", "xhat = (centred.half() * r.half()).to(x.dtype)"),),
            "precision",
        ),
    ),
)
