"""One-dimensional convolution with padding and stride 2."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="conv1d",
    tensors={
        "x": {"shape": [4, 3, 30], "draw": "randn", "requires_grad": True},
        "W": {"shape": [7, 3, 5], "draw": "linear_default", "fan_in": 15, "requires_grad": True},
        "b": {"shape": [7], "draw": "linear_default", "fan_in": 15, "requires_grad": True},
    },
    forward='''\
"""Convolution along the last axis: kernel 5, padding 2, stride 2."""

from torch import Tensor
from torch.nn.functional import conv1d


def forward(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return conv1d(x, W, b, stride=2, padding=2)  # (4, 7, 15)
''',
    backward='''\
"""The gradient of forward.py, by the windows of the padded input."""

import torch
from torch import Tensor
from torch.nn.functional import pad

STRIDE = 2
PADDING = 2


def backward(x: Tensor, W: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
    K, L = W.shape[2], dout.shape[2]  # 5, 15
    xp = pad(x, (PADDING, PADDING))  # (4, 3, 34)
    windows = xp.unfold(2, K, STRIDE)  # (4, 3, 15, 5)
    dW = torch.einsum("nol,nclk->ock", dout, windows)  # (7, 3, 5)
    db = dout.sum(dim=(0, 2))  # (7,)
    dwindows = torch.einsum("nol,ock->nclk", dout, W)  # (4, 3, 15, 5)
    dxp = torch.zeros_like(xp)  # (4, 3, 34)
    for k in range(K):
        dxp[:, :, k : k + STRIDE * L : STRIDE] += dwindows[:, :, :, k]
    dx = dxp[:, :, PADDING:-PADDING].clone()  # (4, 3, 30)
    return {"x": dx, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    K, L = ",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, W, dout = x.float(), W.float(), dout.float()\n"
                        "    K, L = "
                    ),
                ),
                (
                    '{"x": dx, "W": dW, "b": db}',
                    '{"x": dx.to(dtype), "W": dW.to(dtype), "b": db.to(dtype)}',
                ),
            ),
        ),
        Edit(
            "dx as a transposed convolution",
            (
                ("import pad", "import conv_transpose1d, pad"),
                (
                    (
                        '    dwindows = torch.einsum("nol,ock->nclk", dout, W)  # (4, 3, 15, 5)\n'
                        "    dxp = torch.zeros_like(xp)  # (4, 3, 34)\n"
                        "    for k in range(K):\n"
                        "        dxp[:, :, k : k + STRIDE * L : STRIDE] += dwindows[:, :, :, k]\n"
                        "    dx = dxp[:, :, PADDING:-PADDING].clone()  # (4, 3, 30)\n"
                    ),
                    (
                        "    rest = (x.shape[2] + 2 * PADDING - K) % STRIDE  # 1\n"
                        "    dx = conv_transpose1d(\n"
                        "        dout, W, stride=STRIDE, padding=PADDING, output_padding=rest\n"
                        "    )  # (4, 3, 30)\n"
                    ),
                ),
                ("K, L = W.shape[2], dout.shape[2]  # 5, 15", "K = W.shape[2]  # 5"),
            ),
        ),
        Edit(
            "dW as a dilated convolution",
            (
                ("import pad", "import conv1d, pad"),
                ("    windows = xp.unfold(2, K, STRIDE)  # (4, 3, 15, 5)\n", ""),
                (
                    '    dW = torch.einsum("nol,nclk->ock", dout, windows)  # (7, 3, 5)\n',
                    (
                        "    xt, gt = xp.transpose(0, 1), dout.transpose(0, 1)\n"
                        "    taps = conv1d(xt, gt, dilation=STRIDE)  # (3, 7, 6)\n"
                        "    dW = taps[:, :, :K].transpose(0, 1).contiguous()  # (7, 3, 5)\n"
                    ),
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                ("from torch.nn.functional import pad\n", ""),
                (
                    "def backward(",
                    (
                        "def array(t: Tensor) -> np.ndarray:\n"
                        "    return (t.float() if t.element_size() == 2 else t).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    K, L = ",
                    (
                        "    dtype = x.dtype\n"
                        "    x, W, dout = array(x), array(W), array(dout)\n"
                        "    K, L = "
                    ),
                ),
                (
                    "pad(x, (PADDING, PADDING))",
                    "np.pad(x, ((0, 0), (0, 0), (PADDING, PADDING)))",
                ),
                (
                    "    windows = xp.unfold(2, K, STRIDE)  # (4, 3, 15, 5)\n",
                    (
                        "    starts = STRIDE * np.arange(L)  # (15,)\n"
                        "    windows = xp[:, :, starts[:, None] + np.arange(K)]  # (4, 3, 15, 5)\n"
                    ),
                ),
                ('torch.einsum("nol,nclk->ock"', 'np.einsum("nol,nclk->ock"'),
                ("dout.sum(dim=(0, 2))", "dout.sum(axis=(0, 2))"),
                ('torch.einsum("nol,ock->nclk"', 'np.einsum("nol,ock->nclk"'),
                ("torch.zeros_like(xp)", "np.zeros_like(xp)"),
                (".clone()", ".copy()"),
                (
                    '    return {"x": dx, "W": dW, "b": db}',
                    (
                        '    grads = {"x": dx, "W": dW, "b": db}\n'
                        "    return {n: torch.from_numpy(g).to(dtype) for n, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "scattered position by position, last first",
            (
                (
                    (
                        "    for k in range(K):\n"
                        "        dxp[:, :, k : k + STRIDE * L : STRIDE] += dwindows[:, :, :, k]\n"
                    ),
                    (
                        "    for i in reversed(range(L)):\n"
                        "        dxp[:, :, STRIDE * i : STRIDE * i + K] += dwindows[:, :, i]\n"
                    ),
                ),
                (
                    'torch.einsum("nol,nclk->ock", dout, windows)',
                    'torch.einsum("nol,nclk->ock", dout.flip(2), windows.flip(2))',
                ),
            ),
        ),
        Edit(
            "matmul for einsum",
            (
                (
                    '    dW = torch.einsum("nol,nclk->ock", dout, windows)  # (7, 3, 5)\n',
                    (
                        "    g = dout.transpose(1, 2)  # (4, 15, 7)\n"
                        "    rows = windows.transpose(1, 2).reshape(-1, 15)  # (60, 15)\n"
                        "    dW = (g.reshape(-1, 7).T @ rows).view(W.shape)  # (7, 3, 5)\n"
                    ),
                ),
                (
                    '    dwindows = torch.einsum("nol,ock->nclk", dout, W)  # (4, 3, 15, 5)\n',
                    (
                        "    columns = (g @ W.flatten(1)).unflatten(2, (3, K))  # (4, 15, 3, 5)\n"
                        "    dwindows = columns.transpose(1, 2)  # (4, 3, 15, 5)\n"
                    ),
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "kernel flipped in dW",
            (("(7, 3, 5)\n", "(7, 3, 5)\n    dW = dW.flip(2)\n"),),
            "transposed",
        ),
        Edit(
            "kernel not flipped back: correlation again for dx",
            (
                (
                    'torch.einsum("nol,ock->nclk", dout, W)',
                    'torch.einsum("nol,ock->nclk", dout, W.flip(2))',
                ),
            ),
            "operation|transposed",
        ),
        Edit("crop off by one", (("PADDING:-PADDING]", "PADDING - 1 : -PADDING - 1]"),), "shifted"),
        Edit(
            "padding all on the right in dW",
            (("pad(x, (PADDING, PADDING))", "pad(x, (0, 2 * PADDING))"),),
            "shifted",
        ),
        Edit(
            "stride ignored when scattering",
            (("k : k + STRIDE * L : STRIDE]", "k : k + L]"),),
            "operation",
        ),
        Edit(
            "overlapping windows overwrite",
            (("STRIDE] += dwindows", "STRIDE] = dwindows"),),
            "missing",
        ),
        Edit(
            "last tap left out of dx",
            (("for k in range(K):", "for k in range(K - 1):"),),
            "missing|confined",
        ),
        Edit(
            "taps off by one when scattering",
            (("dwindows[:, :, :, k]", "dwindows[:, :, :, k - 1]"),),
            "shifted",
        ),
        Edit(
            "db summed over the batch only",
            (("dout.sum(dim=(0, 2))", "dout.sum(dim=0)[:, 0]"),),
            "other sum|confined",
        ),
        Edit(
            "db averaged over the positions",
            (("dout.sum(dim=(0, 2))", "dout.sum(dim=0).mean(dim=1)"),),
            "factor",
        ),
        Edit(
            "dW averaged over the batch", (("dout, windows)", "dout, windows) / len(x)"),), "factor"
        ),
        Edit(
            "last column of dx left zero",
            (("    return {", "    dx[:, :, -1] = 0\n    return {"),),
            "confined",
        ),
        Edit("db detached", (("dout.sum(dim=(0, 2))", "torch.zeros_like(b)"),), "zero"),
        Edit(
            "W accumulated between calls",
            (
                ("def backward(", "TOTALS: dict[torch.dtype, Tensor] = {}\n\n\ndef backward("),
                (
                    "    return {",
                    "    dW = TOTALS[W.dtype] = TOTALS.get(W.dtype, 0) + dW\n    return {",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "windows' gradient in float16",
            (('"nol,ock->nclk", dout, W)', '"nol,ock->nclk", dout.half(), W.half()).to(x.dtype)'),),
            "precision",
        ),
    ),
)
