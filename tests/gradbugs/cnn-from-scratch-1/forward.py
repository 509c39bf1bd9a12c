"""Max pooling over windows of 2 x 2."""

import torch.nn.functional as F


def forward(x):
    return F.max_pool2d(x[None], 2)[0]
