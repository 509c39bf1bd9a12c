"""Messages on a graph: gather, scatter_add, index_add and index_put with accumulation."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="segment_scatter",
    tensors={
        "x": {"shape": [5, 3], "draw": "randn", "requires_grad": True},
        "e": {"shape": [8, 1], "draw": "randn", "requires_grad": True},
        "src": {"shape": [8], "draw": "randint", "high": 5},
        "dst": {"shape": [8], "draw": "randint", "high": 5},
    },
    forward="""\
import torch


def forward(x, e, src, dst):
    message = x[src] * e
    out = torch.zeros_like(x).scatter_add(0, dst[:, None].expand(-1, 3), message)
    degree = torch.bincount(dst, minlength=5).clamp(min=1)
    out = out / degree[:, None].to(x.dtype)
    extra = torch.zeros_like(x)
    extra.index_put_((dst,), message, accumulate=True)
    return out + 0.5 * extra
""",
    backward="""\
import torch


def backward(x, e, src, dst, dout):
    degree = torch.bincount(dst, minlength=5).clamp(min=1)
    dsum = dout / degree[:, None].to(x.dtype) + 0.5 * dout
    dmessage = dsum[dst]
    dx = torch.zeros_like(x).index_add_(0, src, dmessage * e)
    return {"x": dx, "e": (dmessage * x[src]).sum(1, keepdim=True)}
""",
    mistakes=(
        Edit(
            "later edges overwrite",
            (
                (
                    "torch.zeros_like(x).index_add_(0, src, dmessage * e)",
                    "torch.zeros_like(x).index_put((src,), dmessage * e)",
                ),
            ),
            "other sum",
        ),
        Edit("source and target swapped", (("dsum[dst]", "dsum[src]"),), "operation"),
    ),
)
