"""The k largest by topk, the rest by sort, and a running sum."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="k_max_pooling",
    tensors={"x": {"shape": [3, 7], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch


def forward(x):
    top, index = x.topk(3, dim=-1)
    ordered, order = torch.sort(x, dim=-1, descending=True)
    running = ordered.cumsum(-1)
    assert torch.equal(ordered[:, :3], top)
    return torch.cat([top**2, running], dim=-1)
""",
    backward="""\
import torch


def backward(x, dout):
    top, index = x.topk(3, dim=-1)
    _, order = torch.sort(x, dim=-1, descending=True)
    dx = torch.zeros_like(x)
    dx.scatter_add_(-1, index, 2 * top * dout[:, :3])
    dordered = dout[:, 3:].flip(-1).cumsum(-1).flip(-1)
    dx += torch.zeros_like(x).scatter(-1, order, dordered)
    return {"x": dx}
""",
    mistakes=(
        Edit(
            "summed from the wrong end",
            (("dout[:, 3:].flip(-1).cumsum(-1).flip(-1)", "dout[:, 3:].cumsum(-1)"),),
            "transposed",
        ),
        Edit(
            "gathered, not scattered",
            (("torch.zeros_like(x).scatter(-1, order, dordered)", "dordered.gather(-1, order)"),),
            "operation",
        ),
    ),
)
