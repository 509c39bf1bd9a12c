"""A linear layer and a focal loss of classes."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="focal_loss",
    tensors={
        "x": {"shape": [9, 6], "draw": "randn", "requires_grad": True},
        "W": {"shape": [5, 6], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "b": {"shape": [5], "draw": "linear_default", "fan_in": 6, "requires_grad": True},
        "alpha": {"shape": [5], "draw": "uniform", "low": 0.5, "high": 1.5},
        "labels": {"shape": [9], "draw": "randint", "high": 5},
    },
    forward='''\
"""The mean of -alpha_y (1 - q)^2 log q, q the probability of the class y."""

from torch import Tensor
from torch.nn.functional import linear, log_softmax

GAMMA = 2.0


def forward(x: Tensor, W: Tensor, b: Tensor, alpha: Tensor, labels: Tensor) -> Tensor:
    logp = log_softmax(linear(x, W, b), dim=1)  # (9, 5)
    logq = logp.gather(1, labels[:, None]).squeeze(1)  # (9,)
    q = logq.exp()  # (9,)
    return -(alpha[labels] * (1 - q) ** GAMMA * logq).mean()
''',
    backward='''\
"""The gradient of forward.py: the product rule in q, then the softmax."""

from torch import Tensor
from torch.nn.functional import linear, log_softmax, one_hot

GAMMA = 2.0


def backward(
    x: Tensor, W: Tensor, b: Tensor, alpha: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    logp = log_softmax(linear(x, W, b), dim=1)  # (9, 5)
    p = logp.exp()  # (9, 5)
    logq = logp.gather(1, labels[:, None])  # (9, 1)
    q = p.gather(1, labels[:, None])  # (9, 1)
    w = alpha[labels][:, None]  # (9, 1)
    easy = GAMMA * (1 - q) ** (GAMMA - 1) * logq  # (9, 1)
    entropy = (1 - q) ** GAMMA / q  # (9, 1)
    dq = w * (easy - entropy) / len(x)  # (9, 1)
    label = one_hot(labels, 5).to(p.dtype)  # (9, 5)
    dz = dq * q * (label - p)  # (9, 5)
    dx = dz @ W  # (9, 6)
    dW = dz.T @ x  # (5, 6)
    db = dz.sum(dim=0)  # (5,)
    return {"x": dx, "W": dW, "b": db}
''',
    variants=(
        Edit(
            "probability multiplied in at once",
            (
                ("(1 - q) ** GAMMA / q", "(1 - q) ** GAMMA"),
                ("w * (easy - entropy)", "w * (easy * q - entropy)"),
                ("dq * q * (label - p)", "dq * (label - p)"),
            ),
        ),
        Edit(
            "classes' probabilities picked by the labels' mask",
            (
                (
                    "q = p.gather(1, labels[:, None])",
                    "q = (p * one_hot(labels, 5)).sum(dim=1, keepdim=True)",
                ),
            ),
        ),
        Edit(
            "common factor taken out",
            (("w * (easy - entropy)", "w * (1 - q) * (GAMMA * logq - (1 - q) / q)"),),
        ),
    ),
    mistakes=(
        Edit("modulation taken for a constant", (("(easy - entropy)", "-entropy"),), "missing"),
        Edit("cross-entropy's own slope left out", (("(easy - entropy)", "easy"),), "missing"),
        Edit(
            "exponent not brought down",
            (("easy = GAMMA * (1 - q)", "easy = (1 - q)"),),
            "missing|factor",
        ),
        Edit("power not lowered", (("** (GAMMA - 1)", "** GAMMA"),), "operation|constant"),
        Edit(
            "sign of the inner derivative of 1 - q",
            (("easy - entropy", "-easy - entropy"),),
            "factor|operation",
        ),
        Edit("gamma of 1.5", (("GAMMA = 2.0", "GAMMA = 1.5"),), "constant"),
        Edit("class weights left out", (("w * (easy - entropy)", "(easy - entropy)"),), "missing"),
        Edit(
            "class weights by labels from one",
            (("alpha[labels][:, None]", "alpha[labels - 1][:, None]"),),
            "shifted",
        ),
        Edit(
            "mean of the weights, as cross_entropy has it",
            (("(easy - entropy) / len(x)", "(easy - entropy) / w.sum()"),),
            "factor",
        ),
        Edit(
            "divided by the number of logits",
            (("(easy - entropy) / len(x)", "(easy - entropy) / p.numel()"),),
            "factor",
        ),
        Edit(
            "q left out of the softmax's derivative",
            (("dq * q * (label - p)", "dq * (label - p)"),),
            "missing",
        ),
        Edit("q for p in the softmax's derivative", (("(label - p)", "(label - q)"),), "operation"),
        Edit(
            "diagonal of the softmax's derivative alone",
            (("q * (label - p)", "q * (1 - q) * label"),),
            "missing",
        ),
        Edit("sign of the softmax's derivative", (("(label - p)", "(p - label)"),), "factor"),
        Edit(
            "softmax over the batch",
            (("linear(x, W, b), dim=1)", "linear(x, W, b), dim=0)"),),
            "other sum",
        ),
        Edit(
            "probabilities in bfloat16",
            (("p = logp.exp()", "p = logp.bfloat16().exp().to(x.dtype)"),),
            "precision",
        ),
    ),
)
