"""Attention pooling over sequences that lie packed in one tensor, one after another, with offsets."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="packed_sequences",
    tensors={
        "x": {"shape": [9, 3], "draw": "randn", "requires_grad": True},
        "w": {"shape": [3], "draw": "randn", "requires_grad": True},
        "offsets": {"from": "inputs.py"},
    },
    files={
        "inputs.py": """\
import torch


def inputs(generator):
    inner = torch.randperm(8, generator=generator)[:2] + 1
    ends = torch.tensor([0, 9], dtype=torch.int32)
    return {"offsets": torch.cat([ends[:1], inner.sort().values.int(), ends[1:]])}
"""
    },
    forward="""\
import torch


def forward(x, w, offsets):
    pooled = []
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
        part = x[start:stop]
        p = torch.softmax(part @ w, dim=0)
        pooled.append(p @ part)
    return torch.stack(pooled)
""",
    backward="""\
import torch


def backward(x, w, offsets, dout):
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for row, (start, stop) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist())):
        part = x[start:stop]
        p = torch.softmax(part @ w, dim=0)
        dp = part @ dout[row]
        ds = p * (dp - (p * dp).sum())
        dx[start:stop] = torch.outer(p, dout[row]) + torch.outer(ds, w)
        dw += part.T @ ds
    return {"x": dx, "w": dw}
""",
    mistakes=(
        Edit("the scores as constants", ((" + torch.outer(ds, w)", ""),), "missing term"),
        Edit("the last sequence alone", (("dw += part.T @ ds", "dw = part.T @ ds"),), "missing"),
    ),
)
