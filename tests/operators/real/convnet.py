"""Two convolutions with a pooling between them, and a batch norm in training mode."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="convnet",
    tensors={
        "x": {"shape": [2, 2, 6, 6], "draw": "randn", "requires_grad": True},
        "w": {"shape": [3, 2, 3, 3], "draw": "randn", "scale": 0.3, "requires_grad": True},
        "g": {"shape": [3], "draw": "uniform", "low": 0.5, "high": 1.5, "requires_grad": True},
        "v": {"shape": [4, 3, 2], "draw": "randn", "scale": 0.3, "requires_grad": True},
    },
    forward="""\
import torch.nn.functional as F


def forward(x, w, g, v):
    h = F.conv2d(x, w, padding=1)
    h = F.batch_norm(h, None, None, weight=g, training=True)
    h = F.relu(h)
    h = F.max_pool2d(h, 2)
    return F.conv1d(h.flatten(2), v, padding="same")
""",
    backward="""\
import torch
import torch.nn.functional as F


def backward(x, w, g, v, dout):
    c = F.conv2d(x, w, padding=1)
    mean = c.mean((0, 2, 3), keepdim=True)
    rstd = (c.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).rsqrt()
    xhat = (c - mean) * rstd
    n = xhat * g[:, None, None]
    r = F.relu(n)
    pooled, where = F.max_pool2d(r, 2, return_indices=True)
    flat = pooled.flatten(2)
    # conv1d with an even kernel and padding="same" pads one more on the right
    padded = F.pad(flat, (0, 1))
    dv = torch.stack([torch.einsum("bot,bit->oi", dout, padded[..., j : j + 9]) for j in range(2)], -1)
    dflat = sum(torch.einsum("bot,oi->bit", F.pad(dout, (j, 0))[..., :9], v[..., j]) for j in range(2))
    dr = F.max_unpool2d(dflat.reshape(pooled.shape), where, 2)
    dn = dr * (n > 0)
    dg = (dn * xhat).sum((0, 2, 3))
    dh = dn * g[:, None, None]
    dc = rstd * (
        dh - dh.mean((0, 2, 3), keepdim=True) - xhat * (dh * xhat).mean((0, 2, 3), keepdim=True)
    )
    dx = F.conv_transpose2d(dc, w, padding=1)
    dw = torch.nn.grad.conv2d_weight(x, w.shape, dc, padding=1)
    return {"x": dx, "w": dw, "g": dg, "v": dv}
""",
    mistakes=(
        Edit("relu forgotten", (("dr * (n > 0)", "dr"),), "missing"),
        Edit(
            "statistics as constants",
            (
                (
                    "(\n        dh - dh.mean((0, 2, 3), keepdim=True) - xhat * (dh * xhat).mean((0, 2, 3), keepdim=True)\n    )",
                    "dh",
                ),
            ),
            "missing term",
        ),
        Edit(
            "kernel not turned",
            (
                (
                    "F.conv_transpose2d(dc, w, padding=1)",
                    "F.conv2d(dc, w.transpose(0, 1), padding=1)",
                ),
            ),
            "transposed",
        ),
    ),
)
