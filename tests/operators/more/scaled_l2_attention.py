"""Attention whose scores are the negative squared distances, scaled."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="scaled_l2_attention",
    tensors={
        "q": {"shape": [3, 5, 8], "draw": "randn", "requires_grad": True},
        "k": {"shape": [3, 7, 8], "draw": "randn", "requires_grad": True},
        "v": {"shape": [3, 7, 6], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""Attention by distance: softmax_j(-|q_i - k_j|^2 / sqrt(d)) v_j, no mask."""

import math

import torch
from torch import Tensor


def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    diff = q.unsqueeze(2) - k.unsqueeze(1)  # (3, 5, 7, 8)
    s = -diff.square().sum(dim=-1) / math.sqrt(q.shape[-1])  # (3, 5, 7)
    p = torch.softmax(s, dim=-1)  # (3, 5, 7)
    return p @ v  # (3, 5, 6)
''',
    backward='''\
"""The gradient of forward.py: ds = p (dp - sum p dp), ds_ij/dq_i = -2 (q_i - k_j) / sqrt(d)."""

import math

import torch
from torch import Tensor


def backward(q: Tensor, k: Tensor, v: Tensor, dout: Tensor) -> dict[str, Tensor]:
    root = math.sqrt(q.shape[-1])  # sqrt(8)
    diff = q.unsqueeze(2) - k.unsqueeze(1)  # (3, 5, 7, 8)
    s = -diff.square().sum(dim=-1) / root  # (3, 5, 7)
    p = torch.softmax(s, dim=-1)  # (3, 5, 7)
    dv = p.mT @ dout  # (3, 7, 6)
    dp = dout @ v.mT  # (3, 5, 7)
    ds = p * (dp - (p * dp).sum(dim=-1, keepdim=True))  # (3, 5, 7)
    ddiff = -2 * diff * ds.unsqueeze(-1) / root  # (3, 5, 7, 8)
    dq = ddiff.sum(dim=2)  # (3, 5, 8)
    dk = -ddiff.sum(dim=1)  # (3, 7, 8)
    return {"q": dq, "k": dk, "v": dv}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    root = ",
                    (
                        "    dtype = q.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        q, k, v, dout = q.float(), k.float(), v.float(), dout.float()\n"
                        "    root = "
                    ),
                ),
                (
                    '{"q": dq, "k": dk, "v": dv}',
                    '{"q": dq.to(dtype), "k": dk.to(dtype), "v": dv.to(dtype)}',
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
                    "    root = ",
                    (
                        "    dtype = q.dtype\n"
                        "    q, k, v, dout = array(q), array(k), array(v), array(dout)\n"
                        "    root = "
                    ),
                ),
                ("q.unsqueeze(2) - k.unsqueeze(1)", "q[:, :, np.newaxis] - k[:, np.newaxis]"),
                ("diff.square().sum(dim=-1)", "np.square(diff).sum(axis=-1)"),
                (
                    "    p = torch.softmax(s, dim=-1)  # (3, 5, 7)\n",
                    (
                        "    e = np.exp(s - s.max(axis=-1, keepdims=True))  # (3, 5, 7)\n"
                        "    p = e / e.sum(axis=-1, keepdims=True)  # (3, 5, 7)\n"
                    ),
                ),
                ("p.mT", "p.swapaxes(1, 2)"),
                ("v.mT", "v.swapaxes(1, 2)"),
                ("(p * dp).sum(dim=-1, keepdim=True)", "(p * dp).sum(axis=-1, keepdims=True)"),
                ("ds.unsqueeze(-1)", "ds[..., np.newaxis]"),
                ("sum(dim=2)", "sum(axis=2)"),
                ("sum(dim=1)", "sum(axis=1)"),
                (
                    '    return {"q": dq, "k": dk, "v": dv}',
                    (
                        '    grads = {"q": dq, "k": dk, "v": dv}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "matmul: the rows of ds sum to zero, so that q drops out of dq",
            (
                ("    ddiff = -2 * diff * ds.unsqueeze(-1) / root  # (3, 5, 7, 8)\n", ""),
                ("ddiff.sum(dim=2)", "2 * (ds @ k) / root"),
                (
                    "-ddiff.sum(dim=1)",
                    "2 * (ds.mT @ q - ds.sum(dim=1).unsqueeze(-1) * k) / root",
                ),
            ),
        ),
        Edit(
            "einsum over the differences",
            (
                ("    ddiff = -2 * diff * ds.unsqueeze(-1) / root  # (3, 5, 7, 8)\n", ""),
                ("ddiff.sum(dim=2)", '-2 * torch.einsum("bij,bijd->bid", ds, diff) / root'),
                ("-ddiff.sum(dim=1)", '2 * torch.einsum("bij,bijd->bjd", ds, diff) / root'),
            ),
        ),
        Edit(
            "projection by the output, as in flash attention",
            (
                (
                    "(p * dp).sum(dim=-1, keepdim=True)",
                    "((p @ v) * dout).sum(dim=-1, keepdim=True)",
                ),
            ),
        ),
        Edit(
            "query by query, last first",
            (
                (
                    (
                        "    dq = ddiff.sum(dim=2)  # (3, 5, 8)\n"
                        "    dk = -ddiff.sum(dim=1)  # (3, 7, 8)\n"
                    ),
                    (
                        "    dq, dk = torch.zeros_like(q), torch.zeros_like(k)\n"
                        "    for i in reversed(range(q.shape[1])):\n"
                        "        dq[:, i] = ddiff[:, i].flip(1).sum(dim=1)\n"
                        "        dk -= ddiff[:, i]\n"
                    ),
                ),
            ),
        ),
    ),
    mistakes=(
        Edit("2 of the square forgotten", (("-2 * diff", "-diff"),), "factor"),
        Edit(
            "1/sqrt(d) forgotten in dq and dk",
            (("ds.unsqueeze(-1) / root", "ds.unsqueeze(-1)"),),
            "factor",
        ),
        Edit("sign of dk", (("dk = -ddiff", "dk = ddiff"),), "factor"),
        Edit(
            "sqrt of the values' width",
            (("math.sqrt(q.shape[-1])", "math.sqrt(v.shape[-1])"),),
            "constant",
        ),
        Edit("d for sqrt(d) throughout", (("math.sqrt(q.shape[-1])", "q.shape[-1]"),), "constant"),
        Edit(
            "softmax's projection left out",
            (("(dp - (p * dp).sum(dim=-1, keepdim=True))", "dp"),),
            "missing",
        ),
        Edit("projection without p", (("(p * dp).sum(", "dp.sum("),), "missing"),
        Edit(
            "projection over the queries",
            (("(p * dp).sum(dim=-1,", "(p * dp).sum(dim=1,"),),
            "other sum",
        ),
        Edit(
            "p (1 - p) for the softmax's Jacobian",
            (("p * (dp - (p * dp).sum(dim=-1, keepdim=True))", "p * (1 - p) * dp"),),
            "operation|other sum",
        ),
        Edit(
            "dk as in dot-product attention",
            (("dk = -ddiff.sum(dim=1)", "dk = 2 * (ds.mT @ q) / root"),),
            "missing|operation",
        ),
        Edit(
            "distance for its square",
            (("-2 * diff * ds", "-diff / diff.norm(dim=-1, keepdim=True) * ds"),),
            "operation",
        ),
        Edit(
            "softmax over the queries",
            (("torch.softmax(s, dim=-1)", "torch.softmax(s, dim=1)"),),
            "other sum",
        ),
        Edit(
            "keys of dv rolled by one",
            (("p.mT @ dout", "p.roll(1, dims=2).mT @ dout"),),
            "transposed|shifted",
        ),
        Edit(
            "last key's gradient left zero",
            (("    return {", "    dk[:, -1] = 0\n    return {"),),
            "confined",
        ),
        Edit(
            "scores in bfloat16",
            (("torch.softmax(s, dim=-1)", "torch.softmax(s.bfloat16(), dim=-1).to(q.dtype)"),),
            "precision",
        ),
    ),
)
