"""Log-sum-exp along the middle axis with a learned temperature."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="logsumexp",
    tensors={
        "x": {"shape": [5, 23, 4], "draw": "randn", "requires_grad": True},
        "t": {"shape": [4], "draw": "uniform", "low": -0.5, "high": 0.5, "requires_grad": True},
    },
    forward='''\
"""Soft maximum: y = T log sum_j exp(x_j / T), with the temperature T = exp(t) of each column."""

import torch
from torch import Tensor


def forward(x: Tensor, t: Tensor) -> Tensor:
    T = t.exp()  # (4,)
    return T * torch.logsumexp(x / T, dim=1)  # (5, 4)
''',
    backward='''\
"""The gradient of forward.py: dy/dx = p = softmax(x / T), dy/dT = lse - sum p x / T."""

import torch
from torch import Tensor


def backward(x: Tensor, t: Tensor, dout: Tensor) -> dict[str, Tensor]:
    T = t.exp()  # (4,)
    s = x / T  # (5, 23, 4)
    top = s.amax(dim=1, keepdim=True)  # (5, 1, 4)
    e = torch.exp(s - top)  # (5, 23, 4)
    total = e.sum(dim=1, keepdim=True)  # (5, 1, 4)
    p = e / total  # (5, 23, 4)
    lse = (top + total.log()).squeeze(1)  # (5, 4)
    dx = dout.unsqueeze(1) * p  # (5, 23, 4)
    dT = dout * (lse - (p * s).sum(dim=1))  # (5, 4)
    dt = (dT * T).sum(dim=0)  # (4,)
    return {"x": dx, "t": dt}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    T = t.exp()",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, t, dout = x.float(), t.float(), dout.float()\n"
                        "    T = t.exp()"
                    ),
                ),
                ('{"x": dx, "t": dt}', '{"x": dx.to(dtype), "t": dt.to(dtype)}'),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "def backward(",
                    (
                        "def array(a: Tensor) -> np.ndarray:\n"
                        "    return (a.float() if a.element_size() == 2 else a).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    T = t.exp()",
                    (
                        "    dtype = x.dtype\n"
                        "    x, t, dout = array(x), array(t), array(dout)\n"
                        "    T = np.exp(t)"
                    ),
                ),
                ("s.amax(dim=1, keepdim=True)", "s.max(axis=1, keepdims=True)"),
                ("torch.exp(s - top)", "np.exp(s - top)"),
                ("e.sum(dim=1, keepdim=True)", "e.sum(axis=1, keepdims=True)"),
                ("(top + total.log()).squeeze(1)", "(top + np.log(total)).squeeze(1)"),
                ("dout.unsqueeze(1)", "dout[:, np.newaxis]"),
                ("(p * s).sum(dim=1)", "(p * s).sum(axis=1)"),
                ("sum(dim=0)", "sum(axis=0)"),
                (
                    '    return {"x": dx, "t": dt}',
                    (
                        '    grads = {"x": dx, "t": dt}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "temperature's gradient as the entropy",
            (
                (
                    "lse - (p * s).sum(dim=1)",
                    "total.log().squeeze(1) - (p * (s - top)).sum(dim=1)",
                ),
                ("    lse = (top + total.log()).squeeze(1)  # (5, 4)\n", ""),
            ),
        ),
        Edit(
            "torch's softmax and logsumexp",
            (
                (
                    (
                        "    top = s.amax(dim=1, keepdim=True)  # (5, 1, 4)\n"
                        "    e = torch.exp(s - top)  # (5, 23, 4)\n"
                        "    total = e.sum(dim=1, keepdim=True)  # (5, 1, 4)\n"
                        "    p = e / total  # (5, 23, 4)\n"
                        "    lse = (top + total.log()).squeeze(1)  # (5, 4)\n"
                    ),
                    (
                        "    p = torch.softmax(s, dim=1)  # (5, 23, 4)\n"
                        "    lse = torch.logsumexp(s, dim=1)  # (5, 4)\n"
                    ),
                ),
            ),
        ),
        Edit(
            "T sum p log p, log-softmax kept",
            (
                (
                    (
                        "    p = e / total  # (5, 23, 4)\n"
                        "    lse = (top + total.log()).squeeze(1)  # (5, 4)\n"
                    ),
                    (
                        "    logp = s - top - total.log()  # (5, 23, 4)\n"
                        "    p = logp.exp()  # (5, 23, 4)\n"
                    ),
                ),
                ("dout * (lse - (p * s).sum(dim=1))", "-dout * (p * logp).sum(dim=1)"),
            ),
        ),
        Edit(
            "loop over the batch, last first",
            (
                (
                    "    dt = (dT * T).sum(dim=0)  # (4,)\n",
                    (
                        "    dt = torch.zeros_like(t)  # (4,)\n"
                        "    for i in reversed(range(len(x))):\n"
                        "        dt = dt + dT[i] * T\n"
                    ),
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "outer T forgotten in dx",
            (("dout.unsqueeze(1) * p", "dout.unsqueeze(1) * p / T"),),
            "missing",
        ),
        Edit(
            "inner 1/T forgotten in dx",
            (("dout.unsqueeze(1) * p", "dout.unsqueeze(1) * p * T"),),
            "missing|operation",
        ),
        Edit("times T for divided by T", (("s = x / T", "s = x * T"),), "operation"),
        Edit("1 + t for exp(t)", (("s = x / T", "s = x / (1 + t)"),), "operation"),
        Edit(
            "softmax without temperature in dx",
            (("dout.unsqueeze(1) * p", "dout.unsqueeze(1) * torch.softmax(x, dim=1)"),),
            "operation|missing",
        ),
        Edit(
            "hard maximum",
            (("dout.unsqueeze(1) * p", "dout.unsqueeze(1) * (s == top).to(p.dtype)"),),
            "operation",
        ),
        Edit(
            "sum over the wrong axis",
            (
                ("total = e.sum(dim=1, keepdim=True)", "total = e.sum(dim=2, keepdim=True)"),
                ("total.log()).squeeze(1)", "total.log()).mean(dim=1)"),
            ),
            "other sum",
        ),
        Edit("only the outer T in dt", (("lse - (p * s).sum(dim=1)", "lse"),), "missing"),
        Edit(
            "only the inner T in dt",
            (("(lse - (p * s).sum(dim=1))", "-(p * s).sum(dim=1)"),),
            "missing",
        ),
        Edit("exp of t not differentiated", (("(dT * T).sum(dim=0)", "dT.sum(dim=0)"),), "missing"),
        Edit("maximum not added back", (("(top + total.log())", "total.log()"),), "missing"),
        Edit(
            "dt averaged over the batch",
            (("(dT * T).sum(dim=0)", "(dT * T).mean(dim=0)"),),
            "factor",
        ),
        Edit(
            "dt summed over the columns too",
            (("(dT * T).sum(dim=0)", "(dT * T).sum().expand(len(t)).clone()"),),
            "other sum",
        ),
        Edit(
            "exponentials in bfloat16",
            (("torch.exp(s - top)", "(s - top).bfloat16().exp().to(x.dtype)"),),
            "precision",
        ),
        Edit(
            "float32 hard-coded for the softmax",
            (("p = e / total", "p = (e.float() / total.float()).to(x.dtype)"),),
            "precision",
        ),
    ),
)
