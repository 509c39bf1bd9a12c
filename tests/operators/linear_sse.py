"""A linear layer under half the summed squared error."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="linear_sse",
    tensors={
        "x": {"shape": [5, 12], "draw": "randn", "requires_grad": True},
        "W": {"shape": [7, 12], "draw": "linear_default", "fan_in": 12, "requires_grad": True},
        "b": {"shape": [7], "draw": "linear_default", "fan_in": 12, "requires_grad": True},
        "target": {"shape": [5, 7], "draw": "randn"},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import linear


def forward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> Tensor:
    y = linear(x, W, b)  # (5, 7)
    return 0.5 * ((y - target) ** 2).sum()  # ()
""",
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> dict[str, Tensor]:
    y = torch.nn.functional.linear(x, W, b)  # (5, 7)
    dy = y - target  # (5, 7)
    dx = dy @ W  # (5, 12)
    dW = dy.T @ x  # (7, 12)
    db = dy.sum(dim=0)  # (7,)
    return {"x": dx, "W": dW, "b": db}
""",
    variants=(
        Edit(
            "samples added one after another",
            (
                (
                    "    dW = dy.T @ x  # (7, 12)\n    db = dy.sum(dim=0)  # (7,)\n",
                    """\
    dW = torch.zeros_like(W)
    db = torch.zeros_like(b)
    for i in range(len(x)):
        dW = dW + torch.outer(dy[i], x[i])
        db = db + dy[i]
""",
                ),
            ),
        ),
        Edit(
            "every sum from its last term to its first",
            (
                ("dx = dy @ W", "dx = dy.flip(1) @ W.flip(0)"),
                ("dW = dy.T @ x", "dW = dy.flip(0).T @ x.flip(0)"),
                ("db = dy.sum(dim=0)", "db = dy.flip(0).sum(dim=0)"),
            ),
        ),
        Edit(
            "samples added pairwise",
            (
                (
                    "    dW = dy.T @ x  # (7, 12)\n    db = dy.sum(dim=0)  # (7,)\n",
                    """\
    columns = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (5, 13)
    terms = dy[:, :, None] * columns[:, None, :]  # (5, 7, 13)
    while len(terms) > 1:
        half = len(terms) // 2
        terms = torch.cat([terms[:half] + terms[half : 2 * half], terms[2 * half :]])
    dW = terms[0, :, :-1]  # (7, 12)
    db = terms[0, :, -1]  # (7,)
""",
                ),
            ),
        ),
        Edit(
            "bias as a column of the weights, einsum",
            (
                (
                    "    y = torch.nn.functional.linear(x, W, b)  # (5, 7)\n",
                    """\
    columns = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (5, 13)
    weights = torch.cat([W, b[:, None]], dim=1)  # (7, 13)
    y = torch.einsum("ni,oi->no", columns, weights)  # (5, 7)
""",
                ),
                ("dx = dy @ W", 'dx = torch.einsum("no,oi->ni", dy, W)'),
                (
                    "    dW = dy.T @ x  # (7, 12)\n    db = dy.sum(dim=0)  # (7,)\n",
                    """\
    dweights = torch.einsum("no,ni->oi", dy, columns)  # (7, 13)
    dW = dweights[:, :-1]  # (7, 12)
    db = dweights[:, -1]  # (7,)
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                (
                    "    y = torch.nn.functional.linear(x, W, b)  # (5, 7)\n",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, W, b, target = (t.detach().to(wide).numpy() for t in (x, W, b, target))
    y = np.matmul(x, W.T) + b  # (5, 7)
""",
                ),
                ("import torch\n", "import numpy as np\nimport torch\n"),
                ("dy.sum(dim=0)", "np.sum(dy, axis=0)"),
                (
                    'return {"x": dx, "W": dW, "b": db}',
                    (
                        'grads = {"x": dx, "W": dW, "b": db}\n'
                        "    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    y = torch",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, W, b, target = x.float(), W.float(), b.float(), target.float()
    y = torch""",
                ),
                (
                    'return {"x": dx, "W": dW, "b": db}',
                    'return {"x": dx.to(dtype), "W": dW.to(dtype), "b": db.to(dtype)}',
                ),
            ),
        ),
    ),
    mistakes=(
        Edit("the loss's half forgotten", (("y - target", "2 * (y - target)"),), "factor"),
        Edit("target minus prediction", (("y - target", "target - y"),), "factor"),
        Edit(
            "weights' gradient averaged over the batch",
            (("dy.T @ x", "dy.T @ x / len(x)"),),
            "factor",
        ),
        Edit(
            "weights' gradient laid out as (in, out)",
            (("dy.T @ x", "(x.T @ dy).reshape(W.shape)"),),
            "transposed",
        ),
        Edit("bias detached", (("dy.sum(dim=0)", "torch.zeros_like(b)"),), "zero"),
        Edit(
            "bias's gradient never cleared",
            (
                ("from torch import Tensor\n", "from torch import Tensor\n\nheld = {}\n"),
                (
                    "db = dy.sum(dim=0)  # (7,)\n",
                    "db = held.get(x.dtype, 0) + dy.sum(dim=0)  # (7,)\n    held[x.dtype] = db\n",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "bias's gradient summed over units too",
            (("dy.sum(dim=0)", "dy.sum().repeat(len(b))"),),
            "other sum",
        ),
        Edit(
            "input read one sample too far for the weights",
            (("dy.T @ x", "dy.T @ x.roll(1, dims=0)"),),
            "shifted",
        ),
        Edit(
            "bias left out of the recomputed prediction",
            (("linear(x, W, b)", "linear(x, W)"),),
            "missing",
        ),
        Edit(
            "last sample left out of the weights' sum",
            (("dy.T @ x", "dy[:-1].T @ x[:-1]"),),
            "missing|confined",
        ),
        Edit(
            "samples past the first block of four not written",
            (("dx = dy @ W  # (5, 12)\n", "dx = dy @ W  # (5, 12)\n    dx[4:] = 0\n"),),
            "confined",
        ),
        Edit(
            "corner tile of the weights not written",
            (("dW = dy.T @ x  # (7, 12)\n", "dW = dy.T @ x  # (7, 12)\n    dW[4:, 8:] = 0\n"),),
            "confined",
        ),
        Edit(
            "gradient of the absolute error", (("y - target", "(y - target).sign()"),), "operation"
        ),
        Edit("prediction in place of its error", (("dy.T @ x", "y.T @ x"),), "operation|missing"),
        Edit(
            "products in bfloat16",
            (
                ("dy @ W", "(dy.bfloat16() @ W.bfloat16()).to(x.dtype)"),
                ("dy.T @ x", "(dy.T.bfloat16() @ x.bfloat16()).to(x.dtype)"),
            ),
            "precision",
        ),
    ),
)
