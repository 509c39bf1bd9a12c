"""Softmax along the last axis."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="softmax",
    tensors={"x": {"shape": [3, 7, 19], "draw": "randn", "requires_grad": True}},
    forward="""\
import torch
from torch import Tensor


def forward(x: Tensor) -> Tensor:
    return torch.softmax(x, dim=-1)  # (3, 7, 19)
""",
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, dout: Tensor) -> dict[str, Tensor]:
    e = torch.exp(x - x.amax(dim=-1, keepdim=True))  # (3, 7, 19)
    p = e / e.sum(dim=-1, keepdim=True)  # (3, 7, 19)
    s = (dout * p).sum(dim=-1, keepdim=True)  # (3, 7, 1)
    dx = p * (dout - s)  # (3, 7, 19)
    return {"x": dx}
""",
    variants=(
        Edit(
            "torch's softmax, product multiplied out",
            (
                (
                    """\
    e = torch.exp(x - x.amax(dim=-1, keepdim=True))  # (3, 7, 19)
    p = e / e.sum(dim=-1, keepdim=True)  # (3, 7, 19)
    s = (dout * p).sum(dim=-1, keepdim=True)  # (3, 7, 1)
    dx = p * (dout - s)  # (3, 7, 19)
""",
                    """\
    p = torch.softmax(x, dim=-1)  # (3, 7, 19)
    dp = dout * p  # (3, 7, 19)
    dx = dp - p * dp.sum(dim=-1, keepdim=True)  # (3, 7, 19)
""",
                ),
            ),
        ),
        Edit(
            "Jacobian of each row written out",
            (
                (
                    """\
    s = (dout * p).sum(dim=-1, keepdim=True)  # (3, 7, 1)
    dx = p * (dout - s)  # (3, 7, 19)
""",
                    """\
    J = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]  # (3, 7, 19, 19)
    dx = torch.einsum("abij,abj->abi", J, dout)  # (3, 7, 19)
""",
                ),
            ),
        ),
        Edit(
            "streamed over blocks of columns with a running maximum",
            (
                (
                    """\
    e = torch.exp(x - x.amax(dim=-1, keepdim=True))  # (3, 7, 19)
    p = e / e.sum(dim=-1, keepdim=True)  # (3, 7, 19)
""",
                    """\
    m = torch.full_like(x[..., :1], -math.inf)  # (3, 7, 1)
    z = torch.zeros_like(m)  # (3, 7, 1)
    for block in x.split(8, dim=-1):
        new = torch.maximum(m, block.amax(dim=-1, keepdim=True))
        z = z * torch.exp(m - new) + torch.exp(block - new).sum(dim=-1, keepdim=True)
        m = new
    p = torch.exp(x - m) / z  # (3, 7, 19)
""",
                ),
                ("import torch\n", "import math\n\nimport torch\n"),
            ),
        ),
        Edit(
            "both sums one column after another, the last first",
            (
                (
                    """\
    p = e / e.sum(dim=-1, keepdim=True)  # (3, 7, 19)
    s = (dout * p).sum(dim=-1, keepdim=True)  # (3, 7, 1)
""",
                    """\
    z = torch.zeros_like(x[..., :1])  # (3, 7, 1)
    for i in reversed(range(x.shape[-1])):
        z = z + e[..., i, None]
    p = e / z  # (3, 7, 19)
    s = torch.zeros_like(z)  # (3, 7, 1)
    for i in reversed(range(x.shape[-1])):
        s = s + dout[..., i, None] * p[..., i, None]
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    """\
    e = torch.exp(x - x.amax(dim=-1, keepdim=True))  # (3, 7, 19)
    p = e / e.sum(dim=-1, keepdim=True)  # (3, 7, 19)
    s = (dout * p).sum(dim=-1, keepdim=True)  # (3, 7, 1)
""",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, dout = x.detach().to(wide).numpy(), dout.detach().to(wide).numpy()
    e = np.exp(x - x.max(axis=-1, keepdims=True))  # (3, 7, 19)
    p = e / e.sum(axis=-1, keepdims=True)  # (3, 7, 19)
    s = (dout * p).sum(axis=-1, keepdims=True)  # (3, 7, 1)
""",
                ),
                ('{"x": dx}', '{"x": torch.from_numpy(dx).to(dtype)}'),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    e = torch",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, dout = x.float(), dout.float()
    e = torch""",
                ),
                ('{"x": dx}', '{"x": dx.to(dtype)}'),
            ),
        ),
    ),
    mistakes=(
        Edit("sign", (("dout - s", "s - dout"),), "factor"),
        Edit(
            "rows and columns swapped in memory",
            (('{"x": dx}', '{"x": dx.transpose(1, 2).reshape(x.shape)}'),),
            "transposed",
        ),
        Edit("written from the last column", (('{"x": dx}', '{"x": dx.flip(-1)}'),), "transposed"),
        Edit("input detached", (('{"x": dx}', '{"x": torch.zeros_like(x)}'),), "zero"),
        Edit(
            "gradient never cleared",
            (
                ("from torch import Tensor\n", "from torch import Tensor\n\nheld = {}\n"),
                (
                    "dx = p * (dout - s)  # (3, 7, 19)\n",
                    (
                        "dx = held.get(x.dtype, 0) + p * (dout - s)  # (3, 7, 19)\n"
                        "    held[x.dtype] = dx\n"
                    ),
                ),
            ),
            "accumulated",
        ),
        Edit(
            "projection summed over the rows",
            (("(dout * p).sum(dim=-1", "(dout * p).sum(dim=1"),),
            "other sum",
        ),
        Edit(
            "projection averaged in place of summed",
            (("(dout * p).sum(", "(dout * p).mean("),),
            "other sum|factor",
        ),
        Edit(
            "probabilities read one column too far in the projection",
            (("(dout * p)", "(dout * p.roll(1, dims=-1))"),),
            "shifted",
        ),
        Edit("projection dropped", (("dout - s", "dout"),), "missing"),
        Edit(
            "columns past the block of 16 left out of the projection",
            (("(dout * p)", "(dout * p)[..., :16]"),),
            "missing|confined",
        ),
        Edit(
            "columns past the block of 16 not written",
            (("# (3, 7, 19)\n    return", "# (3, 7, 19)\n    dx[..., 16:] = 0\n    return"),),
            "confined",
        ),
        Edit(
            "log2(e) cut to 1.44",
            (
                (
                    "torch.exp(x - x.amax(dim=-1, keepdim=True))",
                    "torch.exp2(1.44 * (x - x.amax(dim=-1, keepdim=True)))",
                ),
            ),
            "constant",
        ),
        Edit(
            "sigmoid's derivative",
            (("p * (dout - s)", "dout * p * (1 - p)"),),
            "operation|other sum",
        ),
        Edit(
            "probabilities saved in float16",
            (("e / e.sum(dim=-1, keepdim=True)", "(e / e.sum(-1, True)).half().to(x.dtype)"),),
            "precision",
        ),
        Edit(
            "float32 hard-coded",
            (
                ("torch.exp(x - x.amax(", "torch.exp(x.float() - x.float().amax("),
                ('{"x": dx}', '{"x": dx.to(x.dtype)}'),
            ),
            "precision",
        ),
    ),
)
