"""Two-dimensional convolution with padding."""

from tests.operators.case import Edit, Operator

DW = """\
    windows = pad(x, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1)  # (2, 2, 6, 6, 3, 3)
    dW = torch.einsum("nohw,nchwij->ocij", dout, windows)  # (3, 2, 3, 3)
"""
DX = """\
    around = pad(dout, (1, 1, 1, 1)).unfold(2, 3, 1).unfold(3, 3, 1)  # (2, 3, 6, 6, 3, 3)
    dx = torch.einsum("nohwij,ocij->nchw", around, W.flip(2, 3))  # (2, 2, 6, 6)
"""
DB = """\
    db = dout.sum(dim=(0, 2, 3))  # (3,)
"""
RETURN = """\
    return {"x": dx, "W": dW, "b": db}
"""

OPERATOR = Operator(
    name="conv2d",
    tensors={
        "x": {"shape": [2, 2, 6, 6], "draw": "randn", "requires_grad": True},
        "W": {"shape": [3, 2, 3, 3], "draw": "linear_default", "fan_in": 18, "requires_grad": True},
        "b": {"shape": [3], "draw": "linear_default", "fan_in": 18, "requires_grad": True},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import conv2d


def forward(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return conv2d(x, W, b, padding=1)  # (2, 3, 6, 6)
""",
    backward="""\
import torch
from torch import Tensor
from torch.nn.functional import pad


def backward(x: Tensor, W: Tensor, b: Tensor, dout: Tensor) -> dict[str, Tensor]:
"""
    + DW
    + DX
    + DB
    + RETURN,
    variants=(
        Edit(
            "im2col and its adjoint",
            (
                (
                    DW,
                    """\
    g = dout.flatten(2)  # (2, 3, 36)
    columns = unfold(x, 3, padding=1)  # (2, 18, 36)
    dW = (g @ columns.transpose(1, 2)).sum(dim=0).view_as(W)  # (3, 2, 3, 3)
""",
                ),
                (
                    DX,
                    """\
    dx = fold(W.flatten(1).T @ g, (6, 6), 3, padding=1)  # (2, 2, 6, 6)
""",
                ),
                ("import pad\n", "import fold, unfold\n"),
            ),
        ),
        Edit(
            "shifted products, tap by tap",
            (
                (
                    DW + DX,
                    """\
    xp = pad(x, (1, 1, 1, 1))  # (2, 2, 8, 8)
    dxp, dW = torch.zeros_like(xp), torch.zeros_like(W)
    for i in range(3):
        for j in range(3):
            window = xp[:, :, i : i + 6, j : j + 6]  # (2, 2, 6, 6)
            dW[:, :, i, j] = torch.einsum("nohw,nchw->oc", dout, window)
            dxp[:, :, i : i + 6, j : j + 6] += torch.einsum("nohw,oc->nchw", dout, W[:, :, i, j])
    dx = dxp[:, :, 1:-1, 1:-1]  # (2, 2, 6, 6)
""",
                ),
            ),
        ),
        Edit(
            "convolutions again, with flipped kernels and exchanged axes",
            (
                (
                    DW,
                    """\
    dW = conv2d(x.transpose(0, 1), dout.transpose(0, 1), padding=1).transpose(0, 1)
""",
                ),
                (
                    DX,
                    """\
    dx = conv2d(dout, W.flip(2, 3).transpose(0, 1), padding=1)  # (2, 2, 6, 6)
""",
                ),
                (
                    "import torch\nfrom torch import Tensor\nfrom torch.nn.functional import pad\n",
                    "from torch import Tensor\nfrom torch.nn.functional import conv2d\n",
                ),
            ),
        ),
        Edit(
            "torch.nn.grad",
            (
                (DW, "    dW = conv2d_weight(x, W.shape, dout, padding=1)  # (3, 2, 3, 3)\n"),
                (DX, "    dx = conv2d_input(x.shape, W, dout, padding=1)  # (2, 2, 6, 6)\n"),
                (
                    "import torch\nfrom torch import Tensor\nfrom torch.nn.functional import pad\n",
                    "from torch import Tensor\nfrom torch.nn.grad import conv2d_input, conv2d_weight\n",
                ),
            ),
        ),
        Edit(
            "matrix of the linear map from the image",
            (
                (
                    DX,
                    """\
    basis = torch.eye(72, dtype=x.dtype).view(72, 2, 6, 6)
    M = conv2d(basis, W, padding=1).flatten(1)  # (72, 108)
    dx = (dout.flatten(1) @ M.T).view_as(x)  # (2, 2, 6, 6)
""",
                ),
                ("import pad\n", "import conv2d, pad\n"),
            ),
        ),
        Edit(
            "Winograd's F(2x2, 3x3) for dx",
            (
                (
                    DX,
                    """\
    B = x.new_tensor([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    G = x.new_tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    A = x.new_tensor([[1, 1, 1, 0], [0, 1, -1, -1]])
    tiles = pad(dout, (1, 1, 1, 1)).unfold(2, 4, 2).unfold(3, 4, 2)  # (2, 3, 3, 3, 4, 4)
    kernels = G @ W.flip(2, 3) @ G.T  # (3, 2, 4, 4)
    products = torch.einsum("nohwij,ocij->nchwij", B @ tiles @ B.T, kernels)
    blocks = A @ products @ A.T  # (2, 2, 3, 3, 2, 2)
    dx = blocks.transpose(3, 4).reshape(x.shape)  # (2, 2, 6, 6)
""",
                ),
            ),
        ),
        Edit(
            "image by image, row of the output by row",
            (
                (
                    DW + DX + DB,
                    """\
    xp = pad(x, (1, 1, 1, 1))  # (2, 2, 8, 8)
    dxp, dW, db = torch.zeros_like(xp), torch.zeros_like(W), torch.zeros_like(b)
    for image, g, dimage in zip(xp, dout, dxp, strict=True):
        for h in range(6):
            strip = image[:, h : h + 3].unfold(2, 3, 1)  # (2, 3, 6, 3)
            dW += torch.einsum("ow,ciwj->ocij", g[:, h], strip)
            db += g[:, h].sum(dim=1)
            for w in range(6):
                dimage[:, h : h + 3, w : w + 3] += torch.tensordot(g[:, h, w], W, dims=1)
    dx = dxp[:, :, 1:-1, 1:-1]  # (2, 2, 6, 6)
""",
                ),
            ),
        ),
        Edit(
            "numpy's windows and tensordot",
            (
                (
                    DW + DX + DB + RETURN,
                    """\
    dtype, wide = x.dtype, torch.promote_types(x.dtype, torch.float32)
    x, W, dout = (t.detach().to(wide).numpy() for t in (x, W, dout))
    edge = ((0, 0), (0, 0), (1, 1), (1, 1))
    windows = sliding_window_view(np.pad(x, edge), (3, 3), (2, 3))  # (2, 2, 6, 6, 3, 3)
    around = sliding_window_view(np.pad(dout, edge), (3, 3), (2, 3))  # (2, 3, 6, 6, 3, 3)
    dW = np.tensordot(dout, windows, ((0, 2, 3), (0, 2, 3)))  # (3, 2, 3, 3)
    dx = np.tensordot(around, W[:, :, ::-1, ::-1], ((1, 4, 5), (0, 2, 3)))  # (2, 6, 6, 2)
    grads = {"x": np.moveaxis(dx, 3, 1), "W": dW, "b": dout.sum(axis=(0, 2, 3))}
    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}
""",
                ),
                (
                    "import torch\nfrom torch import Tensor\nfrom torch.nn.functional import pad\n",
                    (
                        "import numpy as np\nimport torch\n"
                        "from numpy.lib.stride_tricks import sliding_window_view\n"
                        "from torch import Tensor\n"
                    ),
                ),
            ),
        ),
    ),
)
