"""Instance normalisation with a parametric ReLU after it."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="instance_norm",
    tensors={
        "x": {"shape": [5, 5, 8], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [5], "draw": "randn", "requires_grad": True},
        "beta": {"shape": [5], "draw": "randn", "requires_grad": True},
        "slope": {"shape": [5], "draw": "uniform", "low": 0.1, "high": 0.4, "requires_grad": True},
    },
    forward='''\
"""Each channel of each example normalised along its length, then a PReLU with a slope a channel."""

import torch
from torch import Tensor
from torch.nn.functional import instance_norm

EPS = 1e-3


def forward(x: Tensor, gamma: Tensor, beta: Tensor, slope: Tensor) -> Tensor:
    y = instance_norm(x, weight=gamma, bias=beta, eps=EPS)  # (5, 5, 8)
    return torch.where(y > 0, y, slope[:, None] * y)  # (5, 5, 8)
''',
    backward='''\
"""The gradient of forward.py: the mean and the variance step by step."""

import torch
from torch import Tensor

EPS = 1e-3


def backward(
    x: Tensor, gamma: Tensor, beta: Tensor, slope: Tensor, dout: Tensor
) -> dict[str, Tensor]:
    L = x.shape[2]  # 8
    centred = x - x.mean(dim=2, keepdim=True)  # (5, 5, 8)
    var = centred.square().mean(dim=2, keepdim=True)  # (5, 5, 1)
    r = 1 / torch.sqrt(var + EPS)  # (5, 5, 1)
    xhat = centred * r  # (5, 5, 8)
    y = gamma[:, None] * xhat + beta[:, None]  # (5, 5, 8)
    below = y <= 0  # (5, 5, 8)
    dslope = (dout * y * below).sum(dim=(0, 2))  # (5,)
    dy = torch.where(below, slope[:, None] * dout, dout)  # (5, 5, 8)
    dgamma = (dy * xhat).sum(dim=(0, 2))  # (5,)
    dbeta = dy.sum(dim=(0, 2))  # (5,)
    dxhat = gamma[:, None] * dy  # (5, 5, 8)
    dvar = -0.5 * r**3 * (dxhat * centred).sum(dim=2, keepdim=True)  # (5, 5, 1)
    dmean = -r * dxhat.sum(dim=2, keepdim=True)  # (5, 5, 1)
    dx = r * dxhat + 2 * centred * dvar / L + dmean / L  # (5, 5, 8)
    return {"x": dx, "gamma": dgamma, "beta": dbeta, "slope": dslope}
''',
    variants=(
        Edit(
            "means in place of sums",
            (
                (
                    (
                        "    dvar = -0.5 * r**3 * (dxhat * centred).sum(dim=2, keepdim=True)"
                        "  # (5, 5, 1)\n"
                        "    dmean = -r * dxhat.sum(dim=2, keepdim=True)  # (5, 5, 1)\n"
                    ),
                    "    m = dxhat.mean(dim=2, keepdim=True)  # (5, 5, 1)\n",
                ),
                (
                    "r * dxhat + 2 * centred * dvar / L + dmean / L",
                    "r * (dxhat - m - xhat * (dxhat * xhat).mean(dim=2, keepdim=True))",
                ),
            ),
        ),
        Edit(
            "slopes as a factor",
            (
                (
                    "torch.where(below, slope[:, None] * dout, dout)",
                    "dout * torch.where(below, slope[:, None], torch.ones_like(y))",
                ),
            ),
        ),
        Edit(
            "variance and root by torch",
            (
                (
                    "centred.square().mean(dim=2, keepdim=True)",
                    "x.var(dim=2, correction=0, keepdim=True)",
                ),
                ("1 / torch.sqrt(var + EPS)", "torch.rsqrt(var + EPS)"),
            ),
        ),
    ),
    mistakes=(
        Edit("variance taken for a constant", ((" + 2 * centred * dvar / L", ""),), "missing"),
        Edit("mean taken for a constant", ((" + dmean / L", ""),), "missing"),
        Edit(
            "unbiased variance",
            (("centred.square().mean(dim=2, keepdim=True)", "x.var(dim=2, keepdim=True)"),),
            "constant|factor|operation",
        ),
        Edit(
            "eps outside the root",
            (("1 / torch.sqrt(var + EPS)", "1 / (torch.sqrt(var) + EPS)"),),
            "constant",
        ),
        Edit("eps of 1e-5", (("EPS = 1e-3", "EPS = 1e-5"),), "constant"),
        Edit("square for the cube in dvar", (("r**3", "r**2"),), "operation|missing"),
        Edit(
            "square's two left out", (("2 * centred * dvar", "centred * dvar"),), "missing|factor"
        ),
        Edit("sign of dvar", (("-0.5 * r**3", "0.5 * r**3"),), "factor|operation"),
        Edit("length not divided by in the mean", (("dmean / L", "dmean"),), "missing|factor"),
        Edit(
            "plain ReLU on the way back",
            (("torch.where(below, slope[:, None] * dout, dout)", "torch.where(below, 0.0, dout)"),),
            "missing",
        ),
        Edit("slope of every position", (("(dout * y * below)", "(dout * y)"),), "missing"),
        Edit(
            "slope of the normalised input",
            (("(dout * y * below)", "(dout * xhat * below)"),),
            "operation|missing",
        ),
        Edit(
            "dgamma summed over the channels",
            (("(dy * xhat).sum(dim=(0, 2))", "(dy * xhat).sum(dim=(1, 2))"),),
            "other sum",
        ),
        Edit(
            "dgamma of the output's gradient",
            (("(dy * xhat)", "(dout * xhat)"),),
            "missing|operation",
        ),
        Edit(
            "slope along the batch",
            (("slope[:, None] * dout", "slope[:, None, None] * dout"),),
            "transposed",
        ),
        Edit(
            "float32 hard-coded for the root",
            (("1 / torch.sqrt(var + EPS)", "1 / torch.sqrt(var.float() + EPS).to(x.dtype)"),),
            "precision",
        ),
    ),
)
