"""An embedding, its mean over the words that are there, and a cross-entropy that ignores -100."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="text_classifier",
    tensors={
        "table": {"shape": [10, 4], "draw": "randn", "requires_grad": True},
        "W": {"shape": [3, 4], "draw": "linear_default", "fan_in": 4, "requires_grad": True},
        "words": {"shape": [5, 6], "draw": "randint", "high": 10},
        "label": {"shape": [5], "draw": "randint", "high": 3},
    },
    forward="""\
import torch
import torch.nn.functional as F


def forward(table, W, words, label):
    emb = F.embedding(words, table, padding_idx=0)
    there = (words != 0).unsqueeze(-1).to(table.dtype)
    pooled = (emb * there).sum(1) / there.sum(1).clamp(min=1)
    label = label.masked_fill(words[:, 0] == 0, -100)
    return F.cross_entropy(pooled @ W.T, label, ignore_index=-100)
""",
    backward="""\
import torch
import torch.nn.functional as F


def backward(table, W, words, label):
    emb = table[words]
    there = (words != 0).unsqueeze(-1).to(table.dtype)
    count = there.sum(1).clamp(min=1)
    pooled = (emb * there).sum(1) / count
    label = label.masked_fill(words[:, 0] == 0, -100)
    judged = label != -100
    p = torch.softmax(pooled @ W.T, dim=-1)
    p[judged, label[judged]] -= 1
    dlogits = p * judged[:, None] / judged.sum()
    dpooled = dlogits @ W
    demb = (dpooled / count)[:, None] * there
    dtable = torch.zeros_like(table).index_add_(0, words.reshape(-1), demb.reshape(-1, 4))
    return {"table": dtable, "W": dlogits.T @ pooled}
""",
    mistakes=(
        Edit("divided by all rows", (("/ judged.sum()", "/ len(judged)"),), "factor"),
        Edit("the mean's count is forgotten", (("(dpooled / count)", "dpooled"),), "missing"),
    ),
)
