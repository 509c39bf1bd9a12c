"""A recurrence that writes each step into a buffer, with a loop of a length read from data."""

from tests.operators.case import Edit, Operator

OPERATOR = Operator(
    name="rnn_in_place",
    tensors={
        "x": {"shape": [2, 6, 3], "draw": "randn", "requires_grad": True},
        "W": {"shape": [3, 3], "draw": "randn", "scale": 0.5, "requires_grad": True},
        "lengths": {"shape": [2], "draw": "randint", "low": 2, "high": 6},
    },
    forward="""\
import torch


def forward(x, W, lengths):
    out = torch.zeros_like(x)
    h = torch.zeros_like(x[:, 0])
    for t in range(int(lengths.max())):
        new = torch.tanh(x[:, t] + h @ W.T)
        alive = (t < lengths)[:, None]
        h = torch.where(alive, new, h)
        out[:, t] = h
    return out
""",
    backward="""\
import torch


def backward(x, W, lengths, dout):
    steps = int(lengths.max())
    hs = [torch.zeros_like(x[:, 0])]
    for t in range(steps):
        new = torch.tanh(x[:, t] + hs[-1] @ W.T)
        hs.append(torch.where((t < lengths)[:, None], new, hs[-1]))
    dx, dW, dh = torch.zeros_like(x), torch.zeros_like(W), torch.zeros_like(x[:, 0])
    for t in reversed(range(steps)):
        dh += dout[:, t]
        alive = (t < lengths)[:, None]
        da = dh * (1 - hs[t + 1] ** 2) * alive
        dx[:, t] = da
        dW += da.T @ hs[t]
        dh = torch.where(alive, da @ W, dh)
    return {"x": dx, "W": dW}
""",
    mistakes=(
        Edit("the state after, not before", (("da.T @ hs[t]", "da.T @ hs[t + 1]"),), "shifted"),
        Edit("padding is not skipped", (("torch.where(alive, da @ W, dh)", "da @ W"),), "missing"),
    ),
)
