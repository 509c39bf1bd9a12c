"""Cosine similarity along the last axis, one side broadcast over the batch."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="cosine_similarity",
    tensors={
        "x": {"shape": [5, 7, 24], "draw": "randn", "requires_grad": True},
        "y": {"shape": [7, 24], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""Cosine of the angle between the rows of x and those of y, which the batch shares."""

from torch import Tensor
from torch.nn.functional import cosine_similarity


def forward(x: Tensor, y: Tensor) -> Tensor:
    return cosine_similarity(x, y, dim=-1)  # (5, 7)
''',
    backward='''\
"""The gradient of forward.py, with u = x / |x|, v = y / |y|, c = u.v."""

import torch
from torch import Tensor


def backward(x: Tensor, y: Tensor, dout: Tensor) -> dict[str, Tensor]:
    nx = torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # (5, 7, 1)
    ny = torch.linalg.vector_norm(y, dim=-1, keepdim=True)  # (7, 1)
    u = x / nx  # (5, 7, 24)
    v = y / ny  # (7, 24)
    c = (u * v).sum(dim=-1, keepdim=True)  # (5, 7, 1)
    g = dout.unsqueeze(-1)  # (5, 7, 1)
    dx = g * (v - c * u) / nx  # (5, 7, 24)
    dy = (g * (u - c * v) / ny).sum(dim=0)  # (7, 24)
    return {"x": dx, "y": dy}
''',
    variants=(
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    nx = torch",
                    (
                        "    dtype = x.dtype\n"
                        "    if dtype in (torch.float16, torch.bfloat16):\n"
                        "        x, y, dout = x.float(), y.float(), dout.float()\n"
                        "    nx = torch"
                    ),
                ),
                ('{"x": dx, "y": dy}', '{"x": dx.to(dtype), "y": dy.to(dtype)}'),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "def backward(",
                    (
                        "def array(t: Tensor) -> np.ndarray:\n"
                        "    return (t.float() if t.element_size() == 2 else t).detach().numpy()\n"
                        "\n\ndef backward("
                    ),
                ),
                (
                    "    nx = torch.linalg.vector_norm(x, dim=-1, keepdim=True)",
                    (
                        "    dtype = x.dtype\n"
                        "    x, y, dout = array(x), array(y), array(dout)\n"
                        "    nx = np.sqrt(np.square(x).sum(axis=-1, keepdims=True))"
                    ),
                ),
                (
                    "torch.linalg.vector_norm(y, dim=-1, keepdim=True)",
                    "np.sqrt(np.square(y).sum(axis=-1, keepdims=True))",
                ),
                ("(u * v).sum(dim=-1, keepdim=True)", "(u * v).sum(axis=-1, keepdims=True)"),
                ("dout.unsqueeze(-1)", "dout[:, :, np.newaxis]"),
                ("sum(dim=0)", "sum(axis=0)"),
                (
                    '    return {"x": dx, "y": dy}',
                    (
                        '    grads = {"x": dx, "y": dy}\n'
                        "    return {n: torch.from_numpy(a).to(dtype) for n, a in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "unnormalised: y / (|x||y|) - c x / |x|^2",
            (
                ("g * (v - c * u) / nx", "g * (y / (nx * ny) - c * x / nx.square())"),
                ("(g * (u - c * v) / ny)", "(g * (x / (nx * ny) - c * y / ny.square()))"),
            ),
        ),
        Edit(
            "y by a loop over the batch, last first",
            (
                (
                    "    dy = (g * (u - c * v) / ny).sum(dim=0)  # (7, 24)\n",
                    (
                        "    dy = torch.zeros_like(y)  # (7, 24)\n"
                        "    for i in reversed(range(len(x))):\n"
                        "        dy = dy + g[i] * (u[i] - c[i] * v) / ny\n"
                    ),
                ),
            ),
        ),
        Edit(
            "y: division after the sum over the batch",
            (("(g * (u - c * v) / ny).sum(dim=0)", "(g * (u - c * v)).sum(dim=0) / ny"),),
        ),
        Edit(
            "einsum and norms by hand",
            (
                (
                    "torch.linalg.vector_norm(x, dim=-1, keepdim=True)",
                    'torch.einsum("bnd,bnd->bn", x, x).sqrt().unsqueeze(-1)',
                ),
                (
                    "torch.linalg.vector_norm(y, dim=-1, keepdim=True)",
                    'torch.einsum("nd,nd->n", y, y).sqrt().unsqueeze(-1)',
                ),
                (
                    "(u * v).sum(dim=-1, keepdim=True)",
                    'torch.einsum("bnd,nd->bn", u, v).unsqueeze(-1)',
                ),
            ),
        ),
    ),
    mistakes=(
        Edit("projection left out of dx", (("(v - c * u)", "v"),), "missing"),
        Edit("projection left out of dy", (("(u - c * v)", "u"),), "missing"),
        Edit("projection added in dx", (("(v - c * u)", "(v + c * u)"),), "operation|factor"),
        Edit("projection on the wrong vector", (("(v - c * u)", "(v - c * v)"),), "operation"),
        Edit(
            "sine for cosine in the projection",
            (("(v - c * u)", "(v - (1 - c * c).sqrt() * u)"),),
            "operation",
        ),
        Edit("norms swapped in dx", (("(v - c * u) / nx", "(v - c * u) / ny"),), "operation"),
        Edit("norm forgotten in dx", (("g * (v - c * u) / nx", "g * (v - c * u)"),), "missing"),
        Edit("x not normalised in dy", (("(u - c * v) / ny", "(x - c * v) / ny"),), "operation"),
        Edit(
            "squared norm in dy", (("(u - c * v) / ny", "(u - c * v) / ny.square()"),), "operation"
        ),
        Edit("dy averaged over the batch", ((".sum(dim=0)", ".mean(dim=0)"),), "factor"),
        Edit("dy not summed over the batch", ((".sum(dim=0)", "[0]"),), "other sum|confined"),
        Edit(
            "distance for similarity",
            (("g = dout.unsqueeze(-1)", "g = -dout.unsqueeze(-1)"),),
            "factor",
        ),
        Edit("y's rows off by one in dx", (("(v - c * u)", "(v.roll(1, 0) - c * u)"),), "shifted"),
        Edit(
            "last row of dx left zero",
            (("    return {", "    dx[:, -1] = 0\n    return {"),),
            "confined",
        ),
        Edit(
            "norms in bfloat16",
            (("x / nx  #", "x / nx.bfloat16().to(x.dtype)  #"),),
            "precision",
        ),
    ),
)
