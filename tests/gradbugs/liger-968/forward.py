"""The cross-entropy of each row of a linear layer's logits, not reduced."""

import torch.nn.functional as F


def forward(x, W, target):
    return F.cross_entropy(x @ W.T, target, reduction="none")
