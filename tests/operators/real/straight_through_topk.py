"""A hard choice of the k best experts, whose gradient is that of the soft choice."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="straight_through_topk",
    tensors={
        "scores": {"shape": [5, 6], "draw": "randn", "requires_grad": True},
        "experts": {"shape": [6, 4], "draw": "randn", "requires_grad": True},
    },
    files={
        "soft.py": """\
import torch


def surrogate(scores, experts):
    soft = scores.softmax(-1)
    hard = torch.zeros_like(soft).scatter(-1, scores.topk(2, dim=-1).indices, 1.0)
    return ((hard - soft).detach() + soft) @ experts
"""
    },
    config={"surrogate": "soft.py"},
    forward="""\
import torch


def forward(scores, experts):
    soft = scores.softmax(-1)
    hard = torch.zeros_like(soft).scatter(-1, scores.topk(2, dim=-1).indices, 1.0)
    return ((hard - soft).detach() + soft) @ experts
""",
    backward="""\
import torch


def backward(scores, experts, dout):
    soft = scores.softmax(-1)
    hard = torch.zeros_like(soft).scatter(-1, scores.topk(2, dim=-1).indices, 1.0)
    dsoft = dout @ experts.T
    dscores = soft * (dsoft - (dsoft * soft).sum(-1, keepdim=True))
    return {"scores": dscores, "experts": hard.T @ dout}
""",
    mistakes=(
        Edit(
            "only the chosen get a gradient",
            (('"scores": dscores', '"scores": dscores * hard'),),
            "missing",
        ),
        Edit("the soft choice for the experts", (("hard.T @ dout", "soft.T @ dout"),), "operation"),
    ),
)
