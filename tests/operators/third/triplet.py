"""A triplet loss on distances."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="triplet",
    tensors={
        "a": {"shape": [12, 6], "draw": "randn", "requires_grad": True},
        "p": {"shape": [12, 6], "draw": "randn", "requires_grad": True},
        "n": {"shape": [12, 6], "draw": "randn", "requires_grad": True},
    },
    forward='''\
"""The mean over the triplets of max(0, |a - p| - |a - n| + 0.5)."""

from torch import Tensor

MARGIN = 0.5


def forward(a: Tensor, p: Tensor, n: Tensor) -> Tensor:
    near = (a - p).norm(dim=1)  # (12,)
    far = (a - n).norm(dim=1)  # (12,)
    return (near - far + MARGIN).relu().mean()
''',
    backward='''\
"""The gradient of forward.py: of each triplet within the margin, two unit vectors."""

from torch import Tensor

MARGIN = 0.5


def backward(a: Tensor, p: Tensor, n: Tensor, dout: Tensor) -> dict[str, Tensor]:
    near = (a - p).norm(dim=1, keepdim=True)  # (12, 1)
    far = (a - n).norm(dim=1, keepdim=True)  # (12, 1)
    within = (near - far + MARGIN > 0).to(a.dtype)  # (12, 1)
    scale = dout * within / len(a)  # (12, 1)
    dp = -scale * (a - p) / near  # (12, 6)
    dn = scale * (a - n) / far  # (12, 6)
    da = -dp - dn  # (12, 6)
    return {"a": da, "p": dp, "n": dn}
''',
    variants=(
        Edit("differences the other way", (("-scale * (a - p) / near", "scale * (p - a) / near"),)),
        Edit(
            "where for the mask",
            (("da = -dp - dn", "da = (scale * (a - p) / near - dn).where(within > 0, 0)"),),
        ),
        Edit("unit vectors first", (("scale * (a - n) / far", "scale * ((a - n) / far)"),)),
    ),
    mistakes=(
        Edit(
            "hinge left out", (("dout * within / len(a)", "dout / len(a) + 0 * near"),), "missing"
        ),
        Edit("hinge the other way", (("MARGIN > 0)", "MARGIN < 0)"),), "operation"),
        Edit(
            "margin left out of the hinge",
            (("(near - far + MARGIN > 0)", "(near - far > 0)"),),
            "missing|constant",
        ),
        Edit("margin of 0.2", (("MARGIN = 0.5", "MARGIN = 0.1"),), "constant"),
        Edit("distance not divided by", (("(a - p) / near", "(a - p)"),), "missing"),
        Edit(
            "squared distances' gradient in dn",
            (("scale * (a - n) / far", "2 * scale * (a - n)"),),
            "operation|missing",
        ),
        Edit(
            "distance squared",
            (("(a - p) / near", "(a - p) / near.square()"),),
            "operation|missing",
        ),
        Edit(
            "the wrong distance",
            (("scale * (a - n) / far", "scale * (a - n) / near"),),
            "operation",
        ),
        Edit("negative's part of da forgotten", (("da = -dp - dn", "da = -dp"),), "missing"),
        Edit(
            "sign of dn", (("dn = scale * (a - n) / far", "dn = -scale * (a - n) / far"),), "factor"
        ),
        Edit("sum for mean", (("within / len(a)", "within"),), "factor"),
        Edit("mean over those within", (("within / len(a)", "within / within.sum()"),), "factor"),
        Edit("divided by the elements", (("within / len(a)", "within / a.numel()"),), "factor"),
        Edit(
            "last triplet left out",
            (("    return {", "    dn[-1] = 0\n    da[-1] = 0\n    return {"),),
            "confined",
        ),
    ),
)
