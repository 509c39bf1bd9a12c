"""Batch normalisation in training: over the batch's own mean and variance."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="batch_norm",
    tensors={
        "x": {"shape": [13, 26], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [26], "draw": "randn", "requires_grad": True},
        "beta": {"shape": [26], "draw": "randn", "requires_grad": True},
    },
    forward="""\
from torch import Tensor
from torch.nn.functional import batch_norm


def forward(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    return batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)  # (13, 26)
""",
    backward="""\
import torch
from torch import Tensor


def backward(x: Tensor, gamma: Tensor, beta: Tensor, dout: Tensor) -> dict[str, Tensor]:
    mu = x.mean(dim=0)  # (26,)
    xc = x - mu  # (13, 26)
    var = (xc * xc).mean(dim=0)  # (26,)
    rstd = torch.rsqrt(var + 1e-5)  # (26,)
    xhat = xc * rstd  # (13, 26)
    dbeta = dout.sum(dim=0)  # (26,)
    dgamma = (dout * xhat).sum(dim=0)  # (26,)
    dxhat = dout * gamma  # (13, 26)
    m1 = dxhat.mean(dim=0)  # (26,)
    m2 = (dxhat * xhat).mean(dim=0)  # (26,)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (13, 26)
    return {"x": dx, "gamma": dgamma, "beta": dbeta}
""",
    variants=(
        Edit(
            "from the gradients of gain and bias",
            (
                (
                    """\
    dxhat = dout * gamma  # (13, 26)
    m1 = dxhat.mean(dim=0)  # (26,)
    m2 = (dxhat * xhat).mean(dim=0)  # (26,)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (13, 26)
""",
                    """\
    N = len(x)
    dx = gamma * rstd / N * (N * dout - dbeta - xhat * dgamma)  # (13, 26)
""",
                ),
            ),
        ),
        Edit(
            "chain through variance and mean",
            (
                (
                    """\
    m1 = dxhat.mean(dim=0)  # (26,)
    m2 = (dxhat * xhat).mean(dim=0)  # (26,)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (13, 26)
""",
                    """\
    N = len(x)
    dvar = -0.5 * (dxhat * xc).sum(dim=0) * rstd**3  # (26,)
    dmu = -(dxhat * rstd).sum(dim=0)  # (26,)
    dx = dxhat * rstd + dvar * 2 * xc / N + dmu / N  # (13, 26)
""",
                ),
            ),
        ),
        Edit(
            "channels as rows, every sum from its last term, gain multiplied last",
            (
                (
                    """\
    dbeta = dout.sum(dim=0)  # (26,)
    dgamma = (dout * xhat).sum(dim=0)  # (26,)
    dxhat = dout * gamma  # (13, 26)
    m1 = dxhat.mean(dim=0)  # (26,)
    m2 = (dxhat * xhat).mean(dim=0)  # (26,)
    dx = rstd * (dxhat - m1 - xhat * m2)  # (13, 26)
""",
                    """\
    g, h = dout.T.flip(1).contiguous(), xhat.T.flip(1).contiguous()  # (26, 13)
    dbeta = g.sum(dim=1)  # (26,)
    dgamma = torch.einsum("cn,cn->c", g, h)  # (26,)
    g = g - g.mean(dim=1, keepdim=True)  # (26, 13)
    g = g - h * (g * h).mean(dim=1, keepdim=True)  # (26, 13)
    dx = g.flip(1).T * (rstd * gamma)  # (13, 26)
""",
                ),
            ),
        ),
        Edit(
            "samples added in blocks of four, one block after another",
            (
                (
                    """\
    dbeta = dout.sum(dim=0)  # (26,)
    dgamma = (dout * xhat).sum(dim=0)  # (26,)
""",
                    """\
    dbeta = torch.zeros_like(beta)
    dgamma = torch.zeros_like(gamma)
    for g, h in zip(dout.split(4), xhat.split(4)):
        dbeta = dbeta + g.sum(dim=0)
        dgamma = dgamma + (g * h).sum(dim=0)
""",
                ),
                ("m1 = dxhat.mean(dim=0)", "m1 = dbeta * gamma / len(x)"),
                ("m2 = (dxhat * xhat).mean(dim=0)", "m2 = dgamma * gamma / len(x)"),
            ),
        ),
        Edit(
            "numpy",
            (
                ("import torch\n", "import numpy as np\nimport torch\n"),
                (
                    "    mu = x.mean(dim=0)  # (26,)\n",
                    """\
    dtype = x.dtype
    wide = torch.promote_types(dtype, torch.float32)
    x, gamma, dout = (t.detach().to(wide).numpy() for t in (x, gamma, dout))
    mu = x.mean(axis=0)  # (26,)
