"""Two linear layers, nothing between them, under half the summed squared error."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="two_layers",
    tensors={
        "x": {"shape": [5, 24], "draw": "randn", "requires_grad": True},
        "W1": {"shape": [33, 24], "draw": "linear_default", "fan_in": 24, "requires_grad": True},
        "b1": {"shape": [33], "draw": "linear_default", "fan_in": 24, "requires_grad": True},
        "W2": {"shape": [14, 33], "draw": "linear_default", "fan_in": 33, "requires_grad": True},
        "b2": {"shape": [14], "draw": "linear_default", "fan_in": 33, "requires_grad": True},
        "target": {"shape": [5, 14], "draw": "randn"},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import linear


def forward(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, target: Tensor) -> Tensor:
    h = linear(x, W1, b1)  # (5, 33)
    y = linear(h, W2, b2)  # (5, 14)
    return 0.5 * ((y - target) ** 2).sum()  # ()
""",
    backward="""\
import torch
from torch import Tensor
from torch.nn.functional import linear


def backward(
    x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, target: Tensor
) -> dict[str, Tensor]:
    h = linear(x, W1, b1)  # (5, 33)
    y = linear(h, W2, b2)  # (5, 14)
    dy = y - target  # (5, 14)
    dW2 = dy.T @ h  # (14, 33)
    db2 = dy.sum(dim=0)  # (14,)
    dh = dy @ W2  # (5, 33)
    dW1 = dh.T @ x  # (33, 24)
    db1 = dh.sum(dim=0)  # (33,)
    dx = dh @ W1  # (5, 24)
    grads = {"x": dx, "W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
    return {name: g.to(x.dtype) for name, g in grads.items()}
""",
    variants=(
        Edit(
            "samples one after another",
            (
                (
                    """\
    dW2 = dy.T @ h  # (14, 33)
    db2 = dy.sum(dim=0)  # (14,)
    dh = dy @ W2  # (5, 33)
    dW1 = dh.T @ x  # (33, 24)
    db1 = dh.sum(dim=0)  # (33,)
    dx = dh @ W1  # (5, 24)
""",
                    """\
    dx = torch.zeros_like(x)
    dW1, db1 = torch.zeros_like(W1), torch.zeros_like(b1)
    dW2, db2 = torch.zeros_like(W2), torch.zeros_like(b2)
    for i in range(len(x)):
        dh = W2.T @ dy[i]  # (33,)
        dW2 = dW2 + torch.outer(dy[i], h[i])
        db2 = db2 + dy[i]
        dW1 = dW1 + torch.outer(dh, x[i])
        db1 = db1 + dh
        dx[i] = W1.T @ dh
""",
                ),
            ),
        ),
        Edit(
            "products bracketed the other way",
            (
                ("    dh = dy @ W2  # (5, 33)\n", ""),
                ("dW1 = dh.T @ x", "dW1 = W2.T @ (dy.T @ x)"),
                ("db1 = dh.sum(dim=0)", "db1 = W2.T @ db2"),
                ("dx = dh @ W1", "dx = dy @ (W2 @ W1)"),
            ),
        ),
        Edit(
            "hidden and output units in chunks, the last first",
            (
                (
                    "dh = dy @ W2  # (5, 33)\n",
                    "dh = dy[:, 7:] @ W2[7:] + dy[:, :7] @ W2[:7]  # (5, 33)\n",
                ),
                (
                    "dx = dh @ W1  # (5, 24)\n",
                    "dx = dh[:, 16:] @ W1[16:] + dh[:, :16] @ W1[:16]  # (5, 24)\n",
                ),
                ("dy.T @ h", "dy.flip(0).T @ h.flip(0)"),
                ("dy.sum(dim=0)", "dy.flip(0).sum(dim=0)"),
                ("dh.T @ x", "dh.flip(0).T @ x.flip(0)"),
                ("dh.sum(dim=0)", "dh.flip(0).sum(dim=0)"),
            ),
        ),
        Edit(
            "einsum",
            (
                ("dy.T @ h", 'torch.einsum("no,nh->oh", dy, h)'),
                ("dy.sum(dim=0)", 'torch.einsum("no->o", dy)'),
                ("dy @ W2", 'torch.einsum("no,oh->nh", dy, W2)'),
                ("dh.T @ x", 'torch.einsum("nh,ni->hi", dh, x)'),
                ("dh.sum(dim=0)", 'torch.einsum("nh->h", dh)'),
                ("dh @ W1", 'torch.einsum("nh,hi->ni", dh, W1)'),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    """\
    h = linear(x, W1, b1)  # (5, 33)
    y = linear(h, W2, b2)  # (5, 14)
""",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, W1, b1, W2, b2, target = (t.detach().to(wide).numpy() for t in (x, W1, b1, W2, b2, target))
    h = np.matmul(x, W1.T) + b1  # (5, 33)
    y = np.matmul(h, W2.T) + b2  # (5, 14)
""",
                ),
                ("dy.sum(dim=0)", "np.sum(dy, axis=0)"),
                ("dh.sum(dim=0)", "np.sum(dh, axis=0)"),
                ("g.to(x.dtype)", "torch.from_numpy(g).to(dtype)"),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    h = linear(x, W1, b1)  # (5, 33)\n",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, W1, b1 = x.float(), W1.float(), b1.float()
        W2, b2, target = W2.float(), b2.float(), target.float()
    h = linear(x, W1, b1)  # (5, 33)
""",
                ),
                ("g.to(x.dtype)", "g.to(dtype)"),
            ),
        ),
    ),
    mistakes=(
        Edit("the loss's half forgotten", (("y - target", "2 * (y - target)"),), "factor"),
        Edit(
            "second layer averaged over the batch, first layer summed",
            (
                ("dW2 = dy.T @ h", "dW2 = dy.T @ h / len(x)"),
                ("db2 = dy.sum(dim=0)", "db2 = dy.mean(dim=0)"),
            ),
            "factor",
        ),
        Edit(
            "second layer's weights laid out as (in, out)",
            (("dy.T @ h", "(h.T @ dy).reshape(W2.shape)"),),
            "transposed",
        ),
        Edit(
            "hidden layer detached",
            (("dh = dy @ W2", "dh = torch.zeros_like(h)"),),
            "zero",
        ),
        Edit(
            "first layer's weights' gradient never cleared",
            (
                ("linear\n\n\n", "linear\n\nheld = {}\n\n\n"),
                (
                    "dW1 = dh.T @ x  # (33, 24)\n",
                    "dW1 = held.get(x.dtype, 0) + dh.T @ x  # (33, 24)\n    held[x.dtype] = dW1\n",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "hidden bias's gradient averaged over units",
            (("dh.sum(dim=0)", "dh.sum(dim=0).mean().repeat(len(b1))"),),
            "other sum",
        ),
        Edit(
            "hidden units read one too far",
            (("dy @ W2", "dy @ W2.roll(1, dims=1)"),),
            "shifted",
        ),
        Edit(
            "hidden bias left out of the recomputed layer",
            (("h = linear(x, W1, b1)", "h = linear(x, W1)"),),
            "missing",
        ),
        Edit(
            "upstream gradient not multiplied into the hidden layer",
            (("dy @ W2", "W2.sum(dim=0).repeat(len(x), 1)"),),
            "missing",
        ),
        Edit(
            "hidden units past the block of 32 left out of the input's sum",
            (("dh @ W1", "dh[:, :32] @ W1[:32]"),),
            "missing|confined",
        ),
        Edit(
            "hidden units past the block of 32 not written",
            (("dW1 = dh.T @ x  # (33, 24)\n", "dW1 = dh.T @ x\n    dW1[32:] = 0\n"),),
            "confined",
        ),
        Edit(
            "derivative of a ReLU that is not there",
            (("dh = dy @ W2", "dh = (dy @ W2) * (h > 0)"),),
            "operation",
        ),
        Edit(
            "second layer's weights used after their update",
            (("dh = dy @ W2", "dh = dy @ (W2 - 0.01 * dW2)"),),
            "operation",
        ),
        Edit(
            "activations saved in float16",
            (("dW2 = dy.T @ h", "dW2 = dy.T @ h.half().to(h.dtype)"),),
            "precision",
        ),
        Edit(
            "float32 hard-coded",
            (
                ("dh = dy @ W2", "dh = dy.float() @ W2.float()"),
                ("dh.T @ x", "dh.T @ x.float()"),
                ("dh @ W1", "dh @ W1.float()"),
            ),
            "precision",
        ),
    ),
)
