"""Causal scaled dot-product attention of several heads."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="causal_attention",
    tensors={
        "q": {"shape": [3, 4, 9, 6], "draw": "randn", "requires_grad": True},
        "k": {"shape": [3, 4, 9, 6], "draw": "randn", "requires_grad": True},
        "v": {"shape": [3, 4, 9, 6], "draw": "randn", "requires_grad": True},
    },
    forward="""\
import math

import torch
from torch import Tensor


def forward(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, d = q.shape[-2:]
    s = q @ k.transpose(-1, -2) / math.sqrt(d)  # (3, 4, 9, 9)
    mask = torch.ones(T, T, dtype=torch.bool).tril()  # (9, 9)
    s = s.masked_fill(~mask, -math.inf)  # (3, 4, 9, 9)
    p = torch.softmax(s, dim=-1)  # (3, 4, 9, 9)
    return p @ v  # (3, 4, 9, 6)
""",
    backward="""\
import math

import torch
from torch import Tensor


def backward(q: Tensor, k: Tensor, v: Tensor, dout: Tensor) -> dict[str, Tensor]:
    T, d = q.shape[-2:]
    s = q @ k.transpose(-1, -2) / math.sqrt(d)  # (3, 4, 9, 9)
    mask = torch.ones(T, T, dtype=torch.bool).tril()  # (9, 9)
    s = s.masked_fill(~mask, -math.inf)  # (3, 4, 9, 9)
    p = torch.softmax(s, dim=-1)  # (3, 4, 9, 9)
    dv = p.transpose(-1, -2) @ dout  # (3, 4, 9, 6)
    dp = dout @ v.transpose(-1, -2)  # (3, 4, 9, 9)
    D = (dp * p).sum(dim=-1, keepdim=True)  # (3, 4, 9, 1)
    ds = p * (dp - D) / math.sqrt(d)  # (3, 4, 9, 9)
    dq = ds @ k  # (3, 4, 9, 6)
    dk = ds.transpose(-1, -2) @ q  # (3, 4, 9, 6)
    return {"q": dq, "k": dk, "v": dv}
""",
    variants=(
        Edit(
            "projection from the output",
            (("(dp * p).sum(dim=-1, keepdim=True)", "(dout * (p @ v)).sum(dim=-1, keepdim=True)"),),
        ),
        Edit(
            "einsum, exponential and sum written out, scaled at the end",
            (
                ("q @ k.transpose(-1, -2)", 'torch.einsum("bhid,bhjd->bhij", q, k)'),
                (
                    "    p = torch.softmax(s, dim=-1)  # (3, 4, 9, 9)\n",
                    (
                        "    e = torch.exp(s - s.amax(dim=-1, keepdim=True))  # (3, 4, 9, 9)\n"
                        "    p = e / e.sum(dim=-1, keepdim=True)  # (3, 4, 9, 9)\n"
                    ),
                ),
                ("p.transpose(-1, -2) @ dout", 'torch.einsum("bhij,bhid->bhjd", p, dout)'),
                ("dout @ v.transpose(-1, -2)", 'torch.einsum("bhid,bhjd->bhij", dout, v)'),
                ("p * (dp - D) / math.sqrt(d)", "p * (dp - D)"),
                ("dq = ds @ k", 'dq = torch.einsum("bhij,bhjd->bhid", ds, k) / math.sqrt(d)'),
                (
                    "dk = ds.transpose(-1, -2) @ q",
                    'dk = torch.einsum("bhij,bhid->bhjd", ds, q) / math.sqrt(d)',
                ),
            ),
        ),
        Edit(
            "queries in blocks of four, the last first, keys only as far as they see",
            (
                (
                    """\
    s = q @ k.transpose(-1, -2) / math.sqrt(d)  # (3, 4, 9, 9)
    mask = torch.ones(T, T, dtype=torch.bool).tril()  # (9, 9)
    s = s.masked_fill(~mask, -math.inf)  # (3, 4, 9, 9)
    p = torch.softmax(s, dim=-1)  # (3, 4, 9, 9)
    dv = p.transpose(-1, -2) @ dout  # (3, 4, 9, 6)
    dp = dout @ v.transpose(-1, -2)  # (3, 4, 9, 9)
    D = (dp * p).sum(dim=-1, keepdim=True)  # (3, 4, 9, 1)
    ds = p * (dp - D) / math.sqrt(d)  # (3, 4, 9, 9)
    dq = ds @ k  # (3, 4, 9, 6)
    dk = ds.transpose(-1, -2) @ q  # (3, 4, 9, 6)
""",
                    """\
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for start in reversed(range(0, T, 4)):
        stop = min(start + 4, T)
        rows = slice(start, stop)
        seen = slice(0, stop)
        mask = torch.arange(stop) <= torch.arange(start, stop)[:, None]
        s = q[:, :, rows] @ k[:, :, seen].transpose(-1, -2) / math.sqrt(d)
        p = torch.softmax(s.masked_fill(~mask, -math.inf), dim=-1)
        dp = dout[:, :, rows] @ v[:, :, seen].transpose(-1, -2)
        D = (dp * p).sum(dim=-1, keepdim=True)
        ds = p * (dp - D) / math.sqrt(d)
        dv[:, :, seen] += p.transpose(-1, -2) @ dout[:, :, rows]
        dq[:, :, rows] = ds @ k[:, :, seen]
        dk[:, :, seen] += ds.transpose(-1, -2) @ q[:, :, rows]
""",
                ),
            ),
        ),
        Edit(
            "one query after another, no mask",
            (
                (
                    """\
    s = q @ k.transpose(-1, -2) / math.sqrt(d)  # (3, 4, 9, 9)
    mask = torch.ones(T, T, dtype=torch.bool).tril()  # (9, 9)
    s = s.masked_fill(~mask, -math.inf)  # (3, 4, 9, 9)
    p = torch.softmax(s, dim=-1)  # (3, 4, 9, 9)
    dv = p.transpose(-1, -2) @ dout  # (3, 4, 9, 6)
    dp = dout @ v.transpose(-1, -2)  # (3, 4, 9, 9)
    D = (dp * p).sum(dim=-1, keepdim=True)  # (3, 4, 9, 1)
    ds = p * (dp - D) / math.sqrt(d)  # (3, 4, 9, 9)
    dq = ds @ k  # (3, 4, 9, 6)
    dk = ds.transpose(-1, -2) @ q  # (3, 4, 9, 6)
""",
                    """\
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for i in range(T):
        seen = slice(0, i + 1)
        qi, doi = q[:, :, i, None], dout[:, :, i, None]  # (3, 4, 1, 6)
        p = torch.softmax(qi @ k[:, :, seen].mT / math.sqrt(d), dim=-1)  # (3, 4, 1, i + 1)
        dp = doi @ v[:, :, seen].mT  # (3, 4, 1, i + 1)
        ds = p * (dp - (dp * p).sum(dim=-1, keepdim=True)) / math.sqrt(d)
        dv[:, :, seen] += p.mT * doi
        dk[:, :, seen] += ds.mT * qi
        dq[:, :, i, None] = ds @ k[:, :, seen]
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    """\
    s = q @ k.transpose(-1, -2) / math.sqrt(d)  # (3, 4, 9, 9)
    mask = torch.ones(T, T, dtype=torch.bool).tril()  # (9, 9)
    s = s.masked_fill(~mask, -math.inf)  # (3, 4, 9, 9)
    p = torch.softmax(s, dim=-1)  # (3, 4, 9, 9)
    dv = p.transpose(-1, -2) @ dout  # (3, 4, 9, 6)
    dp = dout @ v.transpose(-1, -2)  # (3, 4, 9, 9)
    D = (dp * p).sum(dim=-1, keepdim=True)  # (3, 4, 9, 1)
""",
                    """\
    dtype = q.dtype
    wide = torch.promote_types(dtype, torch.float32)
    q, k, v, dout = (t.detach().to(wide).numpy() for t in (q, k, v, dout))
    s = q @ k.swapaxes(-1, -2) / math.sqrt(d)  # (3, 4, 9, 9)
    s[..., ~np.tri(T, dtype=bool)] = -math.inf
    e = np.exp(s - s.max(axis=-1, keepdims=True))  # (3, 4, 9, 9)
    p = e / e.sum(axis=-1, keepdims=True)  # (3, 4, 9, 9)
    dv = p.swapaxes(-1, -2) @ dout  # (3, 4, 9, 6)
    dp = dout @ v.swapaxes(-1, -2)  # (3, 4, 9, 9)
    D = (dp * p).sum(axis=-1, keepdims=True)  # (3, 4, 9, 1)
""",
                ),
                ("ds.transpose(-1, -2) @ q", "ds.swapaxes(-1, -2) @ q"),
                (
                    'return {"q": dq, "k": dk, "v": dv}',
                    (
                        'grads = {"q": dq, "k": dk, "v": dv}\n'
                        "    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    T, d = q.shape[-2:]\n",
                    """\
    T, d = q.shape[-2:]
    dtype = q.dtype
    if dtype in (torch.float16, torch.bfloat16):
        q, k, v, dout = q.float(), k.float(), v.float(), dout.float()
""",
                ),
                (
                    '{"q": dq, "k": dk, "v": dv}',
                    '{"q": dq.to(dtype), "k": dk.to(dtype), "v": dv.to(dtype)}',
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "square root of d forgotten in the scores' gradient",
            (("(dp - D) / math.sqrt(d)", "(dp - D)"),),
            "factor",
        ),
        Edit(
            "probabilities not transposed",
            (("p.transpose(-1, -2) @ dout", "p @ dout"),),
            "transposed",
        ),
        Edit(
            "heads and positions swapped in memory",
            (('"v": dv', '"v": dv.transpose(1, 2).reshape(v.shape)'),),
            "transposed",
        ),
        Edit("values detached", (('"v": dv', '"v": torch.zeros_like(v)'),), "zero"),
        Edit(
            "keys' gradient never cleared",
            (
                ("from torch import Tensor\n", "from torch import Tensor\n\nheld = {}\n"),
                (
                    "    return",
                    "    dk = held.get(q.dtype, 0) + dk\n    held[q.dtype] = dk\n    return",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "projection summed over the queries",
            (("(dp * p).sum(dim=-1,", "(dp * p).sum(dim=-2,"),),
            "other sum",
        ),
        Edit("one future key seen", ((".tril()", ".tril(1)"),), "shifted"),
        Edit(
            "mask left out of the recomputed scores",
            (("    s = s.masked_fill(~mask, -math.inf)  # (3, 4, 9, 9)\n", ""),),
            "missing",
        ),
        Edit("projection dropped", (("(dp - D)", "dp"),), "missing"),
        Edit(
            "queries past the block of eight not written",
            (("dq = ds @ k  # (3, 4, 9, 6)\n", "dq = ds @ k\n    dq[:, :, 8:] = 0\n"),),
            "confined",
        ),
        Edit(
            "masked scores set to -5",
            (("~mask, -math.inf", "~mask, -5.0"),),
            "constant",
        ),
        Edit(
            "queries' and keys' gradients exchanged",
            (('"q": dq, "k": dk', '"q": dk, "k": dq'),),
            "operation",
        ),
        Edit(
            "sigmoid's derivative in place of softmax's",
            (("p * (dp - D)", "dp * p * (1 - p)"),),
            "operation|other sum",
        ),
        Edit(
            "probabilities in bfloat16",
            (("torch.softmax(s, dim=-1)", "torch.softmax(s.bfloat16(), dim=-1).to(q.dtype)"),),
            "precision",
        ),
        Edit(
            "softmax in float32 whatever the format",
            (
                (
                    "torch.softmax(s, dim=-1)",
                    "torch.softmax(s, dim=-1, dtype=torch.float32).to(q.dtype)",
                ),
            ),
            "precision",
        ),
    ),
)
