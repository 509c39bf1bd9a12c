"""Sparsemax along the last axis: the projection onto the simplex (Martins and Astudillo, 2016)."""

import torch


def forward(x):
    ordered = x.sort(dim=-1, descending=True).values
    above = ordered.cumsum(-1) - 1
    ranks = torch.arange(1, x.shape[-1] + 1)
    size = (ranks * ordered > above).sum(-1, keepdim=True)
    threshold = above.gather(-1, size - 1) / size
    return (x - threshold).clamp(min=0)
