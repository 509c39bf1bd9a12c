"""Two-dimensional convolution with padding, then max pooling."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="conv2d_max_pool",
    tensors={
        "x": {"shape": [2, 3, 8, 6], "draw": "randn", "requires_grad": True},
        "W": {"shape": [4, 3, 3, 3], "draw": "linear_default", "fan_in": 27, "requires_grad": True},
        "b": {"shape": [4], "draw": "linear_default", "fan_in": 27, "requires_grad": True},
    },
    forward='''\
"""A convolution with a 3 x 3 kernel and padding 1, and the greatest of each 2 x 2 block."""

from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d


def forward(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    y = conv2d(x, W, b, padding=1)  # (2, 4, 8, 6)
    return max_pool2d(y, 2)  # (2, 4, 4, 3)
''',
    backward='''\
"""The gradient of forward.py: dout goes to each block's greatest, then through the windows."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, one_hot, pad


def backward(x: Tensor, W: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
    y = conv2d(x, W, b, padding=1)  # (2, 4, 8, 6)
    blocks = y.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)  # (2, 4, 4, 3, 4)
    best = one_hot(blocks.argmax(dim=4), 4).to(x.dtype)  # (2, 4, 4, 3, 4)
    dblocks = (dout.unsqueeze(4) * best).unflatten(4, (2, 2))  # (2, 4, 4, 3, 2, 2)
    dy = dblocks.permute(0, 1, 2, 4, 3, 5).reshape(y.shape)  # (2, 4, 8, 6)
    H, V = y.shape[2:]  # 8, 6
    xp = pad(x, (1, 1, 1, 1))  # (2, 3, 10, 8)
    dxp = torch.zeros_like(xp)
    dW = torch.zeros_like(W)  # (4, 3, 3, 3)
    for i in range(3):
        for j in range(3):
            dW[:, :, i, j] = torch.einsum("nohv,nchv->oc", dy, xp[:, :, i : i + H, j : j + V])
            dxp[:, :, i : i + H, j : j + V] += torch.einsum("nohv,oc->nchv", dy, W[:, :, i, j])
    dx = dxp[:, :, 1:-1, 1:-1].clone()  # (2, 3, 8, 6)
    db = dy.sum(dim=(0, 2, 3))  # (4,)
    return {"x": dx, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "taps last first",
            (
                ("for i in range(3):", "for i in (2, 1, 0):"),
                ("for j in range(3):", "for j in (2, 1, 0):"),
            ),
        ),
        Edit(
            "bias from the pooled cotangent",
            (("dy.sum(dim=(0, 2, 3))", "dout.sum(dim=(2, 3)).sum(dim=0)"),),
        ),
        Edit(
            "dx as a convolution with the flipped kernel",
            (
                (
                    "dx = dxp[:, :, 1:-1, 1:-1].clone()",
                    "dx = conv2d(dy, W.flip(2, 3).transpose(0, 1), padding=1)",
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "correlation again for dx: kernel not flipped",
            (
                (
                    "dx = dxp[:, :, 1:-1, 1:-1].clone()",
                    "dx = conv2d(dy, W.transpose(0, 1), padding=1)",
                ),
            ),
            "transposed|operation",
        ),
        Edit(
            "kernel's height and width swapped in dW",
            (("dW[:, :, i, j] =", "dW[:, :, j, i] ="),),
            "transposed",
        ),
        Edit(
            "crop off by one in height",
            (("dxp[:, :, 1:-1, 1:-1]", "dxp[:, :, 2:, 1:-1]"),),
            "shifted",
        ),
        Edit(
            "windows overwrite",
            (("j : j + V] += torch", "j : j + V] = torch"),),
            "missing",
        ),
        Edit(
            "padding all before in dW",
            (
                (
                    "xp[:, :, i : i + H, j : j + V])",
                    "pad(x, (2, 0, 2, 0))[:, :, i : i + H, j : j + V])",
                ),
            ),
            "shifted",
        ),
        Edit(
            "every element of a block gets dout",
            (("(dout.unsqueeze(4) * best)", "(dout.unsqueeze(4) * torch.ones_like(best))"),),
            "missing|operation",
        ),
        Edit(
            "average pooling's gradient",
            (("(dout.unsqueeze(4) * best)", "(dout.unsqueeze(4) * torch.full_like(best, 0.25))"),),
            "operation",
        ),
        Edit("the least of each block", (("blocks.argmax(", "blocks.argmin("),), "operation"),
        Edit(
            "blocks laid out without permuting",
            (("dblocks.permute(0, 1, 2, 4, 3, 5).reshape", "dblocks.reshape"),),
            "transposed",
        ),
        Edit(
            "db summed over the batch's mean",
            (("dy.sum(dim=(0, 2, 3))", "dy.sum(dim=(2, 3)).mean(dim=0)"),),
            "factor",
        ),
        Edit("db as a mean", (("dy.sum(dim=(0, 2, 3))", "dy.mean(dim=(0, 2, 3))"),), "factor"),
        Edit(
            "centre tap left out of dx",
            (
                (
                    "            dxp[:",
                    "            if i == j == 1:\n                continue\n            dxp[:",
                ),
            ),
            "missing|confined",
        ),
        Edit(
            "last column of windows left out of dW",
            (
                (
                    '"nohv,nchv->oc", dy, xp[:, :, i : i + H, j : j + V]',
                    '"nohv,nchv->oc", dy[..., :-1], xp[:, :, i : i + H, j : j + V - 1]',
                ),
            ),
            "missing|confined",
        ),
    ),
)
