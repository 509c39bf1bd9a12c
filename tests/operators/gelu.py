"""GELU in its tanh approximation."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="gelu",
    tensors={"x": {"shape": [4, 6, 23], "draw": "randn", "requires_grad": True}},
    forward="""\
from torch import Tensor
from torch.nn.functional import gelu


def forward(x: Tensor) -> Tensor:
    return gelu(x, approximate="tanh")  # (4, 6, 23)
""",
    backward="""\
import math

import torch
from torch import Tensor


def backward(x: Tensor, dout: Tensor) -> dict[str, Tensor]:
    c = math.sqrt(2 / math.pi)
    u = c * (x + 0.044715 * x**3)  # (4, 6, 23)
    t = torch.tanh(u)  # (4, 6, 23)
    dt = 1 - t**2  # (4, 6, 23)
    du = c * (1 + 3 * 0.044715 * x**2)  # (4, 6, 23)
    dx = dout * (0.5 * (1 + t) + 0.5 * x * dt * du)  # (4, 6, 23)
    return {"x": dx}
""",
    variants=(
        Edit(
            "sigmoid of twice the argument",
            (
                (
                    """\
    t = torch.tanh(u)  # (4, 6, 23)
    dt = 1 - t**2  # (4, 6, 23)
""",
                    "    g = torch.sigmoid(2 * u)  # (4, 6, 23)\n",
                ),
                (
                    "dout * (0.5 * (1 + t) + 0.5 * x * dt * du)",
                    "dout * (g + x * g * torch.sigmoid(-2 * u) * 2 * du)",
                ),
            ),
        ),
        Edit(
            "hyperbolic cosine, polynomials factored",
            (
                (
                    "u = c * (x + 0.044715 * x**3)",
                    "x2 = x * x\n    u = c * x * (1 + 0.044715 * x2)",
                ),
                ("dt = 1 - t**2", "dt = (1 / torch.cosh(u)) ** 2"),
                ("du = c * (1 + 3 * 0.044715 * x**2)", "du = c + 3 * c * 0.044715 * x2"),
            ),
        ),
        Edit(
            "product rule's second term first, difference of squares",
            (
                ("dt = 1 - t**2", "dt = (1 - t) * (1 + t)"),
                (
                    "dout * (0.5 * (1 + t) + 0.5 * x * dt * du)",
                    "0.5 * (dout * x * du * dt + dout * (1 + t))",
                ),
            ),
        ),
        Edit(
            "flattened, in blocks of 100 elements",
            (
                (
                    """\
    u = c * (x + 0.044715 * x**3)  # (4, 6, 23)
    t = torch.tanh(u)  # (4, 6, 23)
    dt = 1 - t**2  # (4, 6, 23)
    du = c * (1 + 3 * 0.044715 * x**2)  # (4, 6, 23)
    dx = dout * (0.5 * (1 + t) + 0.5 * x * dt * du)  # (4, 6, 23)
""",
                    """\
    dx = torch.empty_like(x).flatten()  # (552,)
    for start in range(0, x.numel(), 100):
        xi = x.flatten()[start : start + 100]  # (100,)
        doi = dout.flatten()[start : start + 100]  # (100,)
        t = torch.tanh(c * (xi + 0.044715 * xi * xi * xi))
        du = c * (1 + 3 * 0.044715 * xi * xi)
        dx[start : start + 100] = 0.5 * doi * (1 + t + xi * (1 - t * t) * du)
    dx = dx.reshape(x.shape)  # (4, 6, 23)
""",
                ),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "    c = math.sqrt(2 / math.pi)\n",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, dout = x.detach().to(wide).numpy(), dout.detach().to(wide).numpy()
    c = math.sqrt(2 / math.pi)
""",
                ),
                ("torch.tanh(u)", "np.tanh(u)"),
                ('{"x": dx}', '{"x": torch.from_numpy(dx).to(dtype)}'),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    c = math.sqrt(2 / math.pi)\n",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, dout = x.float(), dout.float()
    c = math.sqrt(2 / math.pi)
""",
                ),
                ('{"x": dx}', '{"x": dx.to(dtype)}'),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "both halves forgotten",
            (("0.5 * (1 + t) + 0.5 * x * dt * du", "1 + t + x * dt * du"),),
            "factor",
        ),
        Edit(
            "rows and columns swapped in memory",
            (('{"x": dx}', '{"x": dx.transpose(1, 2).reshape(x.shape)}'),),
            "transposed",
        ),
        Edit(
            "gradient never cleared",
            (
                ("from torch import Tensor\n", "from torch import Tensor\n\nheld = {}\n"),
                (
                    "    return",
                    "    dx = held.get(x.dtype, 0) + dx\n    held[x.dtype] = dx\n    return",
                ),
            ),
            "accumulated",
        ),
        Edit(
            "upstream gradient read one column too far",
            (("dx = dout *", "dx = dout.roll(1, dims=-1) *"),),
            "shifted",
        ),
        Edit("second term dropped", ((" + 0.5 * x * dt * du", ""),), "missing"),
        Edit(
            "inner derivative's cubic part dropped",
            (("c * (1 + 3 * 0.044715 * x**2)", "c"),),
            "missing",
        ),
        Edit("derivative of tanh dropped", (("x * dt * du", "x * du"),), "missing"),
        Edit(
            "zero for negative input",
            (("# (4, 6, 23)\n    return", "# (4, 6, 23)\n    dx[x < 0] = 0\n    return"),),
            "confined|operation",
        ),
        Edit(
            "columns past the block of 16 not written",
            (("# (4, 6, 23)\n    return", "# (4, 6, 23)\n    dx[..., 16:] = 0\n    return"),),
            "confined",
        ),
        Edit("0.04715 in the argument", (("(x + 0.044715", "(x + 0.04715"),), "constant"),
        Edit("root of 2 / pi cut to 0.79", (("math.sqrt(2 / math.pi)", "0.79"),), "constant"),
        Edit(
            "three forgotten in the cube's derivative",
            (("3 * 0.044715", "0.044715"),),
            "constant|missing|factor",
        ),
        Edit(
            "derivative of the exact GELU",
            (
                (
                    "dout * (0.5 * (1 + t) + 0.5 * x * dt * du)",
                    """\
dout * (
        0.5 * (1 + torch.erf(x / math.sqrt(2)))
        + x * torch.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
    )""",
                ),
            ),
            "operation",
        ),
        Edit("one minus tanh for its derivative", (("1 - t**2", "1 - t"),), "operation"),
        Edit(
            "tanh in float16",
            (("torch.tanh(u)", "torch.tanh(u.half()).to(x.dtype)"),),
            "precision",
        ),
    ),
)
