"""The mean cross-entropy over the tokens of three micro-batches of unequal length."""

import torch
import torch.nn.functional as F


def forward(logits, target, length):
    real = torch.arange(target.shape[1]) < length[:, None]
    each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
    return (each * real.flatten()).sum() / real.sum()