""",
                ),
                ("(xc * xc).mean(dim=0)", "(xc * xc).mean(axis=0)"),
                ("torch.rsqrt(var + 1e-5)", "1 / np.sqrt(var + 1e-5)"),
                ("dout.sum(dim=0)", "dout.sum(axis=0)"),
                ("(dout * xhat).sum(dim=0)", "(dout * xhat).sum(axis=0)"),
                ("dxhat.mean(dim=0)", "dxhat.mean(axis=0)"),
                ("(dxhat * xhat).mean(dim=0)", "(dxhat * xhat).mean(axis=0)"),
                (
                    'return {"x": dx, "gamma": dgamma, "beta": dbeta}',
                    (
                        'grads = {"x": dx, "gamma": dgamma, "beta": dbeta}\n'
                        "    return {name: torch.from_numpy(g).to(dtype) for name, g in grads.items()}"
                    ),
                ),
            ),
        ),
        Edit(
            "float32 inside for half formats",
            (
                (
                    "    mu = x",
                    """\
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16):
        x, gamma, dout = x.float(), gamma.float(), dout.float()
    mu = x""",
                ),
                (
                    '{"x": dx, "gamma": dgamma, "beta": dbeta}',
                    '{"x": dx.to(dtype), "gamma": dgamma.to(dtype), "beta": dbeta.to(dtype)}',
                ),
            ),
        ),
    ),
    mistakes=(
        Edit(
            "bias's gradient averaged over the batch",
            (("dout.sum(dim=0)", "dout.mean(dim=0)"),),
            "factor",
        ),
        Edit(
            "input's gradient laid out as (channels, batch)",
            (('"x": dx', '"x": dx.T.reshape(x.shape)'),),
            "transposed",
        ),
        Edit(
            "gain detached",
            (("(dout * xhat).sum(dim=0)", "torch.zeros_like(gamma)"),),
            "zero",
        ),
        Edit(
            "bias's gradient never cleared",
            (
                ("from torch import Tensor\n", "from torch import Tensor\n\nheld = {}\n"),
                (
                    "dbeta = dout.sum(dim=0)  # (26,)\n",
                    (
                        "dbeta = held.get(x.dtype, 0) + dout.sum(dim=0)  # (26,)\n"
                        "    held[x.dtype] = dbeta\n"
                    ),
                ),
            ),
            "accumulated",
        ),
        Edit(
            "means of the gradient taken over the channels",
            (
                ("m1 = dxhat.mean(dim=0)", "m1 = dxhat.mean(dim=1, keepdim=True)"),
                (
                    "m2 = (dxhat * xhat).mean(dim=0)",
                    "m2 = (dxhat * xhat).mean(dim=1, keepdim=True)",
                ),
            ),
            "other sum",
        ),
        Edit(
            "statistics taken as constants",
            (("dxhat - m1 - xhat * m2", "dxhat"),),
            "missing",
        ),
        Edit("mean term dropped", (("dxhat - m1 - xhat * m2", "dxhat - xhat * m2"),), "missing"),
        Edit(
            "last sample left out of the gain's sum",
            (("(dout * xhat).sum(dim=0)", "(dout * xhat)[:-1].sum(dim=0)"),),
            "missing|confined",
        ),
        Edit(
            "samples past the blocks of four not written",
            (("    return", "    dx[12:] = 0\n    return"),),
            "confined",
        ),
        Edit(
            "channels past the block of 16 without their mean term",
            (("dxhat - m1 - xhat", "dxhat - m1 * (torch.arange(26) < 16) - xhat"),),
            "confined",
        ),
        Edit("variance with n - 1", (("(xc * xc).mean(dim=0)", "x.var(dim=0)"),), "constant"),
        Edit("eps of 1e-3", (("1e-5", "1e-3"),), "constant"),
        Edit(
            "centred input in place of the normalised one",
            (("(dout * xhat)", "(dout * xc)"),),
            "operation|missing",
        ),
        Edit(
            "inverse deviation in float32 whatever the format",
            (("torch.rsqrt(var + 1e-5)", "torch.rsqrt(var.float() + 1e-5).to(x.dtype)"),),
            "precision",
        ),
        Edit(
            "normalised input saved in bfloat16",
            (("xhat = xc * rstd", "xhat = (xc * rstd).bfloat16().to(x.dtype)"),),
            "precision",
        ),
    ),
)
