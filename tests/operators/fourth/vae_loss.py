"""The loss of a variational autoencoder with a linear decoder."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="vae_loss",
    tensors={
        "mu": {"shape": [8, 6], "draw": "randn", "requires_grad": True},
        "logvar": {"shape": [8, 6], "draw": "randn", "requires_grad": True},
        "W": {"shape": [10, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "b": {"shape": [10], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "noise": {"shape": [8, 6], "draw": "randn"},
        "target": {"shape": [8, 10], "draw": "randn"},
    },
    forward='''\
"""The mean over the batch of |decoded - target|^2 / 2 + BETA KL(N(mu, var), N(0, 1))."""

import torch
from torch import Tensor
from torch.nn.functional import linear

BETA = 0.4


def forward(
    mu: Tensor, logvar: Tensor, W: Tensor, b: Tensor, noise: Tensor, target: Tensor
) -> Tensor:
    z = mu + noise * torch.exp(0.5 * logvar)  # (8, 6)
    y = linear(z, W, b)  # (8, 10)
    error = 0.5 * (y - target).square().sum(dim=1)  # (8,)
    kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1)  # (8,)
    return (error + BETA * kl).mean()
''',
    backward='''\
"""The gradient of forward.py: mu and logvar each get one from the error and one from the KL."""

import torch
from torch import Tensor
from torch.nn.functional import linear

BETA = 0.4


def backward(
    mu: Tensor, logvar: Tensor, W: Tensor, b: Tensor, noise: Tensor, target: Tensor
) -> dict[str, Tensor]:
    n = len(mu)  # 8
    std = torch.exp(0.5 * logvar)  # (8, 6)
    z = mu + noise * std  # (8, 6)
    y = linear(z, W, b)  # (8, 10)
    dy = (y - target) / n  # (8, 10)
    dW = dy.T @ z  # (10, 6)
    db = dy.sum(dim=0)  # (10,)
    dz = dy @ W  # (8, 6)
    dstd = dz * noise  # (8, 6)
    dmu = dz + BETA * mu / n  # (8, 6)
    dlogvar = 0.5 * std * dstd + BETA * 0.5 * (logvar.exp() - 1) / n  # (8, 6)
    return {"mu": dmu, "logvar": dlogvar, "W": dW, "b": db}
''',
    variants=(
        Edit("deviation for noise times std", (("0.5 * std * dstd", "0.5 * dz * (z - mu)"),)),
        Edit("variance by the square", (("(logvar.exp() - 1)", "(std * std - 1)"),)),
        Edit(
            "batch divided by at the end",
            (
                ("dy = (y - target) / n", "dy = y - target"),
                ("dW = dy.T @ z", "dW = dy.T @ z / n"),
                ("db = dy.sum(dim=0)", "db = dy.mean(dim=0)"),
                ("dz = dy @ W", "dz = dy @ W / n"),
            ),
        ),
    ),
    mistakes=(
        Edit("KL left out of dmu", (("dmu = dz + BETA * mu / n", "dmu = dz"),), "missing"),
        Edit("error left out of dlogvar", (("0.5 * std * dstd + BETA", "BETA"),), "missing"),
        Edit(
            "KL left out of dlogvar", ((" + BETA * 0.5 * (logvar.exp() - 1) / n", ""),), "missing"
        ),
        Edit(
            "half of the exponent left out", (("0.5 * std * dstd", "std * dstd"),), "missing|factor"
        ),
        Edit("std for the variance in the KL", (("(logvar.exp() - 1)", "(std - 1)"),), "operation"),
        Edit("one left out of the KL", (("(logvar.exp() - 1)", "logvar.exp()"),), "missing"),
        Edit(
            "sign of the KL in dlogvar",
            (("(logvar.exp() - 1)", "(1 - logvar.exp())"),),
            "factor|operation",
        ),
        Edit("beta of 1", (("BETA = 0.4", "BETA = 1.0"),), "constant"),
        Edit("beta left out of dmu", (("BETA * mu / n", "mu / n"),), "missing|constant"),
        Edit("KL in dmu not averaged", (("BETA * mu / n", "BETA * mu"),), "missing|factor"),
        Edit("error not averaged", (("(y - target) / n", "(y - target)"),), "factor|missing"),
        Edit("mean for the sample in dW", (("dy.T @ z", "dy.T @ mu"),), "operation|missing"),
        Edit("noise left out of dstd", (("dstd = dz * noise", "dstd = dz"),), "missing"),
        Edit(
            "exponential left out of dstd's chain", (("0.5 * std * dstd", "0.5 * dstd"),), "missing"
        ),
        Edit(
            "logvar taken for the log of std",
            (("torch.exp(0.5 * logvar)", "torch.exp(logvar)"),),
            "missing|operation|constant",
        ),
        Edit(
            "std in float16",
            (("torch.exp(0.5 * logvar)", "torch.exp(0.5 * logvar.half()).to(mu.dtype)"),),
            "precision",
        ),
    ),
)
