"""A style loss: the distance of two Gram matrices."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="gram_loss",
    tensors={
        "f": {"shape": [3, 5, 8], "draw": "randn", "requires_grad": True},
        "style": {"shape": [5, 5], "draw": "randn", "requires_grad": True},
        "scale": {"shape": [5], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""Style loss: the mean over the images of |G - style|^2 / 4, G = F F^T / 8, F = scale f."""

from torch import Tensor


def forward(f: Tensor, style: Tensor, scale: Tensor) -> Tensor:
    F = scale[:, None] * f  # (3, 5, 8)
    G = F @ F.transpose(1, 2) / 8  # (3, 5, 5)
    return (G - style).square().sum() / (4 * len(f))
''',
    backward='''\
"""The gradient of forward.py: F is used twice, and G is symmetric where style is not."""

from torch import Tensor


def backward(f: Tensor, style: Tensor, scale: Tensor, dout: Tensor) -> dict[str, Tensor]:
    F = scale[:, None] * f  # (3, 5, 8)
    G = F @ F.transpose(1, 2) / 8  # (3, 5, 5)
    dG = dout * (G - style) / (2 * len(f))  # (3, 5, 5)
    dstyle = -dG.sum(dim=0)  # (5, 5)
    dF = (dG + dG.transpose(1, 2)) @ F / 8  # (3, 5, 8)
    df = scale[:, None] * dF  # (3, 5, 8)
    dscale = (dF * f).sum(dim=(0, 2))  # (5,)
    return {"f": df, "style": dstyle, "scale": dscale}
''',
    variants=(
        Edit(
            "two products",
            (("(dG + dG.transpose(1, 2)) @ F / 8", "(dG @ F + dG.transpose(1, 2) @ F) / 8"),),
        ),
        Edit("sums one by one", (("(dF * f).sum(dim=(0, 2))", "(dF * f).sum(dim=2).sum(dim=0)"),)),
        Edit(
            "divided first",
            (("dout * (G - style) / (2 * len(f))", "dout / (2 * len(f)) * (G - style)"),),
        ),
    ),
    mistakes=(
        Edit("one of two uses of F", (("(dG + dG.transpose(1, 2)) @ F", "dG @ F"),), "missing"),
        Edit(
            "twice one use of F",
            (("(dG + dG.transpose(1, 2)) @ F", "2 * dG @ F"),),
            "transposed|operation|factor|missing",
        ),
        Edit("scale forgotten in df", (("df = scale[:, None] * dF", "df = dF"),), "missing"),
        Edit("f for F in dF", (("@ F / 8", "@ f / 8"),), "operation|missing"),
        Edit("F for f in dscale", (("(dF * f)", "(dF * F)"),), "operation|missing"),
        Edit("Gram matrix not divided by 8 in dF", (("@ F / 8  #", "@ F  #"),), "factor"),
        Edit("quarter not halved", (("(2 * len(f))", "(4 * len(f))"),), "factor"),
        Edit(
            "style summed over axis 1",
            (("-dG.sum(dim=0)", "-dG.sum(dim=1).mean(dim=0, keepdim=True).expand(5, 5).clone()"),),
            "other sum",
        ),
        Edit("style averaged over the images", (("-dG.sum(dim=0)", "-dG.mean(dim=0)"),), "factor"),
        Edit("sign of dstyle", (("-dG.sum(dim=0)", "dG.sum(dim=0)"),), "factor"),
        Edit("style left out of the difference", (("(G - style)", "G"),), "missing"),
        Edit("style transposed", (("(G - style)", "(G - style.T)"),), "transposed"),
        Edit(
            "dscale over the channels",
            (("(dF * f).sum(dim=(0, 2))", "(dF * f).sum(dim=(0, 1))[:5]"),),
            "other sum",
        ),
        Edit(
            "dscale of the first image",
            (("(dF * f).sum(dim=(0, 2))", "(dF * f)[0].sum(dim=1)"),),
            "missing|confined|other sum",
        ),
    ),
)
