"""A convolution of two channels with stride 2, window by window as the course writes it."""

import torch


def forward(a, W):
    rows = range((a.shape[1] - 3) // 2 + 1)
    return torch.stack(
        [
            torch.stack([(a[:, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3] * W).sum() for w in rows])
            for h in rows
        ]
    )
