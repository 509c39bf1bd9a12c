"""Bilinear layer with bias."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="bilinear",
    tensors={
        "x1": {"shape": [3, 8, 5], "draw": "randn", "requires_grad": True},
        "x2": {"shape": [3, 8, 7], "draw": "randn", "requires_grad": True},
        "W": {"shape": [6, 5, 7], "draw": "linear_default", "fan_in": 5, "requires_grad": True},
        "b": {"shape": [6], "draw": "linear_default", "fan_in": 5, "requires_grad": True},
    },
    forward='''\
"""Bilinear layer: y_o = sum_ij x1_i W_oij x2_j + b_o."""

from torch import Tensor
from torch.nn.functional import bilinear


def forward(x1: Tensor, x2: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return bilinear(x1, x2, W, b)  # (3, 8, 6)
''',
    backward='''\
"""The gradient of forward.py: each factor's is the cotangent times the two others."""

import torch
from torch import Tensor


def backward(x1: Tensor, x2: Tensor, W: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
    r1 = x1.flatten(0, 1)  # (24, 5)
    r2 = x2.flatten(0, 1)  # (24, 7)
    g = dout.flatten(0, 1)  # (24, 6)
    gW = torch.einsum("no,oij->nij", g, W)  # (24, 5, 7)
    d1 = torch.einsum("nij,nj->ni", gW, r2)  # (24, 5)
    d2 = torch.einsum("nij,ni->nj", gW, r1)  # (24, 7)
    outer = r1.unsqueeze(2) * r2.unsqueeze(1)  # (24, 5, 7)
    dW = torch.einsum("no,nij->oij", g, outer)  # (6, 5, 7)
    db = g.sum(dim=0)  # (6,)
    dx1, dx2 = d1.view(x1.shape), d2.view(x2.shape)  # (3, 8, 5), (3, 8, 7)
    return {"x1": dx1, "x2": dx2, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    r1 = x1",
                    (
                        "    dtype = x1.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x1, x2, W, dout = (a.float() for a in (x1, x2, W, dout))\n"
                        "    r1 = x1"
                    ),
                ),
                (
                    '    return {"x1": dx1, "x2": dx2, "W": dW, "b": db}',
                    (
                        '    grads = {"x1": dx1, "x2": dx2, "W": dW, "b": db}\n'
                        "    return {name: a.to(dtype) for name, a in grads.items()}"
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
                ("r1 = x1.flatten(0, 1)", "r1 = array(x1).reshape(-1, 5)"),
                ("r2 = x2.flatten(0, 1)", "r2 = array(x2).reshape(-1, 7)"),
                ("g = dout.flatten(0, 1)", "g = array(dout).reshape(-1, 6)"),
                ('torch.einsum("no,oij->nij", g, W)', "np.tensordot(g, array(W), axes=1)"),
                ('torch.einsum("nij,nj->ni", gW, r2)', "(gW @ r2[:, :, np.newaxis])[:, :, 0]"),
                ('torch.einsum("nij,ni->nj", gW, r1)', "(r1[:, np.newaxis] @ gW)[:, 0]"),
                ("r1.unsqueeze(2) * r2.unsqueeze(1)", "r1[:, :, np.newaxis] * r2[:, np.newaxis]"),
                ('torch.einsum("no,nij->oij", g, outer)', "np.tensordot(g.T, outer, axes=1)"),
                ("g.sum(dim=0)", "g.sum(axis=0)"),
                ("d1.view(x1.shape), d2.view", "d1.reshape(x1.shape), d2.reshape"),
                (
                    '    return {"x1": dx1, "x2": dx2, "W": dW, "b": db}',
                    (
                        '    grads = {"x1": dx1, "x2": dx2, "W": dW, "b": db}\n'
                        "    return {n: torch.from_numpy(a).to(x1.dtype) for n, a in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "matmul for einsum",
            (
                (
                    'torch.einsum("no,oij->nij", g, W)',
                    "torch.matmul(g, W.flatten(1)).unflatten(1, (5, 7))",
                ),
                ('torch.einsum("nij,nj->ni", gW, r2)', "(gW @ r2.unsqueeze(2)).squeeze(2)"),
                ('torch.einsum("nij,ni->nj", gW, r1)', "(r1.unsqueeze(1) @ gW).squeeze(1)"),
                ('torch.einsum("no,nij->oij", g, outer)', "(g.T @ outer.flatten(1)).view(W.shape)"),
            ),
        ),
        Edit(
            "dW: cotangent times x1 first",
            (
                (
                    "    outer = r1.unsqueeze(2) * r2.unsqueeze(1)  # (24, 5, 7)\n",
                    "    outer = g.unsqueeze(2) * r1.unsqueeze(1)  # (24, 6, 5)\n",
                ),
                ('"no,nij->oij", g, outer', '"noi,nj->oij", outer, r2'),
            ),
        ),
        Edit(
            "inputs: W times the other input first",
            (
                (
                    (
                        '    gW = torch.einsum("no,oij->nij", g, W)  # (24, 5, 7)\n'
                        '    d1 = torch.einsum("nij,nj->ni", gW, r2)  # (24, 5)\n'
                        '    d2 = torch.einsum("nij,ni->nj", gW, r1)  # (24, 7)\n'
                    ),
                    (
                        '    W2 = torch.einsum("oij,nj->noi", W, r2)  # (24, 6, 5)\n'
                        '    W1 = torch.einsum("oij,ni->noj", W, r1)  # (24, 6, 7)\n'
                        '    d1 = torch.einsum("no,noi->ni", g, W2)  # (24, 5)\n'
                        '    d2 = torch.einsum("no,noj->nj", g, W1)  # (24, 7)\n'
                    ),
                ),
            ),
        ),
        Edit(
            "output by output, the batch reversed",
            (
                (
                    '    dW = torch.einsum("no,nij->oij", g, outer)  # (6, 5, 7)\n',
                    (
                        "    dW = torch.zeros_like(W)  # (6, 5, 7)\n"
                        "    for o in range(len(W)):\n"
                        "        dW[o] = (g[:, o, None, None] * outer).flip(0).sum(dim=0)\n"
                    ),
                ),
                ("g.sum(dim=0)", "g.flip(0).sum(dim=0)"),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "half of x1's gradient, as of a square",
            (('"x1": dx1', '"x1": dx1 / 2'),),
            "factor",
        ),
        Edit("dW averaged over the rows", (("g, outer)", "g, outer) / len(g)"),), "factor"),
        Edit(
            "db averaged over the second batch axis",
            (("g.sum(dim=0)", "dout.mean(dim=1).sum(dim=0)"),),
            "factor",
        ),
        Edit(
            "cotangent left out of dW",
            (('"no,nij->oij", g, outer', '"no,nij->oij", torch.ones_like(g), outer'),),
            "missing",
        ),
        Edit(
            "x2 left out of x1's gradient",
            (('torch.einsum("nij,nj->ni", gW, r2)', "gW.sum(dim=2)"),),
            "missing",
        ),
        Edit(
            "cotangent summed over the outputs first",
            (('"no,oij->nij", g, W', '"np,oij->nij", g, W'),),
            "other sum",
        ),
        Edit(
            "cotangent summed over the outputs in dW",
            (('"no,nij->oij", g, outer)', '"np,nij->ij", g, outer).expand(W.shape).clone()'),),
            "other sum",
        ),
        Edit(
            "dW with the axes of its matrices swapped",
            (('"no,nij->oij", g, outer)', '"no,nij->oji", g, outer).reshape(W.shape)'),),
            "transposed",
        ),
        Edit(
            "rows of x2 off by one in dW",
            (("r2.unsqueeze(1)", "r2.roll(1, dims=0).unsqueeze(1)"),),
            "shifted",
        ),
        Edit(
            "batch axes in the other order in x2's gradient",
            (
                (
                    "d2.view(x2.shape)  # (3, 8, 5), (3, 8, 7)",
                    "d2.view(8, 3, 7).transpose(0, 1).contiguous()",
                ),
            ),
            "transposed",
        ),
        Edit(
            "last output left out of the inputs' gradients",
            (('"no,oij->nij", g, W', '"no,oij->nij", g[:, :-1], W[:-1]'),),
            "missing|confined",
        ),
        Edit(
            "last matrix of dW left zero",
            (("    return {", "    dW[-1] = 0\n    return {"),),
            "confined",
        ),
        Edit(
            "x2 treated as a constant",
            (('"x2": dx2', '"x2": torch.zeros_like(x2)'),),
            "zero",
        ),
        Edit(
            "W accumulated between calls",
            (
                ("import Tensor\n", "import Tensor\n\nTOTALS: dict[torch.dtype, Tensor] = {}\n"),
                (
                    "    return {",
                    "    dW = TOTALS[W.dtype] = TOTALS.get(W.dtype, 0) + dW\n    return {",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "outer products in bfloat16",
            (
                (
                    "r1.unsqueeze(2) * r2.unsqueeze(1)",
                    "(r1.unsqueeze(2) * r2.unsqueeze(1)).bfloat16().to(r1.dtype)",
                ),
            ),
            "precision",
        ),
    ),
)
