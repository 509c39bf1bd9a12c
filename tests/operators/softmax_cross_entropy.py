"""A linear layer, softmax and the mean cross-entropy of class indices."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="softmax_cross_entropy",
    tensors={
        "x": {"shape": [6, 40], "draw": "randn", "requires_grad": True},
        "W": {"shape": [11, 40], "draw": "randn", "requires_grad": True},
        "b": {"shape": [11], "draw": "randn", "requires_grad": True},
        "target": {"shape": [6], "draw": "randint", "high": 11},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import cross_entropy, linear


def forward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> Tensor:
    y = linear(x, W, b)  # (6, 11)
    return cross_entropy(y, target)  # ()
""",
    backward="""\
import torch
from torch import Tensor
from torch.nn.functional import linear, one_hot


def backward(x: Tensor, W: Tensor, b: Tensor, target: Tensor) -> dict[str, Tensor]:
    y = linear(x, W, b)  # (6, 11)
    e = torch.exp(y - y.amax(dim=1, keepdim=True))  # (6, 11)
    p = e / e.sum(dim=1, keepdim=True)  # (6, 11)
    t = one_hot(target, num_classes=11).to(p.dtype)  # (6, 11)
    dy = (p - t) / len(target)  # (6, 11)
    dx = dy @ W  # (6, 40)
    dW = dy.T @ x  # (11, 40)
    db = dy.sum(dim=0)  # (11,)
    return {"x": dx, "W": dW, "b": db}
""",
    variants=(
        Edit(
            "torch's softmax, one subtracted in place at the target",
            (
                (
                    """\
    e = torch.exp(y - y.amax(dim=1, keepdim=True))  # (6, 11)
    p = e / e.sum(dim=1, keepdim=True)  # (6, 11)
    t = one_hot(target, num_classes=11).to(p.dtype)  # (6, 11)
    dy = (p - t) / len(target)  # (6, 11)
""",
                    """\
    dy = torch.softmax(y, dim=1)  # (6, 11)
    dy[torch.arange(len(target)), target] -= 1
    dy /= len(target)
""",
                ),
            ),
        ),
        Edit(
            "exponential of the log-softmax",
            (
                (
                    """\
    e = torch.exp(y - y.amax(dim=1, keepdim=True))  # (6, 11)
    p = e / e.sum(dim=1, keepdim=True)  # (6, 11)
""",
                    "    p = torch.log_softmax(y, dim=1).exp()  # (6, 11)\n",
                ),
            ),
        ),
        Edit(
            "samples one after another, the last first",
            (
                (
                    "    dW = dy.T @ x  # (11, 40)\n    db = dy.sum(dim=0)  # (11,)\n",
                    """\
    dW = torch.zeros_like(W)
    db = torch.zeros_like(b)
    for i in reversed(range(len(x))):
        dW = dW + torch.outer(dy[i], x[i])
        db = db + dy[i]
""",
                ),
            ),
        ),
        Edit(
            "einsum, divided by the batch at the end",
            (
                ("dy = (p - t) / len(target)", "dy = p - t"),
                ("dx = dy @ W", 'dx = torch.einsum("nc,ci->ni", dy, W) / len(target)'),
                ("dW = dy.T @ x", 'dW = torch.einsum("nc,ni->ci", dy, x) / len(target)'),
                ("db = dy.sum(dim=0)", "db = dy.mean(dim=0)"),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    """\
    y = linear(x, W, b)  # (6, 11)
    e = torch.exp(y - y.amax(dim=1, keepdim=True))  # (6, 11)
    p = e / e.sum(dim=1, keepdim=True)  # (6, 11)
    t = one_hot(target, num_classes=11).to(p.dtype)  # (6, 11)
    dy = (p - t) / len(target)  # (6, 11)
""",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, W, b = (t.detach().to(wide).numpy() for t in (x, W, b))
    y = np.matmul(x, W.T) + b  # (6, 11)
    e = np.exp(y - y.max(axis=1, keepdims=True))  # (6, 11)
    dy = e / e.sum(axis=1, keepdims=True)  # (6, 11)
    dy[np.arange(len(target)), target.numpy()] -= 1
    dy /= len(target)
""",
                ),
                ("dy.sum(dim=0)", "dy.sum(axis=0)"),
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
                    "    y = linear(x, W, b)",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, W, b = x.float(), W.float(), b.float()
    y = linear(x, W, b)""",
                ),
                (
                    'return {"x": dx, "W": dW, "b": db}',
                    'return {"x": dx.to(dtype), "W": dW.to(dtype), "b": db.to(dtype)}',
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "summed over the batch, not averaged", (("(p - t) / len(target)", "p - t"),), "factor"
        ),
        Edit(
            "averaged over samples and classes",
            (("/ len(target)", "/ p.numel()"),),
            "factor",
        ),
        Edit(
            "weights' gradient laid out as (in, classes)",
            (("dy.T @ x", "(x.T @ dy).reshape(W.shape)"),),
            "transposed",
        ),
        Edit("input detached", (("dx = dy @ W", "dx = torch.zeros_like(x)"),), "zero"),
        Edit(
            "bias's gradient never cleared",
            (
                ("one_hot\n\n\n", "one_hot\n\nheld = {}\n\n\n"),
                (
                    "db = dy.sum(dim=0)  # (11,)\n",
                    "db = held.get(x.dtype, 0) + dy.sum(dim=0)  # (11,)\n    held[x.dtype] = db\n",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "softmax over the batch",
            (
                ("y.amax(dim=1, keepdim=True)", "y.amax(dim=0, keepdim=True)"),
                ("e.sum(dim=1, keepdim=True)", "e.sum(dim=0, keepdim=True)"),
            ),
            "other sum",
        ),
        Edit(
            "classes counted from one",
            (("one_hot(target, ", "one_hot((target - 1) % 11, "),),
            "shifted",
        ),
        Edit("target not subtracted", (("(p - t) /", "p /"),), "missing"),
        Edit("normalisation detached", (("(p - t) /", "(p - 1) * t /"),), "missing"),
        Edit(
            "classes past the block of eight not written",
            (("dW = dy.T @ x  # (11, 40)\n", "dW = dy.T @ x\n    dW[8:] = 0\n"),),
            "confined",
        ),
        Edit(
            "label smoothing of 0.1 left on",
            (("/ len(target)", "/ len(target) + 0.1 * (t - 1 / 11) / len(target)"),),
            "constant",
        ),
        Edit(
            "softmax's derivative multiplied once more",
            (("(p - t) /", "(p - t) * p * (1 - p) /"),),
            "operation",
        ),
        Edit(
            "sigmoid in place of softmax",
            (("p = e / e.sum(dim=1, keepdim=True)", "p = torch.sigmoid(y)"),),
            "operation",
        ),
        Edit(
            "exponential without the maximum",
            (("torch.exp(y - y.amax(dim=1, keepdim=True))", "torch.exp(y)"),),
            "precision",
        ),
        Edit(
            "logits in bfloat16",
            (("y = linear(x, W, b)", "y = linear(x, W, b).bfloat16().to(x.dtype)"),),
            "precision",
        ),
    ),
)
