"""RMS norm with a learned gain."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="rms_norm",
    tensors={
        "x": {"shape": [3, 5, 48], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [48], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""RMS norm over the last axis: y = gamma x / sqrt(mean(x^2) + eps)."""

from torch import Tensor
from torch.nn.functional import rms_norm

EPS = 1e-5


def forward(x: Tensor, gamma: Tensor) -> Tensor:
    return rms_norm(x, (48,), gamma, EPS)  # (3, 5, 48)
''',
    backward='''\
"""The gradient of forward.py, with xhat = x / sqrt(mean(x^2) + eps)."""

import torch
from torch import Tensor

EPS = 1e-5


def backward(x: Tensor, gamma: Tensor, dout: Tensor) -> dict[str, Tensor]:
    ms = x.square().mean(dim=-1, keepdim=True)  # (3, 5, 1)
    r = torch.rsqrt(ms + EPS)  # (3, 5, 1)
    xhat = x * r  # (3, 5, 48)
    dxhat = dout * gamma  # (3, 5, 48)
    c = (dxhat * xhat).mean(dim=-1, keepdim=True)  # (3, 5, 1)
    dx = r * (dxhat - xhat * c)  # (3, 5, 48)
    dgamma = (dout * xhat).sum(dim=(0, 1))  # (48,)
    return {"x": dx, "gamma": dgamma}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    ms = x",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, gamma, dout = x.float(), gamma.float(), dout.float()\n"
                        "    ms = x"
                    ),
                ),
                ('{"x": dx, "gamma": dgamma}', '{"x": dx.to(dtype), "gamma": dgamma.to(dtype)}'),
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
                    "    ms = x.square().mean(dim=-1, keepdim=True)",
                    (
                        "    dtype = x.dtype\n"
                        "    x, gamma, dout = array(x), array(gamma), array(dout)\n"
                        "    ms = np.square(x).mean(axis=-1, keepdims=True)"
                    ),
                ),
                ("torch.rsqrt(ms + EPS)", "1 / np.sqrt(ms + EPS)"),
                (
                    "(dxhat * xhat).mean(dim=-1, keepdim=True)",
                    "(dxhat * xhat).mean(axis=-1, keepdims=True)",
                ),
                ("sum(dim=(0, 1))", "sum(axis=(0, 1))"),
                (
                    '{"x": dx, "gamma": dgamma}',
                    (
                        "{\n"
                        '        "x": torch.from_numpy(dx).to(dtype),\n'
                        '        "gamma": torch.from_numpy(dgamma).to(dtype),\n'
                        "    }"
                    ),
                ),
            ),
        ),
        Edit(
            "gradient of gamma by a loop over the sequences, last first",
            (
                (
                    "    dgamma = (dout * xhat).sum(dim=(0, 1))  # (48,)\n",
                    (
                        "    terms = (dout * xhat).sum(dim=1)  # (3, 48)\n"
                        "    dgamma = torch.zeros_like(gamma)  # (48,)\n"
                        "    for i in reversed(range(len(terms))):\n"
                        "        dgamma = dgamma + terms[i]\n"
                    ),
                ),
            ),
        ),
        Edit(
            "sums as einsum",
            (
                (
                    "x.square().mean(dim=-1, keepdim=True)",
                    'torch.einsum("btn,btn->bt", x, x).unsqueeze(-1) / x.shape[-1]',
                ),
                (
                    "(dxhat * xhat).mean(dim=-1, keepdim=True)",
                    'torch.einsum("btn,btn->bt", dxhat, xhat).unsqueeze(-1) / x.shape[-1]',
                ),
                ("(dout * xhat).sum(dim=(0, 1))", 'torch.einsum("btn,btn->n", dout, xhat)'),
            ),
        ),
        Edit(
            "without xhat: r dy - x r^3 mean(dy x)",
            (
                ("(dxhat * xhat).mean", "(dxhat * x).mean"),
                ("r * (dxhat - xhat * c)", "r * dxhat - x * (r * r * r * c)"),
            ),
        ),
        Edit(
            "means and sums in chunks",
            (
                (
                    "x.square().mean(dim=-1, keepdim=True)",
                    "x.square().unflatten(-1, (6, 8)).mean(dim=-1).mean(dim=-1, keepdim=True)",
                ),
                ("sum(dim=(0, 1))", "sum(dim=1).sum(dim=0)"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "projection term left out",
            (("r * (dxhat - xhat * c)", "r * dxhat"),),
            "missing",
        ),
        Edit(
            "projection term added",
            (("dxhat - xhat * c", "dxhat + xhat * c"),),
            "operation|factor",
        ),
        Edit(
            "sum for the mean in the projection",
            (("(dxhat * xhat).mean(", "(dxhat * xhat).sum("),),
            "operation|factor",
        ),
        Edit(
            "projection averaged over the tokens too",
            (("(dxhat * xhat).mean(dim=-1,", "(dxhat * xhat).mean(dim=(1, 2),"),),
            "other sum",
        ),
        Edit("gamma forgotten in dx", (("dout * gamma", "dout"),), "missing"),
        Edit(
            "gamma forgotten in the projection only",
            (("(dxhat * xhat).mean", "(dout * xhat).mean"),),
            "missing",
        ),
        Edit("x for xhat in the projection", (("- xhat * c", "- x * c"),), "operation"),
        Edit("x for xhat in dgamma", (("(dout * xhat)", "(dout * x)"),), "operation|missing"),
        Edit("outer 1/rms forgotten", (("r * (dxhat - xhat * c)", "dxhat - xhat * c"),), "missing"),
        Edit("eps of 1e-3", (("EPS = 1e-5", "EPS = 1e-3"),), "constant"),
        Edit(
            "eps outside the root",
            (("torch.rsqrt(ms + EPS)", "1 / (ms.sqrt() + EPS)"),),
            "constant",
        ),
        Edit("dgamma averaged over the rows", (("sum(dim=(0, 1))", "mean(dim=(0, 1))"),), "factor"),
        Edit(
            "tail block of dgamma left out",
            (("    return {", "    dgamma[32:] = 0\n    return {"),),
            "confined",
        ),
        Edit(
            "bfloat16 for the reciprocal root",
            (("torch.rsqrt(ms + EPS)", "torch.rsqrt(ms.bfloat16() + EPS).to(x.dtype)"),),
            "precision",
        ),
        Edit(
            "float32 hard-coded for xhat",
            (("xhat = x * r", "xhat = (x.float() * r.float()).to(x.dtype)"),),
            "precision",
        ),
    ),
)
