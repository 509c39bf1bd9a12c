"""A soft mixture of experts."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="mixture_of_experts",
    tensors={
        "x": {"shape": [7, 6], "draw": "randn", "requires_grad": True},
        "G": {"shape": [4, 6], "draw": "randn", "requires_grad": True},
        "E": {"shape": [4, 6, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "b": {"shape": [4, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
    },
    forward='''\
"""The sum over the experts of softmax(G x)_e softplus(E_e x + b_e)."""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def forward(x: Tensor, G: Tensor, E: Tensor, b: Tensor) -> Tensor:
    p = torch.softmax(x @ G.T, dim=1)  # (7, 4)
    h = softplus(torch.einsum("ni,eoi->neo", x, E) + b)  # (7, 4, 6)
    return torch.einsum("ne,neo->no", p, h)  # (7, 6)
''',
    backward='''\
"""The gradient of forward.py: x goes to the experts and to the gate."""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def backward(x: Tensor, G: Tensor, E: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
    p = torch.softmax(x @ G.T, dim=1)  # (7, 4)
    a = torch.einsum("ni,eoi->neo", x, E) + b  # (7, 4, 6)
    h = softplus(a)  # (7, 4, 6)
    dp = torch.einsum("no,neo->ne", dout, h)  # (7, 4)
    dh = p[:, :, None] * dout[:, None, :]  # (7, 4, 6)
    da = dh * torch.sigmoid(a)  # (7, 4, 6)
    dE = torch.einsum("neo,ni->eoi", da, x)  # (4, 6, 6)
    db = da.sum(dim=0)  # (4, 6)
    dlogits = p * (dp - (p * dp).sum(dim=1, keepdim=True))  # (7, 4)
    dG = dlogits.T @ x  # (4, 6)
    dx = torch.einsum("neo,eoi->ni", da, E) + dlogits @ G  # (7, 6)
    return {"x": dx, "G": dG, "E": dE, "b": db}
''',
    variants=(
        Edit(
            "experts one by one",
            (
                (
                    'torch.einsum("neo,ni->eoi", da, x)',
                    "torch.stack([d.T @ x for d in da.unbind(1)])",
                ),
                (
                    'torch.einsum("neo,eoi->ni", da, E)',
                    "sum(da[:, e] @ E[e] for e in range(len(E)))",
                ),
            ),
        ),
        Edit(
            "softmax's centre by the output",
            (
                (
                    "(p * dp).sum(dim=1, keepdim=True)",
                    '(dout * torch.einsum("ne,neo->no", p, h)).sum(dim=1, keepdim=True)',
                ),
            ),
        ),
        Edit("softplus's slope from its value", (("torch.sigmoid(a)", "(1 - torch.exp(-h))"),)),
    ),
    mistakes=(
        Edit("path through the gate forgotten", ((" + dlogits @ G", ""),), "missing"),
        Edit(
            "path through the experts forgotten",
            (('torch.einsum("neo,eoi->ni", da, E) + dlogits @ G', "dlogits @ G"),),
            "missing",
        ),
        Edit(
            "softmax's centre left out",
            (("p * (dp - (p * dp).sum(dim=1, keepdim=True))", "p * dp"),),
            "missing",
        ),
        Edit("probabilities left out of the centre", (("(p * dp).sum", "dp.sum"),), "missing"),
        Edit("centre over the batch", (("(p * dp).sum(dim=1", "(p * dp).sum(dim=0"),), "other sum"),
        Edit(
            "sign of the gate's gradient",
            (
                (
                    "(dp - (p * dp).sum(dim=1, keepdim=True))",
                    "((p * dp).sum(dim=1, keepdim=True) - dp)",
                ),
            ),
            "factor|operation",
        ),
        Edit(
            "gate's probabilities left out of the experts",
            (("p[:, :, None] * dout[:, None, :]", "dout[:, None, :]"),),
            "missing",
        ),
        Edit("softplus's slope left out", (("da = dh * torch.sigmoid(a)", "da = dh"),), "missing"),
        Edit(
            "softplus's slope of its value",
            (("torch.sigmoid(a)", "torch.sigmoid(h)"),),
            "operation",
        ),
        Edit(
            "sigmoid's own slope",
            (("dh * torch.sigmoid(a)", "dh * torch.sigmoid(a) * (1 - torch.sigmoid(a))"),),
            "operation",
        ),
        Edit("experts transposed in dx", (('"neo,eoi->ni"', '"neo,eio->ni"'),), "transposed"),
        Edit("dE transposed", (('"neo,ni->eoi"', '"neo,ni->eio"'),), "transposed"),
        Edit(
            "before softplus in dp",
            (('"no,neo->ne", dout, h', '"no,neo->ne", dout, a'),),
            "operation|missing",
        ),
        Edit("db averaged over the batch", (("da.sum(dim=0)", "da.mean(dim=0)"),), "factor"),
        Edit("gate detached", (('"G": dG', '"G": torch.zeros_like(G)'),), "zero"),
        Edit(
            "gate in bfloat16",
            (
                (
                    "torch.softmax(x @ G.T, dim=1)",
                    "torch.softmax((x @ G.T).bfloat16(), dim=1).to(x.dtype)",
                ),
            ),
            "precision",
        ),
    ),
)
