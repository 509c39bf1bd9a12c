"""Batch normalisation node by node, as courses have their students derive it."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="batch_norm_of_a_course",
    tensors={
        "x": {"shape": [20, 5], "draw": "randn", "requires_grad": True},
        "gamma": {"shape": [5], "draw": "randn", "requires_grad": True},
        "beta": {"shape": [5], "draw": "randn", "requires_grad": True},
    },
    forward="""\
def forward(x, gamma, beta):
    mean = x.mean(0)
    variance = ((x - mean) ** 2).mean(0)
    return gamma * (x - mean) / (variance + 1e-5) ** 0.5 + beta
""",
    backward="""\
def backward(x, gamma, beta, dout):
    N = len(x)
    mean = x.sum(0) / N
    centred = x - mean
    variance = (centred**2).sum(0) / N
    deviation = (variance + 1e-5) ** 0.5
    inverse = 1 / deviation
    xhat = centred * inverse
    dbeta = dout.sum(0)
    dgamma = (dout * xhat).sum(0)
    dxhat = dout * gamma
    dinverse = (dxhat * centred).sum(0)
    dvariance = -0.5 * dinverse * inverse**3
    dcentred = dxhat * inverse + 2 / N * centred * dvariance
    dmean = -dcentred.sum(0)
    dx = dcentred + dmean / N
    return {"x": dx, "gamma": dgamma, "beta": dbeta}
""",
    mistakes=(
        Edit(
            "the variance is taken for a constant",
            (("dxhat * inverse + 2 / N * centred * dvariance", "dxhat * inverse"),),
            "missing",
        ),
    ),
)
